package ports

import (
	"context"
	"time"
)

// Leadership elects at most one leader among processes. It is safe for concurrent use.
type Leadership interface {
	// Confirm elects this process where there is no leader, or confirms that it is the
	// leader, and returns for how long it may act as one without another call: 0 where
	// another process is the leader. After an error this process is not the leader; a store
	// that cannot be reached is fault.ErrUnavailable.
	Confirm(ctx context.Context) (time.Duration, error)
	// Resign lets another process be elected at once.
	Resign(ctx context.Context) error
}
