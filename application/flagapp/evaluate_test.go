package flagapp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestEvaluate(t *testing.T) {
	t.Parallel()

	t.Run("a flag is decided, and an unknown one is ErrNotFound", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.create(t, `"is_enabled":true`)
		evaluate := func(name string) flagapp.Evaluated {
			e, err := b.Evaluate(t.Context(), fixture.Reader(), flagapp.Evaluate{
				Name: name, Environment: "production", Context: &targeting.Context{},
			})
			require.NoError(t, err)
			return e
		}
		e := evaluate("f")
		require.NoError(t, e.Err())
		assert.Equal(t, flag.Static, e.Decision.Reason)
		assert.True(t, e.Decision.Variant.On())
		e = evaluate("unknown")
		require.ErrorIs(t, e.Err(), flag.ErrNotFound)
		assert.Equal(t, "unknown", e.Name)
	})

	t.Run("all flags come by name, named ones in the order of the names", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.create(t, `"is_enabled":true`)
		names := func(in flagapp.EvaluateAll) (list []string) {
			in.Environment, in.Context = "production", &targeting.Context{}
			all, err := b.EvaluateAll(t.Context(), fixture.Reader(), in)
			require.NoError(t, err)
			for i := range all.Len() {
				var e flagapp.Evaluated
				require.NoError(t, all.At(i, &e))
				list = append(list, e.Name)
			}
			return list
		}
		assert.Equal(t, []string{"f"}, names(flagapp.EvaluateAll{}))
		assert.Empty(t, names(flagapp.EvaluateAll{Listed: true}))
		assert.Equal(t, []string{"x", "f", "f"}, names(flagapp.EvaluateAll{Listed: true, Names: []string{"x", "f", "f"}}))
	})

	t.Run("it needs the right to evaluate flags of the environment", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.Evaluate(t.Context(), access.Caller{}, flagapp.Evaluate{
			Name: "f", Environment: "production", Context: &targeting.Context{},
		})
		require.Error(t, err)
		_, err = b.EvaluateAll(t.Context(), access.Caller{}, flagapp.EvaluateAll{
			Environment: "production", Context: &targeting.Context{},
		})
		require.Error(t, err)
	})
}

// TestDecisionsAllocateNothing is not parallel, because it counts allocations.
func TestDecisionsAllocateNothing(t *testing.T) {
	b := setup(t)
	b.create(t, `"is_enabled":true`)
	all, err := b.EvaluateAll(t.Context(), fixture.Reader(), flagapp.EvaluateAll{
		Environment: "production", Context: &targeting.Context{},
	})
	require.NoError(t, err)
	require.Equal(t, 1, all.Len())
	var e flagapp.Evaluated
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = all.At(0, &e) }))
}
