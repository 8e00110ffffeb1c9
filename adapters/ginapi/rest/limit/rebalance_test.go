package limit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/limit"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// rebalanced returns the buckets of 100 per second among two replicas, and their table.
func rebalanced(name string) (*limit.Buckets[string], limit.Table, *fixture.Clock) {
	clock := fixture.NewClock()
	b := limit.NewBuckets[string](name, limit.Rate{PerSecond: 100}, func() int { return 2 })
	return b, limit.Rebalanced(b, clock, func(key string) string { return key }), clock
}

// demands returns those of a tenth of a second.
func demands(table limit.Table) map[uint64]float64 {
	d := map[uint64]float64{}
	table.Demands(100*time.Millisecond, d)
	return d
}

// after moves the clock, and returns its time.
func after(clock *fixture.Clock, d time.Duration) time.Time {
	clock.Move(d)
	return clock.Now()
}

func TestRebalanced(t *testing.T) {
	t.Parallel()

	t.Run("demands are the requests of limits that are nearly used up, accepted or not", func(t *testing.T) {
		t.Parallel()
		b, table, clock := rebalanced("key")
		accepted(b, "quiet", clock.Now(), 20)
		accepted(b, "noisy", clock.Now(), 100)
		accepted(b, "other", clock.Now(), 30)
		got := demands(table)
		require.Len(t, got, 2)
		var all float64
		for _, d := range got {
			all += d
		}
		assert.InDelta(t, 13, all, 1e-9)
		assert.Empty(t, demands(table), "nothing since")
	})
	t.Run("a share replaces the equal one, of a bucket that is there and of a new one", func(t *testing.T) {
		t.Parallel()
		b, table, clock := rebalanced("key")
		accepted(b, "a", clock.Now(), 100)
		var id uint64
		for pressed := range demands(table) {
			id = pressed
		}
		table.SetShares(map[uint64]float64{id: 0.95})
		assert.Zero(t, accepted(b, "a", clock.Now(), 1), "it is effective from the next request on")
		assert.InDelta(t, 95, accepted(b, "a", after(clock, time.Second), 200), 1)
		assert.Len(t, demands(table), 1)
		accepted(b, "a", after(clock, time.Hour), 1)
		assert.Len(t, demands(table), 1, "a limit with a share is measured, however little it is used")
		assert.Equal(t, 50, accepted(b, "b", clock.Now(), 200))

		fresh, _, _ := rebalanced("key")
		another := limit.Rebalanced(fresh, clock, func(key string) string { return key })
		another.SetShares(map[uint64]float64{id: 0.05})
		assert.Equal(t, 5, accepted(fresh, "a", clock.Now(), 200), "replicas have the same ids")

		table.SetShares(nil)
		assert.Equal(t, 50, accepted(b, "a", after(clock, time.Hour), 200))
	})
	t.Run("keys of different limits have different ids", func(t *testing.T) {
		t.Parallel()
		ids := map[uint64]bool{}
		for _, name := range []string{"key", "address"} {
			b, table, clock := rebalanced(name)
			accepted(b, "a", clock.Now(), 100)
			for id := range demands(table) {
				ids[id] = true
			}
		}
		assert.Len(t, ids, 2)
	})
	t.Run("without a limit there is no table", func(t *testing.T) {
		t.Parallel()
		none := limit.NewBuckets[string]("key", limit.Rate{}, nil)
		assert.Nil(t, limit.Rebalanced(none, fixture.NewClock(), func(key string) string { return key }))
	})
}
