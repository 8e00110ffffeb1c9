package ginapi

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

const (
	// DefaultResponseBytes is how much memory pages under construction may take where
	// Options say nothing.
	DefaultResponseBytes = 64 << 20
	// PartWeight is what a page takes before anything is known of it.
	partWeight = 1 << 20
	// PartOverhead and partFactor say what a part takes of which the bytes are known:
	// its rows, what is made of them, and what is written of them.
	partOverhead = 64 << 10
	partFactor   = 4
	// ReservePatience is how long a page waits for memory.
	reservePatience = time.Second
)

// ErrResponseMemory is a page or a long answer for which there is no memory right now.
var ErrResponseMemory = fault.New(fault.Unavailable, "response_memory_exhausted",
	"Too many long answers are being sent at once. Try again shortly, or ask for fewer items of a list with limit.")

// reservation is a part of the memory for pages under construction. Whoever has it
// releases it.
type reservation struct {
	memory      *semaphore.Weighted
	limit, held int64
}

// reserve waits for the memory that a page takes, for reservePatience at most, and is
// ErrResponseMemory where there is none.
func (a *API) reserve(ctx context.Context) (*reservation, error) { return a.reserveFor(ctx, 0) }

// reserveFor is reserve for a page whose first part is known to have so many bytes. It
// reserves all at once: two that hold a part of it and wait for the rest would both fail.
func (a *API) reserveFor(ctx context.Context, bytes int) (*reservation, error) {
	r := &reservation{memory: a.responses, limit: a.options.ResponseBytes}
	return r, r.resize(ctx, min(max(partWeight, weightOf(bytes)), r.limit))
}

// weightOf returns what a part of so many bytes takes.
func weightOf(bytes int) int64 { return partOverhead + partFactor*int64(bytes) }

// hold makes the reservation what a part of so many bytes takes.
func (r *reservation) hold(ctx context.Context, bytes int) error {
	return r.resize(ctx, min(weightOf(bytes), r.limit))
}

func (r *reservation) resize(ctx context.Context, weight int64) error {
	if weight <= r.held {
		r.memory.Release(r.held - weight)
		r.held = weight
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, reservePatience)
	defer cancel()
	if r.memory.Acquire(waiting, weight-r.held) != nil {
		if ctx.Err() != nil {
			return ctx.Err() //nolint:wrapcheck // the request has ended, which others tell
		}
		return ErrResponseMemory
	}
	r.held = weight
	return nil
}

func (r *reservation) release() {
	r.memory.Release(r.held)
	r.held = 0
}
