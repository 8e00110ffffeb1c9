package registry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

func environment(tb testing.TB, name string) scope.Environment {
	tb.Helper()
	e, err := scope.ParseEnvironment(name)
	require.NoError(tb, err)
	return e
}

// leaseIn registers instance a in an environment.
func leaseIn(tb testing.TB, name string) registry.Registration {
	tb.Helper()
	r := lease(tb, "a")
	r.Environment = new(environment(tb, name))
	return r
}

// listed returns the environments that a failure lists.
func listed(err error) any {
	for _, d := range fault.Of(err).Details() {
		if d.Name == "environments" {
			return d.Value
		}
	}
	return nil
}

func TestOneIDInTwoEnvironments(t *testing.T) {
	t.Parallel()
	both := func(t *testing.T) (s *registry.Service, inProduction, inStaging *registry.Instance) {
		t.Helper()
		s = registry.New(shop(t))
		first := register(t, s, leaseIn(t, "production"))
		second := register(t, s, leaseIn(t, "staging"))
		assert.True(t, second.Created)
		return s, first.Instance, second.Instance
	}

	t.Run("they are two instances, with epochs that no other registration has", func(t *testing.T) {
		t.Parallel()
		s, inProduction, inStaging := both(t)
		assert.Equal(t, []registry.Epoch{1, 2}, []registry.Epoch{inProduction.Epoch, inStaging.Epoch})
		assert.Equal(t, 2, s.State().Tally.Total)
		require.NoError(t, s.Report(inStaging.Ref(), health.Critical, stamp()))
		assert.True(t, find(t, s, "a").Ready(), "the other one is as it was")
		for epoch, want := range map[registry.Epoch]string{1: "production", 2: "staging"} { //nolint:exhaustive // epochs are no closed set
			i, err := s.Holder(id(t, "a"), epoch, nil)
			require.NoError(t, err)
			assert.Equal(t, want, i.Environment.String())
		}
	})

	t.Run("without an environment the id is ambiguous, and the failure lists them", func(t *testing.T) {
		t.Parallel()
		s, inProduction, _ := both(t)
		_, err := s.Locate(scope.Environment{}, id(t, "a"), nil)
		require.ErrorIs(t, err, registry.ErrEnvironmentRequired)
		assert.Equal(t, []string{"production", "staging"}, listed(err))
		_, err = s.Holder(id(t, "a"), 9, nil)
		require.ErrorIs(t, err, registry.ErrLeaseLost)
		assert.Equal(t, []string{"production", "staging"}, listed(err))
		_, err = s.Locate(environment(t, "development"), id(t, "a"), nil)
		require.ErrorIs(t, err, registry.ErrInstanceNotFound)

		require.NoError(t, s.DeregisterInstance(inProduction.Ref(), stamp()))
		i, err := s.Locate(scope.Environment{}, id(t, "a"), nil)
		require.NoError(t, err)
		assert.Equal(t, "staging", i.Environment.String(), "a unique id decides")
	})

	t.Run("an environment is withdrawn alone, and the last one with the service", func(t *testing.T) {
		t.Parallel()
		s, inProduction, inStaging := both(t)
		require.ErrorIs(t, s.Withdraw(environment(t, "development"), stamp()), registry.ErrNotFound)
		require.NoError(t, s.Withdraw(inStaging.Environment, stamp()))
		assert.Equal(t, []scope.Environment{inProduction.Environment}, s.Environments())
		assert.False(t, s.Deleted())
		require.NoError(t, s.Withdraw(inProduction.Environment, stamp()))
		assert.True(t, s.Deleted())
	})

	t.Run("a registration without an environment is in the fallback, whatever exists elsewhere", func(t *testing.T) {
		t.Parallel()
		s := registry.New(shop(t))
		register(t, s, leaseIn(t, "staging"))
		done := register(t, s, lease(t, "a"))
		assert.True(t, done.Created)
		assert.Equal(t, "production", done.Instance.Environment.String())
	})

	t.Run("the default instance of an environment is replaced by the first other one there", func(t *testing.T) {
		t.Parallel()
		s := registry.New(shop(t))
		register(t, s, whole(t, "http://shop:8080"))
		inStaging := whole(t, "http://shop:8080")
		inStaging.Environment = new(environment(t, "staging"))
		assert.True(t, register(t, s, inStaging).Created)
		_, err := s.Locate(scope.Environment{}, registry.InstanceID{}, nil)
		require.ErrorIs(t, err, registry.ErrEnvironmentRequired)
		register(t, s, leaseIn(t, "staging"))
		i, err := s.Locate(scope.Environment{}, registry.InstanceID{}, nil)
		require.NoError(t, err)
		assert.Equal(t, "production", i.Environment.String())
	})

	t.Run("a service without instances stays in the environment of its default instance", func(t *testing.T) {
		t.Parallel()
		s := registry.New(shop(t))
		inStaging := whole(t, "http://shop:8080")
		inStaging.Environment = new(environment(t, "staging"))
		register(t, s, inStaging)
		assert.False(t, register(t, s, whole(t, "http://shop:9090")).Created)
		assert.Equal(t, []scope.Environment{environment(t, "staging")}, s.Environments())
	})
}

func TestNamesInPaths(t *testing.T) {
	t.Parallel()
	for _, text := range []string{".", ".."} {
		_, err := registry.ParseInstanceID(text)
		require.ErrorIs(t, err, fault.ErrInvalid, text)
		_, err = registry.ParseName(text)
		require.ErrorIs(t, err, fault.ErrInvalid, text)
		_, err = scope.ParseEnvironment(text)
		require.ErrorIs(t, err, fault.ErrInvalid, text)
	}
	for _, text := range []string{"...", "a..", "..a", ".a", "a.", ".:"} {
		_, err := registry.ParseInstanceID(text)
		require.NoError(t, err, text)
	}
}

func TestANewLife(t *testing.T) {
	t.Parallel()

	t.Run("a service that is registered again has nothing of the former one", func(t *testing.T) {
		t.Parallel()
		known := registered(t, "a").State()
		known.LastCheck, known.ResponseTime = stampAt(5).At, &registry.ResponseTime{Last: 7, Average: 7}
		s := registry.Rehydrate(known)
		require.NoError(t, s.Deregister(stampAt(10)))
		assert.Zero(t, s.State().Details)
		s.MarkSaved(1, "")
		_, err := s.Register(lease(t, "a"), stampAt(20))
		require.NoError(t, err)
		state := s.State()
		assert.Equal(t, []any{time.Time{}, (*registry.ResponseTime)(nil), stampAt(20).At},
			[]any{state.LastCheck, state.ResponseTime, state.CreatedAt})
		assert.True(t, s.Unsaved().Founded)
		s.MarkSaved(1, "")
		register(t, s, lease(t, "b"))
		assert.False(t, s.Unsaved().Founded)
	})

	t.Run("an override outlives removal of any kind, until it is reset", func(t *testing.T) {
		t.Parallel()
		for name, remove := range map[string]func(*registry.Service) error{
			"by its lease": func(s *registry.Service) error {
				l := held(t, s)
				s.Expire(false, stamp(), l)
				s.RemoveExpired(stamp(), l)
				return nil
			},
			"deregistered":         func(s *registry.Service) error { return s.DeregisterInstance(ref(t, "a"), stamp()) },
			"with its environment": func(s *registry.Service) error { return s.Withdraw(production(t), stamp()) },
			"with its service":     func(s *registry.Service) error { return s.Deregister(stamp()) },
		} {
			s := registered(t, "a")
			mark := registry.Amendment{Desired: new(registry.Maintenance), Reason: new("disk")}
			require.NoError(t, s.Amend(ref(t, "a"), mark, stamp()))
			require.NoError(t, remove(s), name)
			back := register(t, s, lease(t, "a")).Instance
			assert.Equal(t, registry.Override{Desired: registry.Maintenance, Reason: "disk", By: stamp().By}, back.Override, name)
			require.NoError(t, s.Amend(ref(t, "a"), registry.Amendment{Desired: new(registry.Up)}, stamp()))
			require.NoError(t, s.DeregisterInstance(ref(t, "a"), stamp()))
			assert.Equal(t, registry.Up, register(t, s, lease(t, "a")).Instance.Desired, name)
		}
	})

	t.Run("the override of a default instance outlives it too", func(t *testing.T) {
		t.Parallel()
		s := registry.New(shop(t))
		register(t, s, whole(t, "http://shop:8080"))
		require.NoError(t, s.Amend(ref(t, "default"), registry.Amendment{Desired: new(registry.Draining)}, stamp()))
		require.NoError(t, s.Deregister(stamp()))
		register(t, s, whole(t, "http://shop:8080"))
		assert.Equal(t, registry.Draining, find(t, s, "default").Desired)
	})
}
