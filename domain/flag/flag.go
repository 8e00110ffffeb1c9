package flag

import (
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// Flag is the aggregate: one flag in one environment, with its version. Changes
// are made by its methods, which keep the version, the history and the events in
// step; a Repository stores all three at once.
type Flag struct {
	versioned.Root[ID, HistoryEntry]
	identity Identity
	present  Draft
}

// Draft is the part of a flag that a writer sets.
type Draft struct {
	Description scope.Description
	Definition  *Definition
}

func (d Draft) same(e Draft) bool {
	return d.Description == e.Description && d.Definition.JSON() == e.Definition.JSON()
}

// State is a flag as of one version, for reading. The draft of a damaged one is empty.
type State struct {
	ID       ID
	Identity Identity
	Draft
	scope.Lifecycle
}

// New returns an unsaved flag at version 1.
func New(identity Identity, draft Draft, stamp scope.Stamp) *Flag {
	f := &Flag{identity: identity}
	f.change(scope.ActionCreate, draft, stamp)
	return f
}

// Rehydrate rebuilds a flag from storage; only stores call it.
func Rehydrate(state State) *Flag {
	return &Flag{
		Root:     versioned.Rehydrate[ID, HistoryEntry](state.ID, state.Lifecycle),
		identity: state.Identity, present: state.Draft,
	}
}

// Recreate creates a deleted flag again, with a new definition, which may have another
// type; id, version and salt continue. If it is not deleted, it is ErrAlreadyExists with
// its id.
func (f *Flag) Recreate(c Change, stamp scope.Stamp) error {
	if !f.Deleted() {
		return scope.Exists(int64(f.ID()))
	}
	definition, err := Define(c, f.present.Definition.salt)
	if err != nil {
		return err
	}
	draft := Draft{Definition: definition}
	assign(&draft.Description, c.Description)
	f.change(scope.ActionCreate, draft, stamp)
	return nil
}

// Mend creates a deleted, unreadable flag again, with a draft that is independent of the
// old one; id and version continue. If it is not deleted, it is ErrAlreadyExists with its
// id.
func (f *Flag) Mend(draft Draft, stamp scope.Stamp) error {
	if !f.Deleted() {
		return scope.Exists(int64(f.ID()))
	}
	f.change(scope.ActionCreate, draft, stamp)
	return nil
}

// Update makes a change, and reports whether anything changed: a change to the current
// state makes no version. A deleted flag is ErrNotFound; else it fails as
// Definition.Apply does.
func (f *Flag) Update(c Change, stamp scope.Stamp) (changed bool, err error) {
	draft, err := f.Preview(c)
	if err != nil || draft.same(f.present) {
		return false, err
	}
	f.change(scope.ActionUpdate, draft, stamp)
	return true, nil
}

// Preview returns the draft that an Update would make, without a change.
func (f *Flag) Preview(c Change) (Draft, error) {
	if f.Deleted() {
		return Draft{}, ErrNotFound
	}
	if err := f.Damage(); err != nil {
		return Draft{}, err
	}
	definition, err := f.present.Definition.Apply(c)
	if err != nil {
		return Draft{}, err
	}
	draft := Draft{Description: f.present.Description, Definition: definition}
	assign(&draft.Description, c.Description)
	return draft, nil
}

// RollBack restores the state of an entry as a new version, with the same ranges; a
// deleted flag is restored too. It reports whether anything changed. An entry that is a
// deletion is ErrVersionIsDelete, one of another type, from before a deletion,
// ErrAnotherType, and an unreadable one ErrDamaged. It repairs a damaged flag, unless its
// identity is damaged: ErrDamaged.
func (f *Flag) RollBack(entry HistoryEntry, stamp scope.Stamp) (changed bool, err error) {
	if err := entry.Damage(); err != nil {
		return false, err
	}
	if entry.New == nil {
		return false, ErrVersionIsDelete
	}
	if _, err := f.identity.Locator().Parse(); err != nil {
		return false, f.Damage()
	}
	if present := f.present.Definition; present != nil && present.kind != entry.New.Definition.kind {
		return false, ErrAnotherType.WithDetail("type", present.kind.String())
	}
	if !f.Deleted() && !f.Damaged() && entry.New.same(f.present) {
		return false, nil
	}
	f.change(scope.ActionRollback, *entry.New, stamp)
	return true, nil
}

// Delete makes the version of a deletion, also of a damaged flag. A deleted one is
// ErrNotFound.
func (f *Flag) Delete(stamp scope.Stamp) error {
	if f.Deleted() {
		return ErrNotFound
	}
	f.change(scope.ActionDelete, f.present, stamp)
	return nil
}

// change makes the next version.
func (f *Flag) change(action scope.Action, draft Draft, stamp scope.Stamp) {
	var entry HistoryEntry
	if before := f.present; f.Version() > 0 && !f.Deleted() && !f.Damaged() {
		entry.Old = &before
	}
	revived := f.Deleted()
	if action != scope.ActionDelete {
		entry.New = &draft
		f.ClearDamage()
	}
	entry.Entry = f.Next(action, stamp)
	f.present = draft
	f.AddEntry(entry)
	f.Record(newEvent(f.State(), entry, revived))
}

// State returns the current state.
func (f *Flag) State() State {
	return State{ID: f.ID(), Identity: f.identity, Draft: f.present, Lifecycle: f.Lifecycle()}
}

// Identity returns the identity.
func (f *Flag) Identity() Identity { return f.identity }
