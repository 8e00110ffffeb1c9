package flag

import (
	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// HistoryEntry is one version as it was made: the whole definition that it
// replaced and set, and who made it. Entries are never changed.
type HistoryEntry struct {
	// ID numbers the entries of all flags; 0 until it is stored.
	ID      int64
	FlagID  ID
	Version scope.Version
	Action  scope.Action
	// Old is what stood before; nil for what was created anew.
	Old *Draft
	// New is what stands from this version on; nil for a deletion.
	New   *Draft
	Stamp scope.Stamp
	// Damaged says that the stored row breaks a rule: only ID, FlagID and Version are
	// known.
	Damaged bool
}

func (e *HistoryEntry) damage() error {
	return ErrDamaged.WithDetail("id", int64(e.FlagID)).WithDetail("version", int64(e.Version))
}

// AsOf returns the flag as it stood when entry was made. A deletion is ErrNotFound, an
// entry that cannot be read ErrDamaged.
func (f *Flag) AsOf(entry HistoryEntry) (State, error) {
	if entry.Damaged {
		return State{}, entry.damage()
	}
	if entry.New == nil {
		return State{}, ErrNotFound
	}
	s := f.State()
	s.Draft, s.Lifecycle = *entry.New, s.AsOf(entry.Version, entry.Stamp)
	return s, nil
}

// Unsaved is what a Repository has to write for one flag, all or none. Events are
// PendingEvents.
type Unsaved struct {
	// State is what stands after the change.
	State State
	// Base is the version that the store must hold; 0 for one that it must not
	// have yet.
	Base scope.Version
	// Entries are the history entries to add, oldest first; without any there is
	// nothing to write.
	Entries []HistoryEntry
}

// Unsaved returns what is to be written.
func (f *Flag) Unsaved() Unsaved { return Unsaved{State: f.state, Base: f.stored, Entries: f.entries} }

// MarkSaved tells the flag that it is stored, under which id, and the id of the
// event that made its version; only stores call it, after their commit.
func (f *Flag) MarkSaved(id ID, event string) {
	f.state.ID, f.state.Event = id, event
	f.stored = f.state.Version
	f.entries = nil
	f.ForgetEvents()
}

// AggregateType is what events call a flag.
const AggregateType = "flag"

// Changed is the event of one new version. Which change it was is its type:
// flag.created, flag.updated, flag.rolled_back or flag.deleted.
type Changed struct{ envelope event.Envelope }

// Envelope returns the event as it is told to others: name, environment, version
// and whether the flag is enabled.
func (e Changed) Envelope() event.Envelope { return e.envelope }

func newEvent(s State, entry HistoryEntry, revived bool) Changed {
	environment := s.Identity.Environment.String()
	data := map[string]any{
		"name":        s.Identity.Name.String(),
		"environment": environment,
		"version":     int64(entry.Version),
		"is_enabled":  !s.Deleted && s.Definition.Enabled(),
	}
	if entry.Action == scope.ActionRollback {
		data["revived"] = revived
	}
	return Changed{envelope: event.Envelope{
		Type:             AggregateType + "." + entry.Action.PastTense(),
		AggregateType:    AggregateType,
		AggregateVersion: int64(entry.Version),
		Environment:      environment,
		Data:             data,
		Stamp:            entry.Stamp,
	}}
}
