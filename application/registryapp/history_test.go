package registryapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "a")
	b.run(t, 31*time.Second)
	in := registryapp.HealthHistory{ServiceName: shop, InstanceID: new("a"), Window: scope.Window{Limit: 10}}
	found, err := b.ReadHealthHistory(t.Context(), fixture.Reader(), in)
	require.NoError(t, err)
	require.Len(t, found.Items, 2)
	assert.Equal(t, registry.ReasonLeaseExpired, found.Items[0].Reason)
	assert.Equal(t, health.Passing, found.Items[0].From)
	assert.Equal(t, health.Critical, found.Items[0].To)

	b.clock.Move(registryapp.HistoryRetention - 10*time.Second)
	more, err := b.Purge(t.Context())
	require.NoError(t, err)
	assert.False(t, more)
	found, err = b.ReadHealthHistory(t.Context(), fixture.Reader(), in)
	require.NoError(t, err)
	assert.Len(t, found.Items, 1, "transitions older than 30 days are purged")
}
