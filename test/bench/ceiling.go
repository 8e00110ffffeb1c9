package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"
)

// ceilingCommand runs this program as a ceiling, which a measuring process starts.
const ceilingCommand = "ceiling"

// The ceilings.
const (
	httpCeiling     = "http"
	sqliteCeiling   = "sqlite"
	postgresCeiling = "postgres"
)

// runCeiling is "ceiling http", which serves the response on its input, or
// "ceiling sqlite|postgres URL FIRST WARMUP DURATION", which writes and prints a
// tally.
func runCeiling(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) == 1 && args[0] == httpCeiling {
		return serveCeiling(ctx, in, out)
	}
	if len(args) != 5 {
		return fmt.Errorf("a ceiling needs its name and arguments, not %q", args)
	}
	order, err := parseOrder(args[1:])
	if err != nil {
		return err
	}
	open := openSQLiteLoop
	if args[0] == postgresCeiling {
		open = openPostgresLoop
	}
	save, closeLoop, err := open(ctx, order.url)
	if err != nil {
		return err
	}
	defer closeLoop()
	return writeLoop(ctx, order, save, out)
}

// order has the arguments of a writing ceiling.
type order struct {
	url      string
	first    int64
	warmUp   time.Duration
	duration time.Duration
}

func parseOrder(args []string) (order, error) {
	o := order{url: args[0]}
	var err error
	if o.first, err = strconv.ParseInt(args[1], 10, 64); err != nil {
		return o, fmt.Errorf("read the first key: %w", err)
	}
	if o.warmUp, err = time.ParseDuration(args[2]); err != nil {
		return o, fmt.Errorf("read the warm-up: %w", err)
	}
	if o.duration, err = time.ParseDuration(args[3]); err != nil {
		return o, fmt.Errorf("read the duration: %w", err)
	}
	return o, nil
}

// saver writes one configuration with its history and event.
type saver func(ctx context.Context, n int64) error

// writeLoop writes with the concurrency of the service's row, first to warm up and then
// to be counted.
func writeLoop(ctx context.Context, o order, save saver, out io.Writer) error {
	var counter atomic.Int64
	counter.Store(o.first)
	run := func(d time.Duration) (tally, error) {
		return together(ctx, d, func(ctx context.Context, over func() bool, done *atomic.Int64) error {
			for !over() {
				if err := save(ctx, counter.Add(1)); err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
	}
	if _, err := run(o.warmUp); err != nil {
		return err
	}
	t, err := run(o.duration)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(t)
}
