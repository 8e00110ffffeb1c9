package registryapp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// TestResync restores the database to an earlier state under a running replica.
func TestResync(t *testing.T) {
	t.Parallel()
	b := empty()
	g := &gatedServices{Services: b.store}
	b.Service = b.replica(t, "replica-1", func(d *registryapp.Dependencies) { d.Services, d.Source = g, g })
	require.NoError(t, b.Refresh(t.Context()))
	b.expireLeases(t)
	for _, id := range []string{"a", "b", "a", "a"} {
		b.register(t, id)
	}
	lost := registration("x")
	lost.ServiceName = "lost"
	_, err := b.Register(t.Context(), fixture.Admin(), lost)
	require.NoError(t, err)
	b.expireLeases(t)

	backup := empty()
	backup.Service = backup.replica(t, "replica-1")
	require.NoError(t, backup.Refresh(t.Context()))
	epoch := backup.register(t, "a")
	g.Services = backup.store
	b.epoch.Begin()

	require.NoError(t, b.Resync(t.Context()))
	assert.Equal(t, []string{"a"}, ready(t, b.Service))
	assert.Equal(t, registry.Epoch(epoch), instance(t, b.Service, "a").Epoch)
	_, err = b.Discover(fixture.Admin(), "lost", "")
	require.ErrorIs(t, err, registry.ErrNotFound)
	b.expireLeases(t)
	require.NoError(t, b.heartbeat(t, "a", epoch))
	again := b.register(t, "a")
	require.NoError(t, b.heartbeat(t, "a", again), "without delay")
	require.ErrorIs(t, b.heartbeat(t, "a", epoch), registry.ErrLeaseLost)
}
