package flag

import (
	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// HistoryEntry is one version: the draft before and after, and its author. Entries are
// immutable.
type HistoryEntry struct {
	versioned.Entry[ID]
	// Old is the draft before; nil for a creation.
	Old *Draft
	// New is the draft from this version on; nil for a deletion.
	New *Draft
}

// AsOf returns the flag as of an entry. A deletion is ErrNotFound, an unreadable entry
// ErrDamaged.
func (f *Flag) AsOf(entry HistoryEntry) (State, error) {
	if err := entry.Damage(); err != nil {
		return State{}, err
	}
	if entry.New == nil {
		return State{}, ErrNotFound
	}
	s := f.State()
	s.Draft, s.Lifecycle = *entry.New, s.AsOf(entry.Version, entry.Stamp)
	return s, nil
}

// Unsaved is what a Repository has to write for one flag, all or none.
type Unsaved = versioned.Unsaved[State, HistoryEntry]

// Unsaved returns the unsaved changes.
func (f *Flag) Unsaved() Unsaved {
	return Unsaved{State: f.State(), Base: f.Base(), Entries: f.Entries()}
}

// AggregateType is the type of flags in events.
const AggregateType = "flag"

// The types of event.
const (
	EventCreated    = "flag.created"
	EventUpdated    = "flag.updated"
	EventRolledBack = "flag.rolled_back"
	EventDeleted    = "flag.deleted"
)

// newEvent returns the event of one version: name, environment, version and whether the
// flag is enabled.
func newEvent(s State, entry HistoryEntry, revived bool) event.Event {
	environment := s.Identity.Environment.String()
	return versioned.NewChanged(event.Envelope{
		AggregateType: AggregateType,
		Environment:   environment,
		Data: map[string]any{
			"key":         s.Identity.Name.String(),
			"name":        s.Identity.Name.String(),
			"environment": environment,
			"version":     int64(entry.Version),
			"is_enabled":  !s.Deleted && s.Definition.Enabled(),
		},
	}, entry.Entry, revived)
}
