package registryapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// TestUnconfirmedHeartbeat has a caller whose key cannot be confirmed renew what
// changes nothing that is stored, and nothing else.
func TestUnconfirmedHeartbeat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	epoch, ended := b.register(t, "a"), b.register(t, "b")
	by := fixture.Unconfirmed(fixture.Admin())
	renew := func(in registryapp.Heartbeat) error {
		in.ServiceName = shop
		_, err := b.Heartbeat(t.Context(), by, in)
		return err
	}
	for range 4 {
		b.run(t, 10*time.Second)
		require.NoError(t, renew(registryapp.Heartbeat{InstanceID: "a", Epoch: epoch}))
	}
	assert.Equal(t, []string{"a"}, ready(t, b.Service))
	before := len(b.store.Outbox())
	require.ErrorIs(t, renew(registryapp.Heartbeat{InstanceID: "a", Epoch: epoch, Status: new("warning")}), access.ErrUnconfirmed)
	require.ErrorIs(t, renew(registryapp.Heartbeat{InstanceID: "b", Epoch: ended}), access.ErrUnconfirmed, "the renewal would restore the instance")
	batch, err := b.Heartbeats(t.Context(), by, []registryapp.Heartbeat{
		{ServiceName: shop, InstanceID: "a", Epoch: epoch}, {ServiceName: shop, InstanceID: "b", Epoch: ended},
	})
	require.NoError(t, err)
	require.NoError(t, batch[0].Err)
	require.ErrorIs(t, batch[1].Err, access.ErrUnconfirmed)

	require.ErrorIs(t, b.DeregisterInstance(t.Context(), by, target("a")), access.ErrUnconfirmed)
	require.ErrorIs(t, b.Deregister(t.Context(), by, service()), access.ErrUnconfirmed)
	_, err = b.Report(t.Context(), by, registryapp.Report{ServiceName: shop, InstanceID: new("a"), Status: "critical"})
	require.ErrorIs(t, err, access.ErrUnconfirmed)
	_, err = b.Amend(t.Context(), by, registryapp.Amend{Target: target("a"), Weight: new(7)})
	require.ErrorIs(t, err, access.ErrUnconfirmed)
	assert.Len(t, b.store.Outbox(), before)
}
