package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// writers is how many write, and read, at a time.
const writers = 32

// load keeps a server busy over kept-alive connections.
type load struct {
	address string
	// status is what every answer must have.
	status int
	// request returns a worker's own source of requests; what a source returns is
	// valid until its next call.
	request func() func() []byte
}

// tally is what a load has done.
type tally struct {
	Requests int64         `json:"requests"`
	Took     time.Duration `json:"took"`
}

// perSecond returns the throughput.
func (t tally) perSecond() float64 { return float64(t.Requests) / t.Took.Seconds() }

// run loads the server for that long.
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

// together runs as many workers as there are writers until the time is over, and
// counts what they did.
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
