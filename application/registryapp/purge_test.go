package registryapp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// purge purges all that is due.
func (b *bundle) purge(t *testing.T) {
	t.Helper()
	for more := true; more; {
		var err error
		more, err = b.Purge(t.Context())
		require.NoError(t, err)
	}
}

// churn registers and deregisters services and instances that are never registered again.
func (b *bundle) churn(t *testing.T, pairs int) {
	t.Helper()
	admin := fixture.Admin()
	for n := range pairs {
		r := registration(fmt.Sprint("i-", n))
		_, err := b.Register(t.Context(), admin, r)
		require.NoError(t, err)
		require.NoError(t, b.DeregisterInstance(t.Context(), admin, target(*r.InstanceID)))
		r.ServiceName = fmt.Sprint("s-", n)
		_, err = b.Register(t.Context(), admin, r)
		require.NoError(t, err)
		require.NoError(t, b.Deregister(t.Context(), admin, registryapp.Deregister{ServiceName: r.ServiceName}))
	}
}

// requireCached asserts how many services and instances are in the catalogue of a replica.
func requireCached(t *testing.T, s *registryapp.Service, services, instances int) {
	t.Helper()
	gotServices, gotInstances := registryapp.Cached(s)
	assert.Equal(t, []int{services, instances}, []int{gotServices, gotInstances})
}

// requireStored asserts how many services and instances are in the store.
func (b *bundle) requireStored(t *testing.T, services, instances int) {
	t.Helper()
	gotServices, gotInstances := b.store.Len()
	assert.Equal(t, []int{services, instances}, []int{gotServices, gotInstances})
}

func TestPurge(t *testing.T) {
	t.Parallel()

	t.Run("removed records are purged from the store and the catalogue of every replica", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.replica(t, "replica-2")
		b.register(t, "retained")
		require.NoError(t, other.Refresh(t.Context()))
		b.churn(t, 100)
		require.NoError(t, other.Refresh(t.Context()))
		for _, s := range []*registryapp.Service{b.Service, other} {
			requireCached(t, s, 101, 1)
		}
		b.pass(registry.KeptRemoved)
		b.purge(t)
		b.requireStored(t, 1, 1)
		for _, s := range []*registryapp.Service{b.Service, other} {
			require.NoError(t, s.Refresh(t.Context()))
			requireCached(t, s, 1, 1)
			assert.NotNil(t, instance(t, s, "retained"))
		}
	})

	t.Run("a replica that missed a removal and its purge removes the instance too", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.replica(t, "replica-2")
		b.register(t, "a")
		b.register(t, "b")
		require.NoError(t, other.Refresh(t.Context()))
		require.NoError(t, b.DeregisterInstance(t.Context(), fixture.Admin(), target("a")))
		b.pass(registry.KeptRemoved)
		b.purge(t)
		require.NotNil(t, instance(t, other, "a"))
		require.NoError(t, other.Refresh(t.Context()))
		assert.Nil(t, instance(t, other, "a"))
		assert.NotNil(t, instance(t, other, "b"))
	})

	t.Run("a service that is registered after its purge has a new id and higher epochs", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.replica(t, "replica-2")
		epoch := b.register(t, "a")
		require.NoError(t, other.Refresh(t.Context()))
		first := view(t, b.Service).Service.ID
		require.NoError(t, b.Deregister(t.Context(), fixture.Admin(), service()))
		b.pass(registry.KeptRemoved)
		b.purge(t)
		again := b.register(t, "a")
		assert.Greater(t, again, epoch)
		require.NoError(t, b.heartbeat(t, "a", again))
		require.ErrorIs(t, b.heartbeat(t, "a", epoch), registry.ErrLeaseLost)
		for _, s := range []*registryapp.Service{b.Service, other} {
			for range 2 {
				require.NoError(t, s.Refresh(t.Context()))
				assert.Greater(t, view(t, s).Service.ID, first)
				assert.Equal(t, []string{"a"}, ready(t, s))
			}
		}
	})

	t.Run("an override delays the purge of an instance, and applies again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "a")
		_, err := b.Amend(t.Context(), fixture.Admin(), registryapp.Amend{Target: target("a"), Desired: new("maintenance")})
		require.NoError(t, err)
		require.NoError(t, b.Deregister(t.Context(), fixture.Admin(), service()))
		b.pass(registry.KeptOverridden - time.Second)
		b.purge(t)
		b.register(t, "a")
		assert.Equal(t, registry.Maintenance, instance(t, b.Service, "a").Desired)
	})

	t.Run("records of changes that are still in the feed are not purged", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "a")
		removed := b.clock.Now()
		require.NoError(t, b.Deregister(t.Context(), fixture.Admin(), service()))
		b.pass(10 * registry.KeptRemoved)
		b.store.OldestChange(removed)
		b.purge(t)
		b.requireStored(t, 1, 1)
		b.store.OldestChange(removed.Add(time.Second))
		b.purge(t)
		b.requireStored(t, 0, 0)
	})
}

func TestBounds(t *testing.T) {
	t.Parallel()
	bounded := func(t *testing.T, most registry.Size) *bundle {
		t.Helper()
		b := empty()
		b.Service = b.replica(t, "replica-1", func(d *registryapp.Dependencies) { d.Bounds = most })
		require.NoError(t, b.Refresh(t.Context()))
		b.expireLeases(t)
		return b
	}
	registers := func(t *testing.T, b *bundle, service, instance, metadata string) error {
		t.Helper()
		r := registration(instance)
		r.ServiceName = service
		if metadata != "" {
			r.Metadata = []byte(metadata)
		}
		_, err := b.Register(t.Context(), fixture.Admin(), r)
		return err
	}
	leaves := func(t *testing.T, b *bundle, service string) {
		t.Helper()
		require.NoError(t, b.Deregister(t.Context(), fixture.Admin(), registryapp.Deregister{ServiceName: service}))
	}

	t.Run("services", func(t *testing.T) {
		t.Parallel()
		b := bounded(t, registry.Size{Services: 2})
		require.NoError(t, registers(t, b, "one", "a", ""))
		require.NoError(t, registers(t, b, "two", "a", ""))
		require.ErrorIs(t, registers(t, b, "three", "a", ""), registry.ErrTooManyServices)
		require.NoError(t, registers(t, b, "two", "b", ""))
		require.NoError(t, registers(t, b, "two", "b", ""))
		leaves(t, b, "one")
		require.NoError(t, registers(t, b, "three", "a", ""))
		require.ErrorIs(t, registers(t, b, "one", "a", ""), registry.ErrTooManyServices, "a repeated registration counts as one more")
	})

	t.Run("instances", func(t *testing.T) {
		t.Parallel()
		b := bounded(t, registry.Size{Instances: 2})
		require.NoError(t, registers(t, b, "one", "a", ""))
		require.NoError(t, registers(t, b, "two", "a", ""))
		require.ErrorIs(t, registers(t, b, "one", "b", ""), registry.ErrTooManyInstances)
		require.NoError(t, registers(t, b, "one", "a", ""), "it is there")
		leaves(t, b, "two")
		require.NoError(t, registers(t, b, "one", "b", ""))
	})

	t.Run("metadata", func(t *testing.T) {
		t.Parallel()
		b := bounded(t, registry.Size{MetadataBytes: 100})
		// The service takes over the metadata of its first instance.
		require.NoError(t, registers(t, b, "one", "a", `{"m":"0123456789012345678901234567890"}`))
		require.ErrorIs(t, registers(t, b, "one", "b", `{"m":"01234567890123456789"}`), registry.ErrTooMuchMetadata)
		amend := registryapp.Amend{Target: registryapp.Target{ServiceName: "one", InstanceID: "a"}}
		amend.Metadata = []byte(`{"m":"0123456789012345678901234567890123456789012345678901234567890"}`)
		_, err := b.Amend(t.Context(), fixture.Admin(), amend)
		require.ErrorIs(t, err, registry.ErrTooMuchMetadata)
		amend.Metadata = []byte(`{}`)
		_, err = b.Amend(t.Context(), fixture.Admin(), amend)
		require.NoError(t, err)
		require.NoError(t, registers(t, b, "one", "b", `{"m":"01234567890123456789"}`))
	})
}

func TestReadingsOfANewLife(t *testing.T) {
	t.Parallel()
	b := setup(t)
	admin, one := fixture.Admin(), registryapp.Heartbeat{ServiceName: shop, InstanceID: "a", ResponseTime: new(9.0)}
	one.Epoch = b.register(t, "a")
	_, err := b.Heartbeat(t.Context(), admin, one)
	require.NoError(t, err)
	// Readings can remain, for example after a check that ends late.
	late := registry.Note{Key: leaseOf(t, "a", 1).Key, Observation: registry.Observation{ResponseTime: new(7.0)}}
	require.NoError(t, b.Deregister(t.Context(), admin, service()))
	require.NoError(t, b.leases.Note(t.Context(), late))
	b.register(t, "a")
	read, err := b.Read(t.Context(), admin, shop)
	require.NoError(t, err)
	assert.Zero(t, read.Observed)
	assert.Zero(t, read.Instances[0].Reading)
}
