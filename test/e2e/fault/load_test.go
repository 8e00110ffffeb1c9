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

// every calls f at that pace until the context ends.
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

// elapse returns after that long: for so long a fault lasts, or a load runs.
func elapse(long time.Duration) { <-time.After(long) }

// verdict is what went wrong while many clients were at work, and how long they waited.
type verdict struct {
	mu       sync.Mutex
	troubles []string
	answered int
	took     []time.Duration
}

// maxTroubles is how many are told; one is enough to fail.
const maxTroubles = 10

func (v *verdict) blame(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.troubles) < maxTroubles {
		v.troubles = append(v.troubles, fmt.Sprintf(format, args...))
	}
}

// note counts an answer.
func (v *verdict) note(took time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answered++
	v.took = append(v.took, took)
}

// count returns how many answers there were until now.
func (v *verdict) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.answered
}

// requireFine checks that nothing went wrong.
func (v *verdict) requireFine(tb testing.TB) {
	tb.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	assert.Empty(tb, v.troubles)
}

// quantile returns how long so many of all answers took at most.
func (v *verdict) quantile(q float64) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.took) == 0 {
		return 0
	}
	list := slices.Sorted(slices.Values(v.took))
	return list[min(int(q*float64(len(list))), len(list)-1)]
}
