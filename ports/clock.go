package ports

import "time"

// Clock tells the time.
type Clock interface {
	// Now returns the present time in UTC, truncated to microseconds.
	Now() time.Time
}
