package registryapp_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// gatedServices calls a function before each save.
type gatedServices struct {
	*fixture.Services
	before func() error
}

func (g *gatedServices) Save(ctx context.Context, services ...*registry.Service) error {
	if g.before != nil {
		if err := g.before(); err != nil {
			return err
		}
	}
	return g.Services.Save(ctx, services...)
}

// gated returns a replica that calls a function before each save.
func gated(t *testing.T) (*bundle, *gatedServices) {
	t.Helper()
	b := empty()
	g := &gatedServices{Services: b.store}
	b.Service = b.replica(t, "replica-1", func(d *registryapp.Dependencies) { d.Services = g })
	require.NoError(t, b.Refresh(t.Context()))
	b.expireLeases(t)
	return b, g
}

// leaseOf returns the lease of an instance of the shop.
func leaseOf(t *testing.T, instance string, epoch int64) registry.LeaseKey {
	t.Helper()
	key := registry.Key{Service: fixture.ServiceName(t, shop), Ref: fixture.Ref(t, instance)}
	return registry.LeaseKey{Key: key, Epoch: registry.Epoch(epoch)}
}

func (b *bundle) outcome(t *testing.T, instance string, epoch int64) registry.Outcome {
	t.Helper()
	renewed, err := b.leases.Renew(t.Context(), registry.Renewal{LeaseKey: leaseOf(t, instance, epoch)})
	require.NoError(t, err)
	return renewed[0].Outcome
}

func TestLeasesAreGrantedFirst(t *testing.T) {
	t.Parallel()

	t.Run("a lease that is not granted stores nothing", func(t *testing.T) {
		t.Parallel()
		b, _ := gated(t)
		b.leases.grantLost.Store(true)
		_, err := b.Register(t.Context(), fixture.Admin(), registration("a"))
		require.ErrorIs(t, err, registry.ErrLeasesUnavailable)
		assert.Empty(t, b.store.Outbox())
		assert.Equal(t, int64(1), b.register(t, "a"))
	})

	t.Run("a failed save leaves no lease, and the former one continues", func(t *testing.T) {
		t.Parallel()
		b, g := gated(t)
		epoch := b.register(t, "a")
		g.before = func() error { return fault.ErrUnavailable }
		_, err := b.Register(t.Context(), fixture.Admin(), registration("a"))
		require.ErrorIs(t, err, fault.ErrUnavailable)
		_, err = b.Register(t.Context(), fixture.Admin(), registration("b"))
		require.ErrorIs(t, err, fault.ErrUnavailable)
		g.before = nil
		assert.Equal(t, registry.LeaseUnknown, b.outcome(t, "b", epoch+1))
		require.NoError(t, b.heartbeat(t, "a", epoch))
		b.run(t, 20*time.Second)
		require.NoError(t, b.heartbeat(t, "a", epoch))
		assert.Equal(t, []string{"a"}, ready(t, b.Service))
	})

	t.Run("a lease whose instance was not stored, because the process ended, expires", func(t *testing.T) {
		t.Parallel()
		b, _ := gated(t)
		epoch := b.register(t, "a")
		lost := registry.Grant{LeaseKey: leaseOf(t, "a", epoch+1), TTL: 5 * time.Second, Removal: time.Minute}
		require.NoError(t, b.leases.Grant(t.Context(), lost))
		require.ErrorIs(t, b.heartbeat(t, "a", epoch), registry.ErrLeasesUnavailable, "it has not lost its lease")
		b.run(t, 6*time.Second)
		require.NoError(t, b.heartbeat(t, "a", epoch))
		assert.Equal(t, []string{"a"}, ready(t, b.Service))
	})

	t.Run("between the grant and the save a heartbeat of the former lease succeeds", func(t *testing.T) {
		t.Parallel()
		b, g := gated(t)
		epoch := b.register(t, "a")
		saves := 0
		g.before = func() error {
			saves++
			assert.Equal(t, registry.LeaseRenewed, b.outcome(t, "a", epoch+1), "granted, and not stored")
			require.ErrorIs(t, b.heartbeat(t, "a", epoch), registry.ErrLeasesUnavailable)
			return nil
		}
		assert.Equal(t, epoch+1, b.register(t, "a"))
		assert.Equal(t, 1, saves)
		g.before = nil
		require.ErrorIs(t, b.heartbeat(t, "a", epoch), registry.ErrLeaseLost)
		require.NoError(t, b.heartbeat(t, "a", epoch+1))
	})

	t.Run("a stale save is granted and saved again, under the next epoch", func(t *testing.T) {
		t.Parallel()
		b, g := gated(t)
		other := b.replica(t, "replica-2")
		require.NoError(t, other.Refresh(t.Context()))
		g.before = func() error {
			g.before = nil
			_, err := other.Register(t.Context(), fixture.Admin(), registration("a"))
			return err
		}
		assert.Equal(t, int64(2), b.register(t, "a"))
		require.ErrorIs(t, b.heartbeat(t, "a", 1), registry.ErrLeaseLost)
		require.NoError(t, b.heartbeat(t, "a", 2))
	})

	t.Run("where the lease store has a higher epoch than the database the next one is above it", func(t *testing.T) {
		t.Parallel()
		b, _ := gated(t)
		ahead := registry.Grant{LeaseKey: leaseOf(t, "a", 20), TTL: time.Hour, Removal: time.Hour}
		require.NoError(t, b.leases.Grant(t.Context(), ahead))
		assert.Equal(t, int64(21), b.register(t, "a"))
		require.NoError(t, b.heartbeat(t, "a", 21))
		require.ErrorIs(t, b.heartbeat(t, "a", 20), registry.ErrLeaseLost)
	})

	t.Run("a heartbeat that restores an instance grants its lease first", func(t *testing.T) {
		t.Parallel()
		b, _ := gated(t)
		epoch := b.register(t, "a")
		b.run(t, 31*time.Second)
		require.Empty(t, ready(t, b.Service))
		require.NoError(t, b.leases.Remove(t.Context(), leaseOf(t, "a", epoch)))
		b.leases.grantLost.Store(true)
		require.ErrorIs(t, b.heartbeat(t, "a", epoch), registry.ErrLeasesUnavailable)
		assert.Empty(t, ready(t, b.Service), "nothing is stored")
		require.NoError(t, b.heartbeat(t, "a", epoch))
		assert.Equal(t, []string{"a"}, ready(t, b.Service))
	})
}
