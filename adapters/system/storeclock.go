package system

import (
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// StoreClock tells the time of a store's clock, as its answers show it, so that all
// processes of one store stamp by one clock. Before the first answer it tells this
// machine's time. It is safe for concurrent use.
//
// After the first answer it does not go back, except where the store's clock itself
// was put back by more than a minute: a clock that stands still would be worse.
type StoreClock struct {
	local     ports.Clock
	stopwatch ports.Stopwatch
	// start is the store's time when the stopwatch began, in nanoseconds since 1970;
	// 0 before the first answer.
	start atomic.Int64
	// last is the latest time that was told since then.
	last atomic.Int64
}

var _ ports.Clock = (*StoreClock)(nil)

// mostHeld is by how much the store's clock may be put back unnoticed.
const mostHeld = time.Minute

// NewStoreClock returns a clock that no store has told its time yet.
func NewStoreClock(local ports.Clock, stopwatch ports.Stopwatch) *StoreClock {
	return &StoreClock{local: local, stopwatch: stopwatch}
}

// Now returns the present time in UTC, truncated to microseconds.
func (c *StoreClock) Now() time.Time {
	start := c.start.Load()
	if start == 0 {
		return c.local.Now()
	}
	now := start + int64(c.stopwatch.Elapsed())
	for {
		last := c.last.Load()
		if last >= now && last-now <= int64(mostHeld) {
			now = last
			break
		}
		if c.last.CompareAndSwap(last, now) {
			break
		}
	}
	return time.Unix(0, now).UTC().Truncate(time.Microsecond)
}

// Asked is called before the store is asked for its time, and what it returns with the
// answer. The store looked at its clock somewhere in between: a time that fits is kept.
func (c *StoreClock) Asked() (answered func(time.Time)) {
	before := c.stopwatch.Elapsed()
	return func(store time.Time) {
		latest := store.UnixNano() - int64(before)
		earliest := store.UnixNano() - int64(c.stopwatch.Elapsed())
		for {
			start := c.start.Load()
			fits := min(max(start, earliest), latest)
			if start == 0 {
				fits = earliest + (latest-earliest)/2
			}
			if fits == start || c.start.CompareAndSwap(start, fits) {
				return
			}
		}
	}
}

// Skew returns by how much this machine's clock is ahead of the store's; less than 0
// where it is behind, 0 before the first answer.
func (c *StoreClock) Skew() time.Duration {
	if c.start.Load() == 0 {
		return 0
	}
	return c.local.Now().Sub(c.Now())
}
