package freshness

import (
	"context"
	"time"
)

// Refresher refreshes cached state as a whole: once for all callers, and not again
// while the back-off after a failure lasts. It is safe for concurrent use.
type Refresher struct {
	elapsed func() time.Duration
	timeout time.Duration
	load    func(context.Context) error
	flights Group[struct{}, error]
	backoff Backoff
}

// NewRefresher returns a refresher that measures time by elapsed, and gives each load a
// timeout.
func NewRefresher(elapsed func() time.Duration, timeout time.Duration, load func(context.Context) error) *Refresher {
	return &Refresher{elapsed: elapsed, timeout: timeout, load: load}
}

// Refresh joins or starts a load, and returns when it has ended, RefreshWait has passed
// or ctx ends. During the back-off it returns at once.
func (r *Refresher) Refresh(ctx context.Context) {
	if r.backoff.Active(r.elapsed()) {
		return
	}
	_, _ = r.flights.Do(ctx, struct{}{}, r.timeout, r.attempt).AwaitFor(ctx, RefreshWait)
}

// attempt loads, unless an attempt has failed since Refresh was called.
func (r *Refresher) attempt(ctx context.Context) error {
	if r.backoff.Active(r.elapsed()) {
		return nil
	}
	err := r.load(ctx)
	if err != nil {
		r.backoff.Start(r.elapsed())
	}
	return err
}
