package accessapp

import (
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/audit"
)

// The actions of keys in the audit log.
const (
	keyCreated = "key.created"
	keyUpdated = "key.updated"
	keyRotated = "key.rotated"
	keyRevoked = "key.revoked"
)

// note records for the audit log what a caller does to a key, with what the key allows
// from then on.
func note(by access.Caller, action string, key *access.APIKey, at time.Time) {
	a := key.Attributes()
	key.Note(audit.Record{
		At: at, Actor: by.Actor, Source: by.Source(), RequestID: by.RequestID, Action: action, Outcome: audit.Done,
		Count: 1, Resource: audit.Resource{Type: "api_key", ID: a.ID, Name: a.Name},
		Facts: map[string]string{"grants": grantsText(a.Grants), "expires_at": momentText(a.Expires)},
	})
}

func momentText(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

// grantsText writes grants such as "editor+reveal environments=staging; reader".
func grantsText(grants []access.Grant) string {
	texts := make([]string, len(grants))
	for i, g := range grants {
		text := g.Role.String()
		if g.Reveal {
			text += "+reveal"
		}
		var textSb45 strings.Builder
		for _, e := range g.Area.Environments {
			textSb45.WriteString(" environment=" + e.String())
		}
		text += textSb45.String()
		var textSb48 strings.Builder
		for _, s := range g.Area.Services {
			textSb48.WriteString(" service=" + s.String())
		}
		text += textSb48.String()
		var textSb51 strings.Builder
		for _, p := range g.Area.Prefixes {
			textSb51.WriteString(" prefix=" + p)
		}
		text += textSb51.String()
		texts[i] = text
	}
	return strings.Join(texts, "; ")
}
