package change

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Writer loads and writes the aggregates of one module. It is safe for concurrent use
// once its fields are set.
type Writer[I ~int64, A Versioned] struct {
	// Find returns the aggregate of that id, or NotFound.
	Find func(ctx context.Context, id I) (A, error)
	// Save stores what has changed, if anything has.
	Save func(ctx context.Context, a A) error
	// Resource returns what access to the aggregate is decided on.
	Resource func(A) access.Resource
	// Action is the right that a write needs, and Sight the one that shows an aggregate: one
	// that a caller may not see is NotFound.
	Action, Sight access.Action
	// NotFound is the error for an aggregate that does not exist or is deleted.
	NotFound error
	Backoff  ports.Backoff

	locks Locks[I]
}

// Edit is one write to an aggregate that exists.
type Edit[I ~int64, A Versioned] struct {
	ID I
	// Expect is what the write expects of the current state.
	Expect scope.Precondition
	// Revives says that a deleted aggregate may be written to.
	Revives bool
	// Mends says that a damaged aggregate may be written to.
	Mends bool
	// Apply makes the change; it runs again on fresh state after a conflict.
	Apply func(ctx context.Context, a A) error
}

// Load returns the aggregate of that id if the caller may do that to it. A caller
// without the right on any resource does not learn whether it exists.
func (w *Writer[I, A]) Load(ctx context.Context, by access.Caller, action access.Action, id I) (A, error) {
	var none A
	a, err := w.Find(ctx, id)
	if errors.Is(err, w.NotFound) {
		if denied := by.RequireConfirmed(action); denied != nil {
			return none, denied
		}
	}
	if err != nil {
		return none, err
	}
	return a, by.RequireSeen(action, w.Sight, w.Resource(a), w.NotFound)
}

// Edit makes the edit, as Do does, and returns the aggregate after it. Deleted or
// unknown is NotFound.
func (w *Writer[I, A]) Edit(ctx context.Context, by access.Caller, e Edit[I, A]) (A, error) {
	var written A
	err := Do(ctx, &w.locks, e.ID, w.Backoff, Steps[A]{
		Expect: e.Expect, Revives: e.Revives, Mends: e.Mends, NotFound: w.NotFound, Apply: e.Apply,
		Load: func(ctx context.Context) (A, error) { return w.Load(ctx, by, w.Action, e.ID) },
		Save: func(ctx context.Context, a A) error {
			written = a
			return w.Save(ctx, a)
		},
	})
	if err != nil {
		var none A
		return none, err
	}
	return written, nil
}

// Create saves a new aggregate, which is one round trip. Where its identity exists
// already it saves what recreate returns instead; an error of recreate ends it.
func (w *Writer[I, A]) Create(
	ctx context.Context, create func() A, recreate func(context.Context) (A, error),
) (A, error) {
	var created A
	err := UntilSaved(ctx, w.Backoff, func() error {
		created = create()
		err := w.Save(ctx, created)
		if !errors.Is(err, scope.ErrAlreadyExists) {
			return err
		}
		if created, err = recreate(ctx); err != nil {
			return Final(err)
		}
		return w.Save(ctx, created)
	})
	if err != nil {
		var none A
		return none, err
	}
	return created, nil
}
