package limit_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/limit"
)

func TestGateAllocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of all goroutines
	g := limit.NewGate(2)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if g.TryEnter() {
			g.Leave()
		}
	}))
}

func TestGate(t *testing.T) {
	t.Parallel()

	filled := func(t *testing.T, most int) *limit.Gate {
		t.Helper()
		g := limit.NewGate(most)
		for range most {
			require.True(t, g.TryEnter())
		}
		require.False(t, g.TryEnter())
		return g
	}

	t.Run("a request that waits enters when another one leaves", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := filled(t, 2)
			entered := make(chan bool, 1)
			go func() { entered <- g.Enter(t.Context(), false) }()
			synctest.Wait()
			assert.False(t, g.TryEnter(), "later ones do not overtake")
			g.Leave()
			assert.True(t, <-entered)
			assert.Equal(t, 2, g.Inside())
		})
	})
	t.Run("a request waits for QueueTime at most, or until its client has gone", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := filled(t, 1)
			began := time.Now()
			assert.False(t, g.Enter(t.Context(), false))
			assert.Equal(t, limit.QueueTime, time.Since(began))
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			assert.False(t, g.Enter(gone, false))
			g.Leave()
			assert.True(t, g.TryEnter())
		})
	})
	t.Run("as many wait as are served; further ones are refused at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := filled(t, 3)
			results := make(chan bool, 3)
			for range 3 {
				go func() { results <- g.Enter(t.Context(), false) }()
			}
			synctest.Wait()
			began := time.Now()
			assert.False(t, g.Enter(t.Context(), false))
			assert.Zero(t, time.Since(began))
			for range 3 {
				assert.False(t, <-results)
			}
		})
	})
	t.Run("reserved requests have places of their own", func(t *testing.T) {
		t.Parallel()
		g := filled(t, 80)
		for range 10 {
			require.True(t, g.Enter(t.Context(), true))
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		assert.False(t, g.Enter(gone, true), "which is bounded, too")
		g.Leave()
		assert.False(t, g.TryEnter(), "the reserve is not for others")
	})
	t.Run("any number of requests at once exceeds no bound and loses none", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			const most, requests = 8, 2000
			g := limit.NewGate(most)
			var inside, served, refused atomic.Int64
			for range requests {
				go func() {
					if !g.TryEnter() && !g.Enter(t.Context(), false) {
						refused.Add(1)
						return
					}
					assert.LessOrEqual(t, inside.Add(1), int64(most))
					time.Sleep(time.Millisecond) // of the bubble's clock
					inside.Add(-1)
					served.Add(1)
					g.Leave()
				}()
			}
			synctest.Wait()
			time.Sleep(time.Second)
			synctest.Wait()
			assert.EqualValues(t, requests, served.Load()+refused.Load())
			assert.GreaterOrEqual(t, served.Load(), int64(2*most))
			assert.Zero(t, g.Inside())
			assert.True(t, g.TryEnter(), "nobody waits any more")
		})
	})
}
