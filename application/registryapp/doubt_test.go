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

// losing answers saves with what is set, after it has stored them or instead.
type losing struct {
	*fixture.Services
	fail   error
	stores bool
	// from are the generations from which services were loaded.
	from []int64
}

func (l *losing) Since(ctx context.Context, id registry.ID, generation int64) (*registry.Service, error) {
	l.from = append(l.from, generation)
	return l.Services.Since(ctx, id, generation)
}

func (l *losing) Save(ctx context.Context, services ...*registry.Service) error {
	if l.fail == nil {
		return l.Services.Save(ctx, services...)
	}
	if l.stores {
		// What is stored is not marked saved: the answer was lost.
		for _, s := range services {
			again, err := l.Find(ctx, s.State().Name)
			if err == nil && again != nil {
				_ = again.Deregister(fixture.Stamp())
				_ = l.Services.Save(ctx, again)
			}
		}
	}
	return l.fail
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

func TestDoubtedServices(t *testing.T) {
	t.Parallel()

	t.Run("a version that another event made is loaded anew as a whole when the feed tells", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		register(t, b.Service, "a")
		other := b.replica(t, "replica-2")
		require.NoError(t, other.Refresh(t.Context()))
		// The store loses what this replica wrote last, and another writer makes that version.
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

	t.Run("after a save of unknown outcome the service is loaded as a whole", func(t *testing.T) {
		t.Parallel()
		b := empty()
		between := &losing{Services: b.store}
		s := b.replica(t, "replica-1", func(d *registryapp.Dependencies) { d.Services, d.Source = between, between })
		require.NoError(t, s.Refresh(t.Context()))
		register(t, s, "a")
		for err, from := range map[error][]int64{
			fault.ErrUnavailable.WithCause(fault.ErrUnreached): nil,
			errors.New("unexpected EOF"):                       {0},
		} {
			between.fail, between.from = err, nil
			_, got := s.Register(t.Context(), fixture.Admin(), registryapp.Register{
				ServiceName: "shop", InstanceID: new("b"), ServiceURL: new("http://10.0.0.1:8080"),
			})
			require.ErrorIs(t, got, err)
			require.NoError(t, s.Refresh(t.Context()))
			require.NoError(t, s.Refresh(t.Context()))
			assert.Equal(t, from, between.from)
			assert.Equal(t, []string{"a"}, instancesIn(t, s))
		}
	})

	t.Run("after a save of unknown outcome the next write loads, and what was stored is found", func(t *testing.T) {
		t.Parallel()
		b := empty()
		between := &losing{Services: b.store}
		s := b.replica(t, "replica-1", func(d *registryapp.Dependencies) { d.Services, d.Source = between, between })
		require.NoError(t, s.Refresh(t.Context()))
		register(t, s, "a")
		between.fail = fault.ErrUnavailable.WithCause(errors.New("the connection was lost"))
		between.stores = true
		_, err := s.Register(t.Context(), fixture.Admin(), registryapp.Register{
			ServiceName: "shop", InstanceID: new("b"), ServiceURL: new("http://10.0.0.1:8080"),
		})
		require.ErrorIs(t, err, fault.ErrUnavailable)
		between.fail = nil
		require.Equal(t, []string{"a"}, instancesIn(t, s), "discovery goes on")
		require.NoError(t, s.Refresh(t.Context()))
		_, err = s.Discover(fixture.Admin(), "shop", "production")
		require.ErrorIs(t, err, registry.ErrNotFound)
		register(t, s, "b")
		assert.Equal(t, []string{"b"}, instancesIn(t, s))
	})
}
