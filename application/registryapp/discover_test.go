package registryapp_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestDiscovery(t *testing.T) {
	t.Parallel()

	t.Run("discovery is unavailable until the store was read", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "a")
		other := b.replica(t, "replica-2")
		_, err := other.Discover(fixture.Admin(), shop, "")
		require.ErrorIs(t, err, fault.ErrUnavailable)
		require.NoError(t, other.Refresh(t.Context()))
		assert.Equal(t, []string{"a"}, ready(t, other))
		_, err = other.Discover(fixture.Admin(), "nothing", "")
		require.ErrorIs(t, err, registry.ErrNotFound)
		_, err = other.Discover(fixture.Admin(), shop, "nowhere")
		require.ErrorIs(t, err, fault.ErrInvalid)
	})

	t.Run("a write is visible on this replica at once, and on others after a refresh", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.replica(t, "replica-2")
		b.register(t, "a")
		require.NoError(t, other.Refresh(t.Context()))
		b.register(t, "b")
		require.NoError(t, b.DeregisterInstance(t.Context(), fixture.Admin(), target("a")))
		assert.Equal(t, []string{"b"}, ready(t, b.Service))
		assert.Equal(t, []string{"a"}, ready(t, other))
		require.NoError(t, other.Refresh(t.Context()))
		assert.Equal(t, []string{"b"}, ready(t, other))
	})

	t.Run("a draining instance serves, and is not ready", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "a")
		amended, err := b.Amend(t.Context(), fixture.Admin(), registryapp.Amend{
			Target: target("a"), Desired: new("draining"), Reason: new("release 7"),
		})
		require.NoError(t, err)
		i := amended.Instances[0]
		assert.Equal(t, []bool{true, false, true}, []bool{i.Serving(), i.Ready(), i.Terminating()})
		assert.Empty(t, ready(t, b.Service))
		assert.Len(t, view(t, b.Service).Select(catalogue.Selection{}), 1)
		assert.Equal(t, 1, b.events(0)[registry.InstanceDrained])
	})

	t.Run("selections narrow by zone, tag and version", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for n, zone := range []string{"eu-1", "eu-2"} {
			in := registration(strconv.Itoa(n))
			in.Zone, in.Version, in.Tags = &zone, new(strconv.Itoa(n)), new([]string{"all", zone})
			_, err := b.Register(t.Context(), fixture.Admin(), in)
			require.NoError(t, err)
		}
		v := view(t, b.Service)
		for _, n := range []catalogue.Selection{{Zone: "eu-2"}, {Tag: "eu-2"}, {Version: "1"}} {
			list := v.Select(n)
			require.Len(t, list, 1)
			assert.Equal(t, "1", list[0].ID.String())
		}
		assert.Len(t, v.Select(catalogue.Selection{Tag: "all"}), 2)
		assert.Empty(t, v.Select(catalogue.Selection{Zone: "eu-1", Version: "1"}))
	})

	t.Run("while the database is unavailable all reads succeed, except of data that was never read", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "a")
		b.store.Fail(fault.ErrUnavailable)
		require.ErrorIs(t, b.Refresh(t.Context()), fault.ErrUnavailable)
		b.pass(3 * time.Second)
		assert.Equal(t, 3*time.Second, b.Staleness())
		assert.Equal(t, []string{"a"}, ready(t, b.Service))
		read, err := b.Read(t.Context(), fixture.Reader(), shop)
		require.NoError(t, err)
		assert.Len(t, read.Instances, 1)
		listed, err := b.List(t.Context(), fixture.Reader(), registryapp.List{Window: scope.Window{Limit: 10}})
		require.NoError(t, err)
		assert.Equal(t, 1, listed.Total)
		healthy, err := b.Healthy(t.Context(), fixture.Reader())
		require.NoError(t, err)
		assert.Equal(t, 1, healthy.Total)
		require.NoError(t, b.heartbeat(t, "a", 1), "a heartbeat that changes nothing needs no database")
	})
}
