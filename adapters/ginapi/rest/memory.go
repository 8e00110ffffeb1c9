package rest

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

// ErrResponseMemory rejects a page or a long response for which there is no memory now.
var ErrResponseMemory = fault.New(fault.Unavailable, "response_memory_exhausted",
	"Too many long answers are being sent at once. Try again shortly, or request fewer items of a list with limit.")

// Memory bounds a quantity, such as the bytes of responses under construction.
type Memory struct {
	semaphore *semaphore.Weighted
	limit     int64
}

// NewMemory returns a bound of so many units.
func NewMemory(limit int64) *Memory {
	return &Memory{semaphore: semaphore.NewWeighted(limit), limit: limit}
}

// Reservation is a reserved part of a Memory. Its owner releases it.
type Reservation struct {
	memory *Memory
	weight int64
}

// Reserve reserves so many units, as Reservation.resize does.
func (m *Memory) Reserve(ctx context.Context, units int64) (*Reservation, error) {
	r := &Reservation{memory: m}
	return r, r.resize(ctx, min(units, m.limit))
}

// ReservePage reserves the memory of a page whose first part has so many bytes, 0 when
// that is not known. It reserves all at once: two pages that hold a part of it and wait
// for the rest would both fail.
func (m *Memory) ReservePage(ctx context.Context, bytes int) (*Reservation, error) {
	return m.Reserve(ctx, max(pageWeight, weightOf(bytes)))
}

// ReserveResponse reserves the memory of a response of so many bytes until the request
// ends. A short response reserves nothing.
func (m *Memory) ReserveResponse(ctx context.Context, bytes int) error {
	if bytes <= shortResponse {
		return nil
	}
	r, err := m.Reserve(ctx, weightOf(bytes))
	if err != nil {
		return err
	}
	AtEnd(ctx, r.Release)
	return nil
}

// IsFree reports whether nothing is reserved.
func (m *Memory) IsFree() bool { return m.has(m.limit) }

// IsFull reports whether nothing is left.
func (m *Memory) IsFull() bool { return !m.has(1) }

func (m *Memory) has(units int64) bool {
	free := m.semaphore.TryAcquire(units)
	if free {
		m.semaphore.Release(units)
	}
	return free
}

// Wait reserves one unit without a timeout of its own.
func (m *Memory) Wait(ctx context.Context) (*Reservation, error) {
	if err := m.semaphore.Acquire(ctx, 1); err != nil {
		return nil, err //nolint:wrapcheck // the context's error
	}
	return &Reservation{memory: m, weight: 1}, nil
}

// weightOf returns what a part of so many bytes takes.
func weightOf(bytes int) int64 { return partOverhead + partFactor*int64(bytes) }

// fit resizes the reservation to a part of so many bytes.
func (r *Reservation) fit(ctx context.Context, bytes int) error {
	return r.resize(ctx, min(weightOf(bytes), r.memory.limit))
}

// resize waits for memory for at most reserveTimeout, and then is ErrResponseMemory.
func (r *Reservation) resize(ctx context.Context, weight int64) error {
	if weight <= r.weight {
		r.memory.semaphore.Release(r.weight - weight)
		r.weight = weight
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, reserveTimeout)
	defer cancel()
	if r.memory.semaphore.Acquire(waiting, weight-r.weight) != nil {
		if ctx.Err() != nil {
			return ctx.Err() //nolint:wrapcheck // the request has ended; its error is enough
		}
		return ErrResponseMemory
	}
	r.weight = weight
	return nil
}

// Release returns what is reserved. Further calls do nothing.
func (r *Reservation) Release() {
	r.memory.semaphore.Release(r.weight)
	r.weight = 0
}
