package change

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Versioned is an aggregate that can be written to.
type Versioned interface {
	Deleted() bool
	// Damage returns scope.ErrDamaged where the stored row could not be read, else nil.
	Damage() error
	// Expect returns scope.ErrStale unless the present version is one of these, or
	// none is named.
	Expect(p scope.Precondition) error
}

// Steps are the steps of one write to an aggregate that exists.
type Steps[A Versioned] struct {
	// Expect is what the write expects of the current state.
	Expect scope.Precondition
	// Revives says that a deleted aggregate may be written to.
	Revives bool
	// Mends says that a damaged aggregate may be written to.
	Mends bool
	// Load returns the aggregate, if the caller may write to it.
	Load func(context.Context) (A, error)
	// NotFound is the error for a deleted one.
	NotFound error
	// Apply makes the change; it runs again on fresh state after a conflict.
	Apply func(context.Context, A) error
	// Save stores what has changed, if anything has.
	Save func(context.Context, A) error
}

// Do waits for the key's lock, then loads, changes and saves, and starts over after a
// conflict with another process. With expected versions a conflict ends it: ErrStale. A
// ctx that ends while waiting is fault.ErrContended.
func Do[K comparable, A Versioned](
	ctx context.Context, locks *Locks[K], key K, backoff ports.Backoff, s Steps[A],
) error {
	release, err := locks.Lock(ctx, key)
	if err != nil {
		return fault.ErrContended.WithCause(err)
	}
	defer release()
	return UntilSaved(ctx, backoff, func() error {
		a, err := s.Load(ctx)
		if err != nil {
			return err
		}
		if a.Deleted() && !s.Revives {
			return s.NotFound
		}
		if err := a.Damage(); err != nil && !s.Mends {
			return err
		}
		if err := a.Expect(s.Expect); err != nil {
			return Final(err)
		}
		if err := s.Apply(ctx, a); err != nil {
			return err
		}
		return s.Save(ctx, a)
	})
}
