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
	firstWait   = 2 * time.Millisecond
	longestWait = 250 * time.Millisecond
)

// Backoff waits a random part of a time that doubles with each attempt ("full
// jitter": Exponential Backoff And Jitter, AWS Architecture Blog, 2015).
type Backoff struct{}

var _ ports.Backoff = Backoff{}

// NewBackoff returns a backoff from 2 to 250 milliseconds.
func NewBackoff() Backoff { return Backoff{} }

// Wait returns after at most 2 ms in the first attempt, twice that in each
// further one, and never more than 250 ms; or at once with ctx's error.
func (Backoff) Wait(ctx context.Context, attempt int) error {
	most := longestWait
	if attempt < 8 {
		most = min(firstWait<<max(attempt-1, 0), longestWait)
	}
	timer := time.NewTimer(rand.N(most) + 1) //nolint:gosec // spreads load, guards nothing
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the next attempt: %w", context.Cause(ctx))
	}
}
