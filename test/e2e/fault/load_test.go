package fault_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// every calls f at an interval until the context ends.
func every(ctx context.Context, pace time.Duration, f func()) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for ctx.Err() == nil {
		f()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// elapse waits for the duration of a fault or a load.
func elapse(duration time.Duration) { <-time.After(duration) }

// report has the failures and latencies of many clients.
type report struct {
	mu        sync.Mutex
	failures  []string
	responses int
	took      []time.Duration
}

// maxFailures bounds the recorded failures; one fails the test.
const maxFailures = 10

// failf adds a failure.
func (v *report) failf(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.failures) < maxFailures {
		v.failures = append(v.failures, fmt.Sprintf(format, args...))
	}
}

// record counts a response.
func (v *report) record(took time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.responses++
	v.took = append(v.took, took)
}

// count returns the number of responses so far.
func (v *report) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.responses
}

// requireNoFailures checks that there was no failure.
func (v *report) requireNoFailures(tb testing.TB) {
	tb.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	assert.Empty(tb, v.failures)
}

// quantile returns a quantile of the latencies.
func (v *report) quantile(q float64) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.took) == 0 {
		return 0
	}
	list := slices.Sorted(slices.Values(v.took))
	return list[min(int(q*float64(len(list))), len(list)-1)]
}
