package freshness

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

const (
	// RefreshWait is how long a caller that can be served stale state waits for a refresh.
	RefreshWait = 250 * time.Millisecond
	// RetryAfter is how long the store is not queried again after a failed load.
	retryAfter = time.Second
)

// Backoff is the pause after a failed load. The zero value is inactive; it is safe for
// concurrent use.
type Backoff struct{ until atomic.Int64 }

// Active reports whether a load failed so recently that the store is not to be queried.
func (b *Backoff) Active(now time.Duration) bool { return int64(now) < b.until.Load() }

// Start begins the pause.
func (b *Backoff) Start(now time.Duration) { b.until.Store(int64(now + retryAfter)) }

// ErrTrialInFlight reports that the store is unavailable, and that another load finds
// out whether it still is.
var ErrTrialInFlight = errors.New("the last query failed, and another one is in flight")

// Limiter bounds the loads in flight. While the store is unavailable it admits one at a
// time, as a trial, and rejects the others at once. It is safe for concurrent use.
type Limiter struct {
	Backoff

	slots, trial chan struct{}
	failed       atomic.Bool
}

// NewLimiter returns a limiter that admits so many loads at once.
func NewLimiter(loads int) *Limiter {
	return &Limiter{slots: make(chan struct{}, loads), trial: make(chan struct{}, 1)}
}

// Acquire admits a load, which ends with a call of release, or waits for a slot. It
// returns ctx's error when ctx ends first, and ErrTrialInFlight while the last load has
// failed, the replica is stale as well, and a trial is in flight.
func (l *Limiter) Acquire(ctx context.Context, stale func() bool) (release func(), err error) {
	unavailable := func() bool { return l.failed.Load() && stale() }
	if !unavailable() {
		select {
		case l.slots <- struct{}{}:
			if !unavailable() {
				return func() { <-l.slots }, nil
			}
			<-l.slots
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) //nolint:wrapcheck // the caller has to recognize it
	}
	select {
	case l.trial <- struct{}{}:
		return func() { <-l.trial }, nil
	default:
		return nil, ErrTrialInFlight
	}
}

// Record notes whether a load failed; a failure starts the back-off.
func (l *Limiter) Record(now time.Duration, failed bool) {
	l.failed.Store(failed)
	if failed {
		l.Start(now)
	}
}
