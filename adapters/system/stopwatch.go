package system

import (
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// Stopwatch measures elapsed time with the system's monotonic clock.
type Stopwatch struct{ start time.Time }

var _ ports.Stopwatch = Stopwatch{}

// NewStopwatch returns a stopwatch that starts now.
func NewStopwatch() Stopwatch { return Stopwatch{start: time.Now()} }

// Elapsed returns the time since NewStopwatch.
func (s Stopwatch) Elapsed() time.Duration { return time.Since(s.start) }
