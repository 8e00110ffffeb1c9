package accessapp

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/audit"
)

// The actions of keys, and of what is trusted, in the audit log.
const (
	keyCreated = "key.created"
	keyUpdated = "key.updated"
	keyRotated = "key.rotated"
	keyRevoked = "key.revoked"

	loginSucceeded = "login.succeeded"

	issuerCreated  = "issuer.created"
	issuerUpdated  = "issuer.updated"
	issuerDeleted  = "issuer.deleted"
	bindingCreated = "binding.created"
	bindingUpdated = "binding.updated"
	bindingDeleted = "binding.deleted"
)

// note records for the audit log what a caller does to a key, with what the key allows
// from then on.
func note(by access.Caller, action string, key *access.APIKey, at time.Time) {
	a := key.Attributes()
	key.Note(audit.Record{
		At: at, Actor: by.Actor, Source: by.Source(), RequestID: by.RequestID, Action: action, Outcome: audit.Done,
		Count: 1, Resource: audit.Resource{Type: "api_key", ID: a.ID, Name: a.Name},
		Facts: factsOf(a, action),
	})
}

// factsOf returns what a key allows, when and from where.
func factsOf(a access.KeyAttributes, action string) map[string]string {
	facts := map[string]string{
		"grants": grantsText(a.Grants), "expires_at": momentText(a.Expires), "networks": networksText(a.Networks),
		"labels": labelsText(a.Labels),
	}
	if !a.NotBefore.IsZero() {
		facts["not_before"] = momentText(a.NotBefore)
	}
	if action == keyRotated && a.OverlapEnds.After(a.Rotated) {
		facts["overlap_ends_at"] = momentText(a.OverlapEnds)
	}
	return facts
}

// networksText writes networks such as "10.0.0.0/8, 192.0.2.0/24", and "all".
func networksText(networks []netip.Prefix) string {
	if len(networks) == 0 {
		return "all"
	}
	texts := make([]string, len(networks))
	for i, n := range networks {
		texts[i] = n.String()
	}
	return strings.Join(texts, ", ")
}

// labelsText writes labels such as "team=shop, tier=1", in the order of their names.
func labelsText(labels map[string]string) string {
	texts := make([]string, 0, len(labels))
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		texts = append(texts, name+"="+labels[name])
	}
	return strings.Join(texts, ", ")
}

func momentText(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

// grantsText writes grants such as "editor+reveal environment=staging; reader".
func grantsText(grants []access.Grant) string {
	texts := make([]string, len(grants))
	for i, g := range grants {
		texts[i] = grantText(g)
	}
	return strings.Join(texts, "; ")
}

func grantText(g access.Grant) string {
	words := []string{g.Role.String()}
	if g.Reveal {
		words[0] += "+reveal"
	}
	for _, e := range g.Area.Environments {
		words = append(words, "environment="+e.String())
	}
	for _, s := range g.Area.Services {
		words = append(words, "service="+s.String())
	}
	for _, prefix := range g.Area.Prefixes {
		words = append(words, "prefix="+prefix)
	}
	return strings.Join(words, " ")
}
