package versioned

import (
	"time"

	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Root is the part of an aggregate that all versioned aggregates have: id, lifecycle,
// unsaved events and unsaved history entries of type E. Aggregates embed it; the zero
// value is an aggregate without a version.
//
// Next, AddEntry, ClearDamage, Restart and Record are for the aggregate's own methods, and
// MarkSaved is for stores.
type Root[I ~int64, E any] struct {
	event.Recorder
	id        I
	lifecycle scope.Lifecycle
	stored    scope.Version
	entries   []E
}

// Rehydrate returns the root of an aggregate as it is stored; only stores need it.
func Rehydrate[I ~int64, E any](id I, lifecycle scope.Lifecycle) Root[I, E] {
	return Root[I, E]{id: id, lifecycle: lifecycle, stored: lifecycle.Version}
}

// ID returns the id, 0 before the first Save.
func (r *Root[I, E]) ID() I { return r.id }

// Lifecycle returns the present version, when and by which actor it was made.
func (r *Root[I, E]) Lifecycle() scope.Lifecycle { return r.lifecycle }

// Version returns the present version.
func (r *Root[I, E]) Version() scope.Version { return r.lifecycle.Version }

// Deleted reports whether the aggregate is deleted.
func (r *Root[I, E]) Deleted() bool { return r.lifecycle.Deleted }

// Damaged reports whether the stored row could not be read.
func (r *Root[I, E]) Damaged() bool { return r.lifecycle.Damaged }

// UpdatedAt returns when the present version was made.
func (r *Root[I, E]) UpdatedAt() time.Time { return r.lifecycle.UpdatedAt }

// Damage returns scope.ErrDamaged with the id where the stored row could not be read,
// else nil.
func (r *Root[I, E]) Damage() error { return r.lifecycle.DamagedAt(int64(r.id)) }

// Expect returns scope.ErrStale with the current version unless the precondition holds.
func (r *Root[I, E]) Expect(p scope.Precondition) error { return r.lifecycle.Expect(p) }

// Next makes the next version and returns the part of its history entry that all
// entries have.
func (r *Root[I, E]) Next(action scope.Action, stamp scope.Stamp) Entry[I] {
	made := r.lifecycle.Advance(action, stamp)
	return Entry[I]{AggregateID: r.id, Version: r.lifecycle.Version, Action: action, Stamp: made}
}

// AddEntry adds a history entry to those that are to be saved.
func (r *Root[I, E]) AddEntry(e E) { r.entries = append(r.entries, e) }

// ClearDamage ends that the aggregate is damaged, because its state was replaced.
func (r *Root[I, E]) ClearDamage() { r.lifecycle.Damaged = false }

// Restart makes the present version the one in which the aggregate was created.
func (r *Root[I, E]) Restart() { r.lifecycle.CreatedAt = r.lifecycle.UpdatedAt }

// Base returns the version that the store must contain for the next Save; 0 for an
// aggregate that it must not have yet.
func (r *Root[I, E]) Base() scope.Version { return r.stored }

// Entries returns the history entries that are not stored yet, oldest first.
func (r *Root[I, E]) Entries() []E { return r.entries }

// MarkSaved records that the aggregate is stored, under which id, and the id of the
// event that made its version; only stores call it, after their commit.
func (r *Root[I, E]) MarkSaved(id I, event string) {
	r.id, r.lifecycle.Event = id, event
	r.stored = r.lifecycle.Version
	r.entries = nil
	r.ForgetEvents()
}
