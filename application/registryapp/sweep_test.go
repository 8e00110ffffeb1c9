package registryapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestCrashes(t *testing.T) {
	t.Parallel()

	t.Run("a lease that is not there any more is assured", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		epoch := b.register(t, "a")
		require.NoError(t, b.leases.Remove(t.Context(), heldOf(t, "a", epoch)))
		require.Len(t, ready(t, b.Service), 1)
		b.run(t, 65*time.Second)
		assert.Empty(t, ready(t, b.Service), "it leaves if it says nothing, as any other")
	})

	t.Run("an end that is stored and not recorded is recorded once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "a")
		before := len(b.store.Outbox())
		b.leases.endLost.Store(true)
		for range 4 * 40 {
			b.pass(sweepEvery)
			_, _ = b.Sweep(t.Context())
		}
		assert.False(t, b.leases.endLost.Load(), "the call that was lost was made")
		assert.Empty(t, ready(t, b.Service))
		assert.Equal(t, map[string]int{registry.InstanceHealthChanged: 1, registry.ServiceHealthChanged: 1}, b.events(before))
	})

	t.Run("a removal that is stored and not dropped is dropped", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := registration("a")
		in.TTLSeconds, in.DeregisterAfterSeconds = new(1), new(1)
		_, err := b.Register(t.Context(), fixture.Admin(), in)
		require.NoError(t, err)
		b.leases.dropLost.Store(true)
		for range 4 * 10 {
			b.pass(sweepEvery)
			_, _ = b.Sweep(t.Context())
		}
		assert.False(t, b.leases.dropLost.Load())
		assert.Empty(t, view(t, b.Service).Instances)
		assert.Equal(t, 1, b.events(0)[registry.InstanceDeregistered])
		found, err := b.leases.Due(t.Context(), "replica-1", 10)
		require.NoError(t, err)
		assert.Empty(t, append(found.Overdue, found.Removable...))
	})

	t.Run("a step that another replica's write overtook is taken on what stands now", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		epoch := b.register(t, "a")
		b.run(t, 29*time.Second)
		other := b.replica(t, "replica-2")
		_, err := other.Register(t.Context(), fixture.Admin(), registration("a"))
		require.NoError(t, err)
		b.run(t, 5*time.Second)
		require.NoError(t, b.Refresh(t.Context()))
		assert.Len(t, ready(t, b.Service), 1)
		require.ErrorIs(t, b.beat(t, "a", epoch), registry.ErrLeaseLost)
	})
}
