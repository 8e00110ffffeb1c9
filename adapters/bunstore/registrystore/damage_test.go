package registrystore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestDeregisteringAServiceSettlesItsDamage(t *testing.T) {
	t.Parallel()
	store := storetest.Memory(t)
	s := registry.New(fixture.ServiceName(t, "shop"))
	_, err := s.Register(fixture.Registration(t, "a"), fixture.Stamp())
	require.NoError(t, err)
	require.NoError(t, registrystore.New(store).Save(t.Context(), s))
	damage := damageOf(store)
	require.NoError(t, damage.Row(t.Context(), int64(s.State().ID)))
	require.NoError(t, damage.Instance(t.Context(), int64(s.State().ID), "a"))
	require.NoError(t, store.Inspect(t.Context()))
	assert.Equal(t, int64(2), store.DamagedRows())
	found, err := registrystore.New(store).Find(t.Context(), s.State().Name)
	require.NoError(t, err)
	require.NoError(t, found.Deregister(fixture.Stamp()))
	require.NoError(t, registrystore.New(store).Save(t.Context(), found))
	assert.Zero(t, store.DamagedRows())
}

func TestServiceWithUnreadableCounterIsDeregistered(t *testing.T) {
	t.Parallel()
	for _, column := range []string{"version", "generation", "last_epoch", "instances_total", "purged_generation"} {
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			store := storetest.Memory(t)
			s := registry.New(fixture.ServiceName(t, "shop"))
			_, err := s.Register(fixture.Registration(t, "a"), fixture.Stamp())
			require.NoError(t, err)
			require.NoError(t, registrystore.New(store).Save(t.Context(), s))
			before := s.State()
			require.NoError(t, storetest.Execf(t.Context(), store, "UPDATE service_registry SET %s = 'x'", column))
			found, err := registrystore.New(store).FindWithInstances(t.Context(), before.Name)
			require.NoError(t, err)
			require.Error(t, found.Damage())
			require.NoError(t, found.Deregister(fixture.Stamp()))
			require.NoError(t, registrystore.New(store).Save(t.Context(), found))
			deregistered, err := registrystore.New(store).FindWithInstances(t.Context(), before.Name)
			require.NoError(t, err)
			assert.True(t, deregistered.Deleted())
			assert.Greater(t, deregistered.State().Version, before.Version)
			assert.Greater(t, deregistered.State().Generation, before.Generation)
			assert.Zero(t, store.DamagedRows())
		})
	}
}
