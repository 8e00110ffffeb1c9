package registry_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

func TestRegisteringAService(t *testing.T) {
	t.Parallel()

	t.Run("it has one instance without a lease, of which nothing is known", func(t *testing.T) {
		t.Parallel()
		s := registry.New(shop(t))
		done := register(t, s, whole(t, "http://shop:8080"))
		assert.True(t, done.Created)
		assert.Nil(t, done.Instance)
		assert.Equal(t, []string{registry.ServiceRegistered, registry.InstanceRegistered}, kinds(t, s))
		assert.Equal(t, registry.StatusUnknown, s.State().Status)
		i, err := s.Locate(scope.Environment{}, registry.InstanceID{}, nil)
		require.NoError(t, err)
		assert.Equal(t, registry.DefaultInstance(), i.ID)
		assert.False(t, i.Leased())
		assert.Equal(t, health.Unknown, i.Observed())
	})

	t.Run("again it replaces the given fields, and changes no others", func(t *testing.T) {
		t.Parallel()
		s := registry.New(shop(t))
		first := whole(t, "http://shop:8080")
		first.HealthCheck = address(t, "http://shop:8080/health")
		register(t, s, first)
		s.MarkSaved(1, "")
		assert.False(t, register(t, s, whole(t, "http://shop:8080")).Created)
		assert.True(t, s.Unsaved().Empty())
		register(t, s, whole(t, "http://shop:9090"))
		assert.Equal(t, []string{registry.ServiceUpdated}, kinds(t, s))
		assert.Equal(t, "http://shop:9090", s.State().URL.String())
		assert.Equal(t, "http://shop:8080/health", s.State().HealthCheck.String())
		assert.Equal(t, "http://shop:9090", find(t, s, "default").Address.Base())
		register(t, s, registry.Registration{HealthCheck: &registry.URL{}, Fallback: production(t)})
		assert.True(t, s.State().HealthCheck.IsZero())
	})

	t.Run("its URL can be made of host and port", func(t *testing.T) {
		t.Parallel()
		s := registry.New(shop(t))
		register(t, s, registry.Registration{
			Host: new("fd00::1"), Ports: registry.Ports{"grpc": 9090, "http": 80}, Fallback: production(t),
		})
		assert.Equal(t, "http://[fd00::1]:80", s.State().URL.String())
	})

	t.Run("what breaks a rule is named, and nothing is registered", func(t *testing.T) {
		t.Parallel()
		for field, r := range map[string]registry.Registration{
			"service_url": {}, "ttl_seconds": {URL: address(t, "http://a"), TTL: new(time.Second)},
			"deregister_after_seconds": {URL: address(t, "http://a"), Removal: new(time.Second)},
			"weight":                   {URL: address(t, "http://a"), Weight: new(65_536)},
			"host":                     {URL: address(t, "http://a"), Host: new("a b")},
			"ports":                    {Host: new("a"), Ports: registry.Ports{"http": 0}},
			"zone":                     {URL: address(t, "http://a"), Zone: new("a\n")},
			"tags":                     {URL: address(t, "http://a"), Tags: &[]string{"a\x07b"}},
		} {
			s := registry.New(shop(t))
			_, err := s.Register(r, stamp())
			require.ErrorIs(t, err, fault.ErrInvalid, field)
			assert.Equal(t, field, fault.Of(err).Fields()[0].Name)
			assert.True(t, s.Unsaved().Empty())
		}
	})
}

func TestRegisteringAnInstance(t *testing.T) {
	t.Parallel()

	t.Run("a new service takes its address from it, and is healthy at once", func(t *testing.T) {
		t.Parallel()
		s := registry.New(shop(t))
		done := register(t, s, lease(t, "a"))
		assert.True(t, done.Created)
		assert.Equal(t, []string{
			registry.ServiceRegistered, registry.InstanceRegistered, registry.ServiceHealthChanged,
		}, kinds(t, s))
		assert.Equal(t, "http://a:8080", s.State().URL.String())
		assert.Equal(t, registry.Healthy, s.State().Status)
		assert.Equal(t, registry.Epoch(1), done.Instance.Epoch)
		assert.Equal(t, registry.DefaultTTL, done.Instance.TTL)
		assert.Equal(t, 10*registry.DefaultTTL, done.Instance.Removal)
		assert.Equal(t, registry.DefaultWeight, done.Instance.Weight)
		assert.True(t, done.Instance.Ready())
	})

	t.Run("a known service keeps its details, and its default instance is removed", func(t *testing.T) {
		t.Parallel()
		s := registry.New(shop(t))
		register(t, s, whole(t, "http://shop:8080"))
		s.MarkSaved(1, "")
		register(t, s, lease(t, "a"))
		assert.Equal(t, []string{
			registry.InstanceDeregistered, registry.InstanceRegistered, registry.ServiceHealthChanged,
		}, kinds(t, s))
		assert.Equal(t, "http://shop:8080", s.State().URL.String())
		assert.Equal(t, 1, s.State().Tally.Total)
		_, err := s.Locate(scope.Environment{}, registry.InstanceID{}, nil)
		require.ErrorIs(t, err, registry.ErrInstanceRequired)
		require.ErrorIs(t, s.Report(ref(t, "default"), health.Passing, stamp()), registry.ErrInstanceNotFound)
	})

	t.Run("the service itself can be described beside its instances, but has no environment", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		register(t, s, whole(t, "http://new:1"))
		assert.Equal(t, []string{registry.ServiceUpdated}, kinds(t, s))
		assert.Equal(t, "http://a:8080", find(t, s, "a").Address.Base())
		_, err := s.Register(registry.Registration{Zone: new("x")}, stamp())
		require.ErrorIs(t, err, registry.ErrInstanceRequired)
	})

	t.Run("again without a change it raises the epoch alone", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		version := s.State().Version
		done := register(t, s, lease(t, "a"))
		assert.False(t, done.Created)
		assert.Equal(t, registry.Epoch(2), done.Instance.Epoch)
		assert.Empty(t, kinds(t, s))
		assert.Equal(t, version, s.State().Version)
		assert.Equal(t, int64(2), s.Unsaved().State.Generation)
		assert.Len(t, s.Unsaved().Instances, 1)
	})

	t.Run("again it keeps the fields that are not given, and the override", func(t *testing.T) {
		t.Parallel()
		s := registry.New(shop(t))
		first := lease(t, "a")
		first.Zone, first.Weight, first.TTL, first.Tags = new("eu-1"), new(7), new(5*time.Second), &[]string{"b", "a", "b"}
		register(t, s, first)
		require.NoError(t, s.Amend(ref(t, "a"), registry.Amendment{Desired: new(registry.Maintenance)}, stamp()))
		s.MarkSaved(1, "")
		done := register(t, s, registry.Registration{Instance: id(t, "a"), Version: new("2"), Fallback: production(t)})
		i := done.Instance
		assert.Equal(t, []any{"eu-1", 7, 5 * time.Second, 50 * time.Second, "2", registry.Maintenance, []string{"a", "b"}},
			[]any{i.Zone, i.Weight, i.TTL, i.Removal, i.Version, i.Desired, i.Tags})
		assert.Equal(t, []string{registry.InstanceRegistered}, kinds(t, s))
	})

	t.Run("it brings back what had expired or was reported ill", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		require.NoError(t, s.Report(ref(t, "a"), health.Critical, stamp()))
		s.Expire(true, stamp(), held(t, s))
		i := register(t, s, lease(t, "a")).Instance
		assert.True(t, i.Ready())
		assert.False(t, i.Held)
		assert.Equal(t, registry.ReasonRegistered, i.Reason)
		assert.Equal(t, registry.Healthy, s.State().Status)
	})

	t.Run("default is no id of an instance, and a removal is no shorter than the TTL", func(t *testing.T) {
		t.Parallel()
		for field, change := range map[string]func(*registry.Registration){
			"instance_id":              func(r *registry.Registration) { r.Instance = registry.DefaultInstance() },
			"ttl_seconds":              func(r *registry.Registration) { r.TTL = new(time.Hour + time.Second) },
			"deregister_after_seconds": func(r *registry.Registration) { r.Removal = new(29 * time.Second) },
		} {
			r := lease(t, "a")
			change(&r)
			_, err := registry.New(shop(t)).Register(r, stamp())
			require.ErrorIs(t, err, fault.ErrInvalid)
			assert.Equal(t, field, fault.Of(err).Fields()[0].Name)
		}
	})

	t.Run("there are at most 10,000, and one that is registered again is none more", func(t *testing.T) {
		t.Parallel()
		s := registry.New(shop(t))
		for n := range registry.MaxInstances {
			register(t, s, lease(t, "i-"+strconv.Itoa(n)))
		}
		_, err := s.Register(lease(t, "one-more"), stamp())
		require.ErrorIs(t, err, registry.ErrLimitReached)
		register(t, s, lease(t, "i-7"))
		require.NoError(t, s.DeregisterInstance(ref(t, "i-7"), stamp()))
		register(t, s, lease(t, "one-more"))
	})
}

func TestDeregistering(t *testing.T) {
	t.Parallel()

	t.Run("the id, the versions and the epochs go on", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a", "b")
		version := s.State().Version
		require.NoError(t, s.Deregister(stamp()))
		assert.Equal(t, []string{registry.ServiceDeregistered}, kinds(t, s))
		unsaved := s.Unsaved()
		assert.True(t, unsaved.Dropped)
		assert.Zero(t, unsaved.State.Tally)
		s.MarkSaved(1, "")
		require.ErrorIs(t, s.Deregister(stamp()), registry.ErrNotFound)
		_, err := s.Instance(ref(t, "a"))
		require.ErrorIs(t, err, registry.ErrInstanceNotFound)

		done := register(t, s, lease(t, "a"))
		assert.True(t, done.Created)
		assert.Equal(t, registry.Epoch(3), done.Instance.Epoch)
		assert.Equal(t, registry.ID(1), s.State().ID)
		assert.Equal(t, version+4, s.State().Version)
		assert.Equal(t, 1, s.State().Tally.Total)
		assert.False(t, s.Deleted())
	})

	t.Run("the override of an instance outlives its removal, and epochs continue", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a", "b")
		require.NoError(t, s.Amend(ref(t, "a"), registry.Amendment{Desired: new(registry.Draining)}, stamp()))
		require.NoError(t, s.DeregisterInstance(ref(t, "a"), stamp()))
		require.ErrorIs(t, s.DeregisterInstance(ref(t, "a"), stamp()), registry.ErrInstanceNotFound)
		assert.Equal(t, []string{registry.InstanceDrained, registry.InstanceDeregistered}, kinds(t, s))
		back := register(t, s, lease(t, "a"))
		assert.True(t, back.Created)
		assert.Equal(t, registry.Epoch(3), back.Instance.Epoch)
		assert.Equal(t, registry.Draining, back.Instance.Desired)
	})

	t.Run("without its last instance a service is unhealthy, and can be registered without instances again", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		require.NoError(t, s.DeregisterInstance(ref(t, "a"), stamp()))
		assert.Equal(t, registry.Unhealthy, s.State().Status)
		assert.True(t, register(t, s, whole(t, "http://shop:1")).Created)
		assert.Equal(t, registry.StatusUnknown, s.State().Status)
		require.NoError(t, s.Report(ref(t, "default"), health.Passing, stamp()))
		assert.Equal(t, registry.Healthy, s.State().Status)
	})

	t.Run("a version that is expected has to be the present one", func(t *testing.T) {
		t.Parallel()
		s := registered(t, "a")
		require.NoError(t, s.Expect(scope.Precondition{}))
		require.NoError(t, s.Expect(scope.ExpectVersions(s.State().Version)))
		require.ErrorIs(t, s.Expect(scope.ExpectVersions(99)), registry.ErrStale)
	})
}
