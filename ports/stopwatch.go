package ports

import "time"

// Stopwatch measures how time passes.
type Stopwatch interface {
	// Elapsed returns the time since an arbitrary start, 0 or more. It never goes
	// back, and a step of the wall clock does not move it.
	Elapsed() time.Duration
}
