package main

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 3, median([]float64{9, 3, 1}), 0)
	require.InDelta(t, 2.5, median([]float64{4, 1, 2, 3}), 0)
}

func TestContest(t *testing.T) {
	t.Parallel()

	run := func(t *testing.T, less bool) (outcome, string) {
		t.Helper()
		var order strings.Builder
		side := func(name string, figures ...float64) func(context.Context, int) (float64, error) {
			return func(_ context.Context, round int) (float64, error) {
				order.WriteString(name)
				return figures[round], nil
			}
		}
		o, err := contest{
			ours: side("o", 10, 30, 20), ceiling: side("c", 40, 41, 39), lessIsBetter: less,
		}.run(t.Context(), 3)
		require.NoError(t, err)
		return o, order.String()
	}

	t.Run("the sides alternate, and medians are compared", func(t *testing.T) {
		t.Parallel()
		o, order := run(t, false)
		require.Equal(t, "occooc", order)
		require.InDelta(t, 20, o.value, 0)
		require.InDelta(t, 40, *o.ceiling, 0)
		require.InDelta(t, 0.5, *o.ratio, 0)
	})

	t.Run("if less is better, the ratio is inverted", func(t *testing.T) {
		t.Parallel()
		o, _ := run(t, true)
		require.InDelta(t, 2, *o.ratio, 0)
	})
}

func TestGoal(t *testing.T) {
	t.Parallel()
	half := 0.5
	for _, c := range []struct {
		name string
		goal goal
		in   outcome
		met  string
		text string
	}{
		{name: "a ratio that is reached", goal: goal{of: ofRatio, atLeast: 0.5}, in: outcome{ratio: &half}, met: "yes", text: "ratio ≥ 0.5"},
		{name: "a ratio that is missed", goal: goal{of: ofRatio, atLeast: 0.6}, in: outcome{ratio: &half}, met: "no", text: "ratio ≥ 0.6"},
		{name: "a value within its goal", goal: goal{of: ofValue, atMost: 40}, in: outcome{value: 40}, met: "yes", text: "≤ 40"},
		{name: "a value that is exceeded", goal: goal{of: ofValue, atMost: 40}, in: outcome{value: 40.1}, met: "no", text: "≤ 40"},
		{name: "no goal", in: outcome{value: 1}, met: "", text: "shown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.met, c.goal.metBy(c.in))
			require.Equal(t, c.text, c.goal.String())
		})
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()

	t.Run("a name selects the rows with that prefix", func(t *testing.T) {
		t.Parallel()
		chosen, err := choose(rows(), "config-read")
		require.NoError(t, err)
		require.Equal(t, []string{"config-read-hot", "config-read-304"}, names(chosen))
	})

	t.Run("an unknown name is an error that lists the names", func(t *testing.T) {
		t.Parallel()
		_, err := choose(rows(), "config-rea")
		require.ErrorContains(t, err, "idle-rss")
	})
}

func TestCreation(t *testing.T) {
	t.Parallel()
	var counter atomic.Int64
	first := creation("sbx_k", &counter)
	second := creation("sbx_k", &counter)
	a := string(first())
	b := string(second())
	require.Contains(t, a, `"key":"bench.database.url.000000000001"`)
	require.Contains(t, b, `"key":"bench.database.url.000000000002"`)
	require.Len(t, b, len(a), "the length is announced once for all")
	_, body, _ := strings.Cut(a, "\r\n\r\n")
	require.Equal(t, key(1), body[len(`{"key":"`):len(`{"key":"`)+len(key(1))])
}

func TestTogether(t *testing.T) {
	t.Parallel()

	t.Run("the requests of all workers are counted", func(t *testing.T) {
		t.Parallel()
		got, err := together(t.Context(), time.Nanosecond,
			func(_ context.Context, _ func() bool, done *atomic.Int64) error { done.Add(2); return nil })
		require.NoError(t, err)
		require.EqualValues(t, 2*writers, got.Requests)
	})

	t.Run("a failing worker stops the others", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("broken")
		var started atomic.Int64
		_, err := together(t.Context(), time.Hour, func(_ context.Context, over func() bool, _ *atomic.Int64) error {
			if started.Add(1) == 1 {
				return broken
			}
			for !over() {
				runtime.Gosched()
			}
			return nil
		})
		require.ErrorIs(t, err, broken)
	})
}
