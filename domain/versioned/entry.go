package versioned

import "github.com/signalbox-hq/signalbox/domain/scope"

// Entry is the part of a history entry that all modules have: which version of which
// aggregate it made, by which actor, and when. Modules embed it.
type Entry[I ~int64] struct {
	// ID numbers the entries of all aggregates of a module; 0 until it is stored.
	ID          int64
	AggregateID I
	Version     scope.Version
	Action      scope.Action
	Stamp       scope.Stamp
	// Damaged says that the stored row breaks a rule: only ID, AggregateID and Version
	// are known.
	Damaged bool
}

// Damage returns scope.ErrDamaged with id and version where the stored row could not be
// read, else nil.
func (e *Entry[I]) Damage() error {
	if !e.Damaged {
		return nil
	}
	return scope.ErrDamaged.WithDetail("id", int64(e.AggregateID)).WithDetail("version", int64(e.Version))
}

// Unsaved is what a Repository has to write for one aggregate, all or none. Events are
// PendingEvents.
type Unsaved[S, E any] struct {
	// State is the state after the change.
	State S
	// Base is the version that the store must hold; 0 for one that it must not have
	// yet.
	Base scope.Version
	// Entries are the history entries to add, oldest first; their AggregateID is 0
	// where Base is. Without any there is nothing to write.
	Entries []E
}
