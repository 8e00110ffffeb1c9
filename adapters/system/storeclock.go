package system

import (
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// StoreClock estimates a store's clock from its responses, so that all replicas on one
// store stamp by one clock. Before the first response it returns this machine's time. It
// is safe for concurrent use.
//
// After the first response it does not go back, unless the store's clock was set back by
// more than a minute: a clock that stands still for longer would be worse.
type StoreClock struct {
	local     ports.Clock
	stopwatch ports.Stopwatch
	// start is the store's time at the start of the stopwatch, in nanoseconds since 1970; 0
	// before the first response.
	start atomic.Int64
	// last is the latest time that was returned since then.
	last atomic.Int64
}

var _ ports.Clock = (*StoreClock)(nil)

// maxHold is the longest time for which the clock stands still instead of going back.
const maxHold = time.Minute

// NewStoreClock returns a clock without a response of the store.
func NewStoreClock(local ports.Clock, stopwatch ports.Stopwatch) *StoreClock {
	return &StoreClock{local: local, stopwatch: stopwatch}
}

// Now returns the current time in UTC, truncated to microseconds.
func (c *StoreClock) Now() time.Time {
	start := c.start.Load()
	if start == 0 {
		return c.local.Now()
	}
	now := start + int64(c.stopwatch.Elapsed())
	for {
		last := c.last.Load()
		if last >= now && last-now <= int64(maxHold) {
			now = last
			break
		}
		if c.last.CompareAndSwap(last, now) {
			break
		}
	}
	return time.Unix(0, now).UTC().Truncate(time.Microsecond)
}

// TimeQuery is called before the store is queried for its time, and the function that it
// returns with the response. The store read its clock in between: an estimate within these
// bounds is not changed.
func (c *StoreClock) TimeQuery() (response func(time.Time)) {
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

// Skew returns by how much this machine's clock is ahead of the store's: negative if it is
// behind, 0 before the first response.
func (c *StoreClock) Skew() time.Duration {
	if c.start.Load() == 0 {
		return 0
	}
	return c.local.Now().Sub(c.Now())
}
