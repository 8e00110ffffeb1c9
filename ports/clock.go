package ports

import "time"

// Clock returns the time.
type Clock interface {
	// Now returns the present time in UTC, truncated to microseconds.
	Now() time.Time
}
