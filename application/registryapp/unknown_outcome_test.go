package registryapp_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// failingSaves fails saves, after it has stored a deregistration or without it.
type failingSaves struct {
	*fixture.Services
	failure error
	stores  bool
	// since are the generations since which services were loaded.
	since []int64
}

func (f *failingSaves) Since(ctx context.Context, id registry.ID, generation int64) (*registry.Service, error) {
	f.since = append(f.since, generation)
	return f.Services.Since(ctx, id, generation)
}

func (f *failingSaves) Save(ctx context.Context, services ...*registry.Service) error {
	if f.failure == nil {
		return f.Services.Save(ctx, services...)
	}
	if f.stores {
		// The aggregate is not marked saved: the reply was lost.
		for _, s := range services {
			stored, err := f.Find(ctx, s.State().Name)
			if err == nil && stored != nil {
				_ = stored.Deregister(fixture.Stamp())
				_ = f.Services.Save(ctx, stored)
			}
		}
	}
	return f.failure
}

func register(t *testing.T, s *registryapp.Service, instance string) {
	t.Helper()
	_, err := s.Register(t.Context(), fixture.Admin(), registryapp.Register{
		ServiceName: "shop", InstanceID: &instance, ServiceURL: new("http://10.0.0.1:8080"),
	})
	require.NoError(t, err)
}

func instancesIn(t *testing.T, s *registryapp.Service) []string {
	t.Helper()
	v, err := s.Discover(fixture.Admin(), "shop", "production")
	require.NoError(t, err)
	var ids []string
	for _, i := range v.Instances {
		ids = append(ids, i.ID.String())
	}
	return ids
}

func TestUnknownOutcome(t *testing.T) {
	t.Parallel()

	t.Run("a version made by another event than the feed's is loaded completely", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		register(t, b.Service, "a")
		other := b.replica(t, "replica-2")
		require.NoError(t, other.Refresh(t.Context()))
		// The store loses this replica's last save, and another writer makes that version.
		lost := b.store.Snapshot()
		register(t, b.Service, "lost")
		b.store.Restore(lost)
		register(t, other, "two")
		require.Equal(t, []string{"a", "lost"}, instancesIn(t, b.Service))
		found, err := b.store.Find(t.Context(), fixture.ServiceName(t, "shop"))
		require.NoError(t, err)
		require.NoError(t, b.Apply(t.Context(), []ports.Change{{
			AggregateType: registry.AggregateType, AggregateID: int64(found.State().ID),
			AggregateVersion: int64(found.State().Version), EventID: found.State().Event,
		}}))
		assert.Equal(t, []string{"a", "two"}, instancesIn(t, b.Service))
	})

	t.Run("after a save of unknown outcome the service is loaded completely", func(t *testing.T) {
		t.Parallel()
		b := empty()
		saves := &failingSaves{Services: b.store}
		s := b.replica(t, "replica-1", func(d *registryapp.Dependencies) { d.Services, d.Source = saves, saves })
		require.NoError(t, s.Refresh(t.Context()))
		register(t, s, "a")
		for err, since := range map[error][]int64{
			fault.ErrUnavailable.WithCause(fault.ErrUnreached): nil,
			errors.New("unexpected EOF"):                       {0},
		} {
			saves.failure, saves.since = err, nil
			_, got := s.Register(t.Context(), fixture.Admin(), registryapp.Register{
				ServiceName: "shop", InstanceID: new("b"), ServiceURL: new("http://10.0.0.1:8080"),
			})
			require.ErrorIs(t, got, err)
			require.NoError(t, s.Refresh(t.Context()))
			require.NoError(t, s.Refresh(t.Context()))
			assert.Equal(t, since, saves.since)
			assert.Equal(t, []string{"a"}, instancesIn(t, s))
		}
	})

	t.Run("after a save of unknown outcome the next write loads the stored state", func(t *testing.T) {
		t.Parallel()
		b := empty()
		saves := &failingSaves{Services: b.store}
		s := b.replica(t, "replica-1", func(d *registryapp.Dependencies) { d.Services, d.Source = saves, saves })
		require.NoError(t, s.Refresh(t.Context()))
		register(t, s, "a")
		saves.failure = fault.ErrUnavailable.WithCause(errors.New("the connection was lost"))
		saves.stores = true
		_, err := s.Register(t.Context(), fixture.Admin(), registryapp.Register{
			ServiceName: "shop", InstanceID: new("b"), ServiceURL: new("http://10.0.0.1:8080"),
		})
		require.ErrorIs(t, err, fault.ErrUnavailable)
		saves.failure = nil
		require.Equal(t, []string{"a"}, instancesIn(t, s), "discovery serves the cached state")
		require.NoError(t, s.Refresh(t.Context()))
		_, err = s.Discover(fixture.Admin(), "shop", "production")
		require.ErrorIs(t, err, registry.ErrNotFound)
		register(t, s, "b")
		assert.Equal(t, []string{"b"}, instancesIn(t, s))
	})
}
