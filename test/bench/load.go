package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// writers is the number of concurrent clients.
const writers = 32

// load is a load over persistent connections.
type load struct {
	address string
	// status is the expected status of every response.
	status int
	// request returns a source of requests for one worker; a request is valid until the next
	// call of its source.
	request func() func() []byte
}

// tally is the number of requests of a load, and their time.
type tally struct {
	Requests int64         `json:"requests"`
	Took     time.Duration `json:"took"`
}

// perSecond returns the throughput.
func (t tally) perSecond() float64 { return float64(t.Requests) / t.Took.Seconds() }

// run loads the server for a duration.
func (l load) run(ctx context.Context, d time.Duration) (tally, error) {
	return together(ctx, d, func(ctx context.Context, over func() bool, done *atomic.Int64) error {
		c, err := dial(ctx, l.address)
		if err != nil {
			return err
		}
		defer c.close()
		next := l.request()
		for !over() {
			if err := c.exchange(next(), l.status); err != nil {
				return err
			}
			done.Add(1)
		}
		return nil
	})
}

// together runs the workers for a duration, and counts their requests.
func together(
	ctx context.Context, d time.Duration, work func(ctx context.Context, over func() bool, done *atomic.Int64) error,
) (tally, error) {
	var done atomic.Int64
	group, working := errgroup.WithContext(ctx)
	started := time.Now()
	over := func() bool { return working.Err() != nil || time.Since(started) >= d }
	for range writers {
		group.Go(func() error { return work(working, over, &done) })
	}
	if err := group.Wait(); err != nil {
		return tally{}, fmt.Errorf("load: %w", err)
	}
	return tally{Requests: done.Load(), Took: time.Since(started)}, ctx.Err()
}
