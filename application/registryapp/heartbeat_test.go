package registryapp_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestHeartbeat(t *testing.T) {
	t.Parallel()

	t.Run("only the epoch of the last registration has the lease", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := b.register(t, "a")
		require.NoError(t, b.heartbeat(t, "a", first))
		second := b.register(t, "a")
		assert.Equal(t, first+1, second)
		require.ErrorIs(t, b.heartbeat(t, "a", first), registry.ErrLeaseLost)
		require.ErrorIs(t, b.heartbeat(t, "a", second+1), registry.ErrLeaseLost, "one from the future")
		require.NoError(t, b.heartbeat(t, "a", second))
		b.run(t, 29*time.Second)
		require.ErrorIs(t, b.heartbeat(t, "a", first), registry.ErrLeaseLost)
		b.run(t, 2*time.Second)
		assert.Empty(t, ready(t, b.Service), "a paused process does not renew its successor's lease")
	})

	t.Run("it makes no version and no event, but for a report that is news", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		epoch := b.register(t, "a")
		before := len(b.store.Outbox())
		report := func(status string) {
			_, err := b.Heartbeat(t.Context(), fixture.Admin(), registryapp.Heartbeat{
				ServiceName: shop, InstanceID: "a", Epoch: epoch, Status: &status, ResponseTime: new(1.5),
			})
			require.NoError(t, err)
		}
		for range 10 {
			report("healthy")
		}
		assert.Empty(t, b.events(before))
		report("warning")
		report("warning")
		assert.Equal(t, map[string]int{registry.InstanceHealthChanged: 1}, b.events(before))
		assert.Equal(t, health.Warning, observed(t, b.Service, "a"))
	})

	t.Run("a batch is answered one by one, in order", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		a, c := b.register(t, "a"), b.register(t, "c")
		beaten, err := b.Heartbeats(t.Context(), fixture.Admin(), []registryapp.Heartbeat{
			{ServiceName: shop, InstanceID: "c", Epoch: c},
			{ServiceName: shop, InstanceID: "b", Epoch: 1},
			{ServiceName: shop, InstanceID: "a", Epoch: a + 1},
			{ServiceName: "no one", InstanceID: "a", Epoch: 1},
			{ServiceName: shop, InstanceID: "a", Epoch: a},
		})
		require.NoError(t, err)
		require.NoError(t, beaten[0].Err)
		require.ErrorIs(t, beaten[1].Err, registry.ErrInstanceNotFound)
		require.ErrorIs(t, beaten[2].Err, registry.ErrLeaseLost)
		require.ErrorIs(t, beaten[3].Err, fault.ErrInvalid)
		require.NoError(t, beaten[4].Err)
		assert.Equal(t, 30*time.Second, beaten[4].ExpiresIn)
		_, err = b.Heartbeats(t.Context(), fixture.Admin(), make([]registryapp.Heartbeat, 1001))
		require.ErrorIs(t, err, registry.ErrTooManyHeartbeats)
	})

	t.Run("response times are bounded", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		epoch := b.register(t, "a")
		for _, ms := range []float64{-1, math.NaN(), math.Inf(1), 1e9 + 1} {
			_, err := b.Heartbeat(t.Context(), fixture.Admin(), registryapp.Heartbeat{
				ServiceName: shop, InstanceID: "a", Epoch: epoch, ResponseTime: &ms,
			})
			assert.Equal(t, []string{"response_time"}, faulty(err), "%v", ms)
		}
	})

	t.Run("a service that was deregistered and a removed instance are not there", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		a, c := b.register(t, "a"), b.register(t, "c")
		require.NoError(t, b.DeregisterInstance(t.Context(), fixture.Admin(), target("a")))
		require.ErrorIs(t, b.heartbeat(t, "a", a), registry.ErrInstanceNotFound)
		require.NoError(t, b.Deregister(t.Context(), fixture.Admin(), service()))
		require.ErrorIs(t, b.heartbeat(t, "c", c), registry.ErrNotFound)
		assert.Equal(t, c+1, b.register(t, "c"), "epochs go on")
	})
}
