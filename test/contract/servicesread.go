package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func serviceReadingBehaviours() []behaviour[StoredServices] {
	return []behaviour[StoredServices]{
		{"a service that does not exist is ErrNotFound in every read", unknownService},
		{"a service comes with the named instances and the default one, so far as there are any", namedInstances},
		{"services are in the environments of their instances that are not removed", environmentsOfServices},
		{"services are listed by name, by status and by page", listedServices},
		{"windows of services behind a position repeat and miss nothing while others write", serviceWindows},
		{"a page of services of many bytes comes in parts that join to the complete page", servicePartsJoin},
		{"transitions come newest first, of one instance if it is named", newestTransitions},
		{"a window of transitions ends before the one that is named", transitionWindows},
		{"old transitions are purged, the oldest first and not too many at once", purgedTransitions},
		{"the pulse grows with every save, and is the sum of the generations", pulse},
		{"since a generation come the instances that were saved after it, removed ones too", sinceGeneration},
	}
}

func unknownService(t *testing.T, s StoredServices) {
	_, err := s.Find(t.Context(), fixture.ServiceName(t, "shop"))
	require.ErrorIs(t, err, registry.ErrNotFound)
	_, err = s.FindWithInstances(t.Context(), fixture.ServiceName(t, "shop"))
	require.ErrorIs(t, err, registry.ErrNotFound)
	_, err = s.Since(t.Context(), 99, 0)
	require.ErrorIs(t, err, registry.ErrNotFound)
	page, err := s.List(t.Context(), registry.Query{Window: scope.Window{Limit: 10}})
	require.NoError(t, err)
	assert.Equal(t, 0, page.Total+len(page.Items))
	found, err := s.Transitions(t.Context(), 99, registry.Ref{}, 0, 10)
	require.NoError(t, err)
	assert.Empty(t, found)
}

func namedInstances(t *testing.T, s StoredServices) {
	service := registry.New(fixture.ServiceName(t, "shop"))
	r := fixture.Registration(t, "a")
	r.Instance = registry.InstanceID{}
	_, err := service.Register(r, fixture.Stamp())
	require.NoError(t, err)
	s.save(t, service)
	assert.Equal(t, []string{"default"}, idsOf(s.find(t, "shop", "a")))
	enroll(t, service, "a")
	enroll(t, service, "b")
	s.save(t, service)
	assert.Equal(t, []string{"b", "default"}, idsOf(s.find(t, "shop", "b", "c")))
	assert.Equal(t, []string{"a", "b"}, idsOf(s.whole(t, "shop")))
}

func environmentsOfServices(t *testing.T, s StoredServices) {
	in := func(environment, instance string) registry.Registration {
		r := fixture.Registration(t, instance)
		r.Environment = new(fixture.Environment(t, environment))
		return r
	}
	var ids []registry.ID
	for name, registrations := range map[string][]registry.Registration{
		"both": {in("staging", "a"), in("production", "a"), in("production", "b")},
		"left": {in("staging", "a"), in("production", "a")},
		"none": {in("staging", "a")},
	} {
		service := registry.New(fixture.ServiceName(t, name))
		for _, r := range registrations {
			_, err := service.Register(r, fixture.Stamp())
			require.NoError(t, err)
		}
		s.save(t, service)
		if name != "both" {
			staging := registry.Ref{Environment: fixture.Environment(t, "staging"), Instance: fixture.InstanceID(t, "a")}
			require.NoError(t, service.DeregisterInstance(staging, fixture.Stamp()))
			s.save(t, service)
		}
		ids = append(ids, service.State().ID)
	}
	got, err := s.Environments(t.Context(), append(ids, 99)...)
	require.NoError(t, err)
	production, staging := fixture.Production(t), fixture.Environment(t, "staging")
	assert.Equal(t, map[registry.ID][]scope.Environment{
		s.find(t, "both").State().ID: {production, staging}, s.find(t, "left").State().ID: {production},
	}, got)
	got, err = s.Environments(t.Context(), s.find(t, "left").State().ID)
	require.NoError(t, err)
	assert.Len(t, got, 1)
	got, err = s.Environments(t.Context())
	require.NoError(t, err)
	assert.Empty(t, got)
}

func idsOf(s *registry.Service) []string {
	var ids []string
	for _, i := range s.Instances() {
		ids = append(ids, i.ID.String())
	}
	return ids
}

func listedServices(t *testing.T, s StoredServices) {
	for _, name := range []string{"c", "a", "B", "d", "gone"} {
		s.saved(t, name, "i")
	}
	ill, gone := s.find(t, "d", "i"), s.find(t, "gone")
	require.NoError(t, ill.Report(fixture.Ref(t, "i"), health.Critical, fixture.Stamp()))
	require.NoError(t, gone.Deregister(fixture.Stamp()))
	s.save(t, ill, gone)
	list := func(q registry.Query, total int) []string {
		page, err := s.List(t.Context(), q)
		require.NoError(t, err)
		assert.Equal(t, total, page.Total)
		var names []string
		for _, f := range page.Items {
			names = append(names, f.State().Name.String())
		}
		return names
	}
	assert.Equal(t, []string{"B", "a", "c", "d"}, list(registry.Query{Window: scope.Window{Limit: 10}}, 4))
	assert.Equal(t, []string{"a", "c"}, list(registry.Query{Window: scope.Window{Limit: 2, Offset: 1}}, 4))
	assert.Empty(t, list(registry.Query{Window: scope.Window{Limit: 2, Offset: 9}}, 4))
	assert.Equal(t, []string{"B", "a", "c"}, list(registry.Query{Window: scope.Window{Limit: 10}, Status: new(registry.Healthy)}, 3))
	assert.Equal(t, []string{"d"}, list(registry.Query{Window: scope.Window{Limit: 10}, Status: new(registry.Unhealthy)}, 1))
	assert.Empty(t, list(registry.Query{Window: scope.Window{Limit: 10}, Status: new(registry.StatusUnknown)}, 0))
	environments := func(name string) []scope.Environment { return []scope.Environment{fixture.Environment(t, name)} }
	within := func(areas ...scope.Area) registry.Query {
		return registry.Query{Window: scope.Window{Limit: 10}, Within: areas}
	}
	assert.Equal(t, []string{"a"}, list(within(scope.Area{Services: []scope.ServiceName{fixture.ServiceName(t, "a")}}), 1))
	assert.Equal(t, []string{"B", "d"}, list(within(scope.Area{Prefixes: []string{"B"}}, scope.Area{Prefixes: []string{"d"}}), 2))
	assert.Len(t, list(within(scope.Area{Environments: environments("production")}), 4), 4)
	assert.Empty(t, list(within(scope.Area{Environments: environments("staging")}), 0), "they have no instance there")
}

// reportAt saves a report of an instance, so many minutes after the fixture's time.
func (s StoredServices) reportAt(t *testing.T, service *registry.Service, id string, status health.Status, minutes int) {
	t.Helper()
	stamp := fixture.Stamp()
	stamp.At = stamp.At.Add(time.Duration(minutes) * time.Minute)
	require.NoError(t, service.Report(fixture.Ref(t, id), status, stamp))
	s.save(t, service)
}

func newestTransitions(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b")
	s.saved(t, "other", "a")
	s.reportAt(t, service, "a", health.Critical, 1)
	s.reportAt(t, service, "b", health.Warning, 2)
	found, err := s.Transitions(t.Context(), service.State().ID, registry.Ref{}, 0, 3)
	require.NoError(t, err)
	require.Len(t, found, 3)
	assert.Equal(t, []any{"b", health.Passing, health.Warning, "reported", fixture.Stamp().At.Add(2 * time.Minute)},
		[]any{found[0].Instance.String(), found[0].From, found[0].To, found[0].Reason, found[0].At})
	assert.Equal(t, "a", found[1].Instance.String())
	assert.Greater(t, found[0].ID, found[1].ID)
	found, err = s.Transitions(t.Context(), service.State().ID, fixture.Ref(t, "a"), 0, 10)
	require.NoError(t, err)
	assert.Len(t, found, 2)
}

func purgedTransitions(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a")
	for n, status := range []health.Status{health.Critical, health.Passing, health.Critical} {
		s.reportAt(t, service, "a", status, n+1)
	}
	before := fixture.Stamp().At.Add(3 * time.Minute)
	for _, want := range []int{2, 1, 0} {
		n, err := s.Purge(t.Context(), before, 2)
		require.NoError(t, err)
		assert.Equal(t, want, n)
		found, err := s.Transitions(t.Context(), service.State().ID, registry.Ref{}, 0, 10)
		require.NoError(t, err)
		assert.Equal(t, before, found[0].At, "the newest stays")
	}
}

func pulse(t *testing.T, s StoredServices) {
	check := func(want int64) {
		t.Helper()
		got, err := s.Pulse(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, got)
		generations, sum, err := s.Generations(t.Context())
		require.NoError(t, err)
		for _, g := range generations {
			sum += g
		}
		assert.Equal(t, want, sum)
	}
	check(0)
	service := s.saved(t, "shop", "a")
	s.saved(t, "other", "a")
	check(2)
	enroll(t, service, "a")
	s.save(t, service)
	check(3)
	require.NoError(t, s.Touch(t.Context(), service.State().ID, fixture.Stamp().At, nil))
	check(3)
	require.NoError(t, service.Deregister(fixture.Stamp()))
	s.save(t, service)
	check(4)
}

func sinceGeneration(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b")
	since := func(generation int64, want ...string) {
		t.Helper()
		found, err := s.Since(t.Context(), service.State().ID, generation)
		require.NoError(t, err)
		assert.Equal(t, service.State().Generation, found.State().Generation)
		assert.Equal(t, want, idsOf(found))
	}
	since(0, "a", "b")
	since(1)
	enroll(t, service, "c")
	s.save(t, service)
	since(1, "c")
	require.NoError(t, service.DeregisterInstance(fixture.Ref(t, "a"), fixture.Stamp()))
	s.save(t, service)
	since(2, "a")
	since(1, "a", "c")
	since(0, "b", "c")
	require.NoError(t, service.Deregister(fixture.Stamp()))
	s.save(t, service)
	since(3, "b", "c")
	since(0)
	assert.Equal(t, service.State().Version, s.find(t, "shop").State().Version)
}
