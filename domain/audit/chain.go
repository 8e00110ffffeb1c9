package audit

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Hash is that of an entry: the SHA-256 of the hash before it, 32 zero bytes before the
// first, followed by the entry's canonical JSON.
type Hash [sha256.Size]byte

// Chain returns the hash of an entry after another one.
func Chain(before Hash, canonical []byte) Hash {
	digest := sha256.New()
	digest.Write(before[:])
	digest.Write(canonical)
	return Hash(digest.Sum(nil))
}

// timeLayout is RFC 3339 in UTC with microseconds.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Canonical returns the entry as JSON in the form of RFC 8785: members in the order of
// their names, no blanks, and strings with the fewest escapes. Text that is no UTF-8 is
// replaced by U+FFFD.
func (e Entry) Canonical() []byte {
	b := make([]byte, 0, 512)
	b = member(b, '{', "action", e.Action)
	b = append(b, `,"actor":`...)
	b = member(b, '{', "key_id", e.Actor.KeyID)
	b = append(member(b, ',', "name", e.Actor.Name), '}')
	b = member(b, ',', "at", e.At.UTC().Format(timeLayout))
	b = number(b, "count", e.Count)
	b = append(b, `,"facts":{`...)
	for i, name := range slices.Sorted(maps.Keys(e.Facts)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(appendString(b, name), ':'), e.Facts[name])
	}
	b = member(append(b, '}'), ',', "outcome", string(e.Outcome))
	b = member(b, ',', "request_id", e.RequestID)
	b = append(b, `,"resource":`...)
	b = member(b, '{', "environment", e.Resource.Environment)
	b = member(b, ',', "id", e.Resource.ID)
	b = member(b, ',', "name", e.Resource.Name)
	b = member(b, ',', "service_name", e.Resource.ServiceName)
	b = append(member(b, ',', "type", e.Resource.Type), '}')
	b = number(b, "sequence", e.Sequence)
	b = member(b, ',', "source", e.Source)
	b = number(b, "version_after", e.VersionAfter)
	return append(number(b, "version_before", e.VersionBefore), '}')
}

func member(b []byte, separator byte, name, value string) []byte {
	b = append(append(append(b, separator, '"'), name...), '"', ':')
	return appendString(b, value)
}

func number(b []byte, name string, value int64) []byte {
	return strconv.AppendInt(append(append(append(b, ',', '"'), name...), '"', ':'), value, 10)
}

// appendString appends a string as RFC 8785, section 3.2.2.2, writes it.
func appendString(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\b':
			b = append(b, '\\', 'b')
		case r == '\t':
			b = append(b, '\\', 't')
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\f':
			b = append(b, '\\', 'f')
		case r == '\r':
			b = append(b, '\\', 'r')
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// entryJSON is the canonical form, to be read.
type entryJSON struct {
	Action string `json:"action"`
	Actor  struct {
		KeyID string `json:"key_id"`
		Name  string `json:"name"`
	} `json:"actor"`
	At        string            `json:"at"`
	Count     int64             `json:"count"`
	Facts     map[string]string `json:"facts"`
	Outcome   Outcome           `json:"outcome"`
	RequestID string            `json:"request_id"`
	Resource  struct {
		Environment string `json:"environment"`
		ID          string `json:"id"`
		Name        string `json:"name"`
		ServiceName string `json:"service_name"`
		Type        string `json:"type"`
	} `json:"resource"`
	Sequence      int64  `json:"sequence"`
	Source        string `json:"source"`
	VersionAfter  int64  `json:"version_after"`
	VersionBefore int64  `json:"version_before"`
}

// errNotCanonical is a stored text that Canonical does not write.
var errNotCanonical = errors.New("the text is not the canonical form of an entry")

// Parse returns the entry of a canonical text. Any other text is an error.
func Parse(canonical []byte) (Entry, error) {
	var read entryJSON
	if err := json.Unmarshal(canonical, &read); err != nil {
		return Entry{}, fmt.Errorf("read an audit entry: %w", err)
	}
	at, err := time.Parse(timeLayout, read.At)
	if err != nil {
		return Entry{}, errNotCanonical
	}
	e := Entry{Sequence: read.Sequence, Record: Record{
		At: at, Actor: scope.Actor{KeyID: read.Actor.KeyID, Name: read.Actor.Name}, Source: read.Source,
		RequestID: read.RequestID, Action: read.Action, Outcome: read.Outcome,
		Resource: Resource{
			Type: read.Resource.Type, ID: read.Resource.ID, Environment: read.Resource.Environment,
			ServiceName: read.Resource.ServiceName, Name: read.Resource.Name,
		},
		VersionBefore: read.VersionBefore, VersionAfter: read.VersionAfter, Count: read.Count, Facts: read.Facts,
	}}
	if string(e.Canonical()) != string(canonical) {
		return Entry{}, errNotCanonical
	}
	return e, nil
}

// Stored is an entry as a store holds it. Columns is what the columns that queries select
// by say.
type Stored struct {
	Sequence  int64
	Canonical []byte
	Hash      Hash
	Columns   Columns
}

// Columns are the attributes of an entry that queries select by.
type Columns struct {
	At                        time.Time
	ActorKeyID, Action        string
	Outcome                   Outcome
	ResourceType, Environment string
	ServiceName, Name         string
}

// ColumnsOf returns the columns of a record.
func ColumnsOf(r Record) Columns {
	return Columns{
		At: r.At, ActorKeyID: r.Actor.KeyID, Action: r.Action, Outcome: r.Outcome, ResourceType: r.Resource.Type,
		Environment: r.Resource.Environment, ServiceName: r.Resource.ServiceName, Name: r.Resource.Name,
	}
}

// Broken is the first entry at which a chain is broken.
type Broken struct {
	Sequence int64
	// Reason is "missing", "inserted", "changed" or "hash".
	Reason string
}

// Verify checks stored entries that follow a head, in their order, and returns the head
// after them, or where the chain is broken first.
func Verify(after Head, list []Stored) (Head, *Broken) {
	for _, s := range list {
		switch expected := after.Sequence + 1; {
		case s.Sequence > expected:
			return after, &Broken{Sequence: expected, Reason: "missing"}
		case s.Sequence < expected:
			return after, &Broken{Sequence: s.Sequence, Reason: "inserted"}
		}
		e, err := Parse(s.Canonical)
		columns := ColumnsOf(e.Record)
		if err != nil || e.Sequence != s.Sequence || !columns.At.Equal(s.Columns.At) {
			return after, &Broken{Sequence: s.Sequence, Reason: "changed"}
		}
		columns.At = s.Columns.At
		if columns != s.Columns {
			return after, &Broken{Sequence: s.Sequence, Reason: "changed"}
		}
		if Chain(after.Hash, s.Canonical) != s.Hash {
			return after, &Broken{Sequence: s.Sequence, Reason: "hash"}
		}
		after = Head{Sequence: s.Sequence, Hash: s.Hash}
	}
	return after, nil
}
