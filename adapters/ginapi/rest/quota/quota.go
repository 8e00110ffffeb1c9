package quota

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

const (
	// DefaultResponseBytes bounds the memory of responses under construction where
	// Options do not.
	DefaultResponseBytes = 64 << 20
	// PageWeight is the memory reserved for a page of unknown size.
	pageWeight = 1 << 20
	// PartOverhead and partFactor say what a part of known size takes: its rows, what is
	// made of them, and their JSON.
	partOverhead = 64 << 10
	partFactor   = 4
	// ReserveTimeout is how long a request waits for memory.
	reserveTimeout = time.Second
	// ShortResponse is up to how many bytes a response reserves nothing.
	shortResponse = 64 << 10
)

// ErrMemory rejects a page or a long response for which there is no memory now.
var ErrMemory = fault.New(fault.Unavailable, "response_memory_exhausted",
	"Too many long answers are being sent at once. Try again shortly, or request fewer items of a list with limit.")

// Quota bounds a quantity, such as the bytes of responses under construction.
type Quota struct {
	semaphore *semaphore.Weighted
	limit     int64
}

// New returns a bound of so many units.
func New(limit int64) *Quota {
	return &Quota{semaphore: semaphore.NewWeighted(limit), limit: limit}
}

// Reservation is a reserved part of a Quota. Its owner releases it.
type Reservation struct {
	quota  *Quota
	weight int64
}

// Reserve reserves so many units, as Reservation.resize does.
func (q *Quota) Reserve(ctx context.Context, units int64) (*Reservation, error) {
	r := &Reservation{quota: q}
	return r, r.resize(ctx, min(units, q.limit))
}

// ReservePage reserves the memory of a page whose first part has so many bytes, 0 when
// that is not known. It reserves all at once: two pages that hold a part of it and wait
// for the rest would both fail.
func (q *Quota) ReservePage(ctx context.Context, bytes int) (*Reservation, error) {
	return q.Reserve(ctx, max(pageWeight, weightOf(bytes)))
}

// ReserveResponse reserves the memory of a response of so many bytes. A short response reserves
// nothing, which is nil.
func (q *Quota) ReserveResponse(ctx context.Context, bytes int) (*Reservation, error) {
	if bytes <= shortResponse {
		return nil, nil //nolint:nilnil // nothing is no error
	}
	return q.Reserve(ctx, weightOf(bytes))
}

// IsFree reports whether nothing is reserved.
func (q *Quota) IsFree() bool { return q.has(q.limit) }

// IsFull reports whether nothing is left.
func (q *Quota) IsFull() bool { return !q.has(1) }

func (q *Quota) has(units int64) bool {
	free := q.semaphore.TryAcquire(units)
	if free {
		q.semaphore.Release(units)
	}
	return free
}

// Wait reserves one unit without a timeout of its own.
func (q *Quota) Wait(ctx context.Context) (*Reservation, error) {
	if err := q.semaphore.Acquire(ctx, 1); err != nil {
		return nil, err //nolint:wrapcheck // the context's error
	}
	return &Reservation{quota: q, weight: 1}, nil
}

// weightOf returns what a part of so many bytes takes.
func weightOf(bytes int) int64 { return partOverhead + partFactor*int64(bytes) }

// Fit resizes the reservation to a part of so many bytes.
func (r *Reservation) Fit(ctx context.Context, bytes int) error {
	return r.resize(ctx, min(weightOf(bytes), r.quota.limit))
}

// resize waits for memory for at most reserveTimeout, and then is ErrMemory.
func (r *Reservation) resize(ctx context.Context, weight int64) error {
	if weight <= r.weight {
		r.quota.semaphore.Release(r.weight - weight)
		r.weight = weight
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, reserveTimeout)
	defer cancel()
	if r.quota.semaphore.Acquire(waiting, weight-r.weight) != nil {
		if ctx.Err() != nil {
			return ctx.Err() //nolint:wrapcheck // the request has ended; its error is enough
		}
		return ErrMemory
	}
	r.weight = weight
	return nil
}

// Release returns what is reserved. Further calls do nothing.
func (r *Reservation) Release() {
	r.quota.semaphore.Release(r.weight)
	r.weight = 0
}
