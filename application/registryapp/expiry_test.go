package registryapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestInterruptedExpiry(t *testing.T) {
	t.Parallel()

	t.Run("a missing lease is granted again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		epoch := b.register(t, "a")
		require.NoError(t, b.leases.Remove(t.Context(), leaseOf(t, "a", epoch)))
		require.Len(t, ready(t, b.Service), 1)
		b.run(t, 65*time.Second)
		assert.Empty(t, ready(t, b.Service), "it expires without heartbeats")
	})

	t.Run("an expiry that was saved and not recorded is recorded once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "a")
		before := len(b.store.Outbox())
		b.leases.failExpire.Store(true)
		for range 4 * 40 {
			b.pass(expireEvery)
			_, _ = b.ExpireLeases(t.Context())
		}
		assert.False(t, b.leases.failExpire.Load(), "the failing call was made")
		assert.Empty(t, ready(t, b.Service))
		assert.Equal(t, map[string]int{registry.InstanceHealthChanged: 1, registry.ServiceHealthChanged: 1}, b.events(before))
	})

	t.Run("a lease whose removal was saved and not made is removed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := registration("a")
		in.TTLSeconds, in.DeregisterAfterSeconds = new(1), new(1)
		_, err := b.Register(t.Context(), fixture.Admin(), in)
		require.NoError(t, err)
		b.leases.failRemove.Store(true)
		for range 4 * 10 {
			b.pass(expireEvery)
			_, _ = b.ExpireLeases(t.Context())
		}
		assert.False(t, b.leases.failRemove.Load())
		assert.Empty(t, view(t, b.Service).Instances)
		assert.Equal(t, 1, b.events(0)[registry.InstanceDeregistered])
		found, err := b.leases.Due(t.Context(), "replica-1", 10)
		require.NoError(t, err)
		assert.Empty(t, append(found.Overdue, found.Removable...))
	})

	t.Run("a step that was overtaken by another replica's write is made on the current state", func(t *testing.T) {
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
		require.ErrorIs(t, b.heartbeat(t, "a", epoch), registry.ErrLeaseLost)
	})
}
