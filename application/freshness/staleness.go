package freshness

import (
	"sync/atomic"
	"time"
)

const (
	// MaxStaleness is the age up to which cached state is served without a query to the
	// store. Beyond it responses are marked stale (see docs/consistency.md).
	MaxStaleness = 2 * time.Second
	// NegativeLifetime is the lifetime of a negative entry: that a key has no value.
	NegativeLifetime = MaxStaleness
)

// Stale reports whether cached state of an age needs a refresh before it is served.
func Stale(age time.Duration) bool { return age > MaxStaleness }

// Confirmation records when cached state was last known to match the store. The zero
// value has no confirmation. It is safe for concurrent use.
type Confirmation struct {
	at            atomic.Int64
	ever, failing atomic.Bool
}

// Record notes the outcome of a comparison with the store that began at a time: a
// success confirms the state as of that time.
func (c *Confirmation) Record(began time.Duration, err error) {
	if err == nil {
		c.at.Store(int64(began))
		c.ever.Store(true)
	}
	c.failing.Store(err != nil)
}

// Ever reports whether there was a confirmation.
func (c *Confirmation) Ever() bool { return c.ever.Load() }

// Failing reports whether the last comparison failed.
func (c *Confirmation) Failing() bool { return c.failing.Load() }

// Age returns the time since the last confirmation, or since the stopwatch's start
// where there was none.
func (c *Confirmation) Age(now time.Duration) time.Duration {
	return max(0, now-time.Duration(c.at.Load()))
}

// Outage returns Age while comparisons fail, and 0 while they succeed.
func (c *Confirmation) Outage(now time.Duration) time.Duration {
	if !c.Failing() {
		return 0
	}
	return c.Age(now)
}
