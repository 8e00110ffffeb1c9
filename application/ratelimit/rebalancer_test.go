package ratelimit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/ratelimit"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// fixedTable has a constant demand for one limit.
type fixedTable struct {
	demand float64
	shares map[uint64]float64
	sets   int
}

func (f *fixedTable) Demands(_ time.Duration, demands map[uint64]float64) {
	if f.demand > 0 {
		demands[id] += f.demand
	}
}

func (f *fixedTable) SetShares(fractions map[uint64]float64) { f.shares, f.sets = fractions, f.sets+1 }

// rebalancing are two replicas with a table each.
type rebalancing struct {
	claims      *fixture.LimitClaims
	stopwatch   *fixture.Stopwatch
	serving     int
	tables      []*fixedTable
	rebalancers []*ratelimit.Rebalancer
}

func newRebalancing(demands ...float64) *rebalancing {
	r := &rebalancing{claims: fixture.NewLimitClaims(), stopwatch: &fixture.Stopwatch{}, serving: len(demands)}
	for i, d := range demands {
		table := &fixedTable{demand: d}
		r.tables = append(r.tables, table)
		r.rebalancers = append(r.rebalancers, ratelimit.New(ratelimit.Dependencies{
			Replica: string(rune('a' + i)), Tables: []ratelimit.Table{table}, Claims: r.claims, Stopwatch: r.stopwatch,
			Serving: func() int { return r.serving },
		}))
	}
	return r
}

// step makes one step of each replica, and returns the error of the last that failed.
func (r *rebalancing) step(t *testing.T) (failed error) {
	t.Helper()
	r.stopwatch.Move(ratelimit.Interval)
	for _, one := range r.rebalancers {
		if err := one.Step(t.Context()); err != nil {
			failed = err
		}
	}
	return failed
}

func (r *rebalancing) steps(t *testing.T, n int) {
	t.Helper()
	for range n {
		require.NoError(t, r.step(t))
	}
}

func TestRebalancer(t *testing.T) {
	t.Parallel()

	t.Run("limits follow the demand, and are set only when they change", func(t *testing.T) {
		t.Parallel()
		r := newRebalancing(3, 0)
		r.steps(t, 15)
		assert.InDelta(t, 0.95, r.tables[0].shares[id], 0.01)
		assert.InDelta(t, 0.05, r.tables[1].shares[id], 0.01)
		sets := r.tables[0].sets
		r.steps(t, 10)
		assert.Equal(t, sets, r.tables[0].sets)
	})
	t.Run("a replica that serves alone makes no exchange", func(t *testing.T) {
		t.Parallel()
		r := newRebalancing(3)
		r.steps(t, 10)
		assert.Zero(t, r.claims.Exchanges())
		assert.Empty(t, r.tables[0].shares)
	})
	t.Run("without exchanges limits are equal within a second, and follow the demand again afterwards", func(t *testing.T) {
		t.Parallel()
		r := newRebalancing(3, 0)
		r.steps(t, 15)
		r.claims.SetDown(true)
		require.NoError(t, r.step(t), "one failure is none yet")
		assert.NotEmpty(t, r.tables[0].shares)
		began := r.stopwatch.Elapsed()
		for len(r.tables[0].shares)+len(r.tables[1].shares) > 0 {
			_ = r.step(t)
		}
		assert.Less(t, r.stopwatch.Elapsed()-began, time.Second)
		require.ErrorIs(t, r.step(t), fault.ErrUnavailable)
		r.claims.SetDown(false)
		r.steps(t, 15)
		assert.InDelta(t, 0.95, r.tables[0].shares[id], 0.01)
	})
	t.Run("a replica that leaves is not counted any more, and uses an equal part until it ends", func(t *testing.T) {
		t.Parallel()
		r := newRebalancing(3, 0)
		r.steps(t, 15)
		require.NoError(t, r.rebalancers[1].Leave(t.Context()))
		assert.Empty(t, r.tables[1].shares)
		r.rebalancers, r.serving = r.rebalancers[:1], 1
		r.steps(t, 2)
		assert.Empty(t, r.tables[0].shares)
		exchanges := r.claims.Exchanges()
		r.steps(t, 5)
		assert.Equal(t, exchanges, r.claims.Exchanges(), "it serves alone")
	})
	t.Run("the claims of a dead replica are deleted after a minute", func(t *testing.T) {
		t.Parallel()
		r := newRebalancing(3, 0)
		r.steps(t, 5)
		r.rebalancers = r.rebalancers[:1]
		r.steps(t, 605)
		others, err := r.claims.Exchange(t.Context(), "c", claimsOf(1))
		require.NoError(t, err)
		assert.Len(t, others, 1)
		assert.Contains(t, others, "a")
	})
}
