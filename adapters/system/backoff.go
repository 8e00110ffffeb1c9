package system

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// Bounds of a wait.
const (
	minWait = 2 * time.Millisecond
	maxWait = 250 * time.Millisecond
)

// Backoff waits a random part of an interval that doubles with each attempt ("full
// jitter": Exponential Backoff And Jitter, AWS Architecture Blog, 2015).
type Backoff struct{}

var _ ports.Backoff = Backoff{}

// NewBackoff returns a backoff from 2 to 250 milliseconds.
func NewBackoff() Backoff { return Backoff{} }

// Wait waits at most 2 ms before the second attempt, twice that before each further one,
// and never more than 250 ms. It returns ctx's error if ctx ends.
func (Backoff) Wait(ctx context.Context, attempt int) error {
	limit := maxWait
	if attempt < 8 {
		limit = min(minWait<<max(attempt-1, 0), maxWait)
	}
	timer := time.NewTimer(rand.N(limit) + 1) //nolint:gosec // spreads load, guards nothing
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the next attempt: %w", context.Cause(ctx))
	}
}
