package bunstore

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
)

// maxTries bounds how often a transaction is run; the upper bound of the wait
// between two tries doubles from firstWait to longestWait.
const (
	maxTries    = 8
	firstWait   = 4 * time.Millisecond
	longestWait = 128 * time.Millisecond
)

// retryTx retries a transaction on SQLSTATE 40001 and 40P01, with exponential
// backoff and full jitter. It does not begin a wait that ctx's deadline would end.
func retryTx(ctx context.Context, transaction func() error) error {
	wait := firstWait
	for n := 1; ; n++ {
		err := transaction()
		//nolint:gosec // jitter needs no secret randomness
		if !dberror.Retryable(err) || n == maxTries || !pause(ctx, rand.N(wait)) {
			return err
		}
		wait = min(2*wait, longestWait)
	}
}

// pause waits, and reports whether it ended before ctx.
func pause(ctx context.Context, wait time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= wait { //nolint:forbidigo // deadlines are by the wall clock
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
