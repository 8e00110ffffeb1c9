package ports

import (
	"context"
	"time"
)

// Leadership is of at most one process at a time. It is safe for concurrent use.
type Leadership interface {
	// Confirm makes this process the leader where there is none, or confirms that it
	// is, and returns for how long it may act as one without asking again: 0 where
	// another one leads. Who gets an error leads no longer; a store that cannot be
	// reached is fault.ErrUnavailable.
	Confirm(ctx context.Context) (time.Duration, error)
	// Resign lets another one lead at once.
	Resign(ctx context.Context) error
}
