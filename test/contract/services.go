package contract

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// StoredServices is a store of services under test.
type StoredServices struct {
	registry.Repository
	registry.History
	registry.Source
	// Outbox returns the events of all that was saved, in the order of their ids.
	Outbox func(ctx context.Context) ([]Event, error)
	// Damage makes rows break a rule.
	Damage Damage
	// FailCommits is nil where no commit can fail.
	FailCommits FailCommits
}

// Services tests a store of services against its ports, on empty ones that fresh returns.
func Services(t *testing.T, fresh func(*testing.T) StoredServices, without Without) {
	t.Helper()
	run(t, servicesSuite(), fresh, without)
}

func servicesSuite() []behaviour[StoredServices] {
	return slices.Concat(through(versionedSuite[*registry.Service](), StoredServices.versioned),
		damagedServiceBehaviours(), serviceSavingBehaviours(), serviceReadingBehaviours(), servicePurgingBehaviours())
}

func serviceSavingBehaviours() []behaviour[StoredServices] {
	return []behaviour[StoredServices]{
		{"a new service gets an id, and is returned as it was", newService},
		{"an instance with all fields is returned as it was", richInstance},
		{"states of instances and protections are returned as they were", instanceStates},
		{"a registration that changes nothing raises only epoch and generation", epochAlone},
		{"the source of an instance is stored, and reset where it is unknown", sourceAlone},
		{"a service without changes is skipped", unchangedService},
		{"saving an old generation is ErrStale, also where the version is the same", staleService},
		{"deregistering a service removes its instances, and all numbers continue", deregisteredService},
		{"16 writers of one service lose no instance", serviceWriters},
		{"every version is one event, in version order", serviceEvents},
		{"many instances are saved at once", manyInstances},
		{"one id in two environments is two instances, with transitions of their own", twoEnvironments},
		{"a service that is registered again has nothing of the former one but overrides", newLife},
		{"a report is recorded without a version, and its response times are averaged", touched},
	}
}

func (s StoredServices) save(t *testing.T, services ...*registry.Service) {
	t.Helper()
	require.NoError(t, s.Save(t.Context(), services...))
}

// saved registers instances of a service and saves it.
func (s StoredServices) saved(t *testing.T, name string, instances ...string) *registry.Service {
	t.Helper()
	service := registry.New(fixture.ServiceName(t, name))
	for _, id := range instances {
		enroll(t, service, id)
	}
	s.save(t, service)
	return service
}

func enroll(t *testing.T, service *registry.Service, instance string) {
	t.Helper()
	_, err := service.Register(fixture.Registration(t, instance), fixture.Stamp())
	require.NoError(t, err)
}

func (s StoredServices) find(t *testing.T, name string, instances ...string) *registry.Service {
	t.Helper()
	ids := make([]registry.InstanceID, len(instances))
	for i, id := range instances {
		ids[i] = fixture.InstanceID(t, id)
	}
	found, err := s.Find(t.Context(), fixture.ServiceName(t, name), ids...)
	require.NoError(t, err)
	return found
}

// whole returns a service with all its instances.
func (s StoredServices) whole(t *testing.T, name string) *registry.Service {
	t.Helper()
	found, err := s.FindWithInstances(t.Context(), fixture.ServiceName(t, name))
	require.NoError(t, err)
	return found
}

// sameService asserts that two services are equal, with the instances of both.
func sameService(t *testing.T, want, got *registry.Service) {
	t.Helper()
	assert.Equal(t, want.State(), got.State())
	assert.Equal(t, want.Instances(), got.Instances())
}

func newService(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a")
	assert.Positive(t, service.State().ID)
	assert.Equal(t, int64(1), service.State().Generation)
	assert.True(t, service.Unsaved().Empty())
	sameService(t, service, s.find(t, "shop", "a"))
	other := s.saved(t, "Shop", "a")
	assert.NotEqual(t, service.State().ID, other.State().ID, "names differ in case")
}

func richInstance(t *testing.T, s StoredServices) {
	check, err := health.ParseCheck(health.Spec{
		Type: "http", Path: "/ready?x=1", Port: 81, Method: "GET", ExpectedStatus: []string{"200-299", "429"},
		Headers: map[string]string{"accept": "text/plain"}, BodyContains: `o"k`,
		IntervalSeconds: new(7), TimeoutMS: new(1500),
	})
	require.NoError(t, err)
	r := fixture.Registration(t, "host:8080_a.b-c")
	r.HealthCheck, r.Check = fixture.URL(t, "https://[fd00::1]:8443/health?a=b"), &check
	r.Host, r.Ports = new("fd00::1"), registry.Ports{"http": 80, "grpc": 65_535}
	r.Zone, r.Version, r.Tags, r.Weight = new("zöne 'x'"), new("1.2.3+\"build\""), &[]string{"b", "a'", "ü"}, new(0)
	r.TTL, r.Removal = new(time.Second), new(registry.MaxRemoval)
	metadata, err := registry.ParseMetadata([]byte(`{"a":1e2,"b":{"ü":[null,true,"\\"]},"c":12345678901234567890.5}`))
	require.NoError(t, err)
	r.Metadata, r.Source = &metadata, netip.MustParseAddr("fd00::1234")
	service := registry.New(fixture.ServiceName(t, "shop"))
	_, err = service.Register(r, fixture.Stamp())
	require.NoError(t, err)
	s.save(t, service)
	found := s.find(t, "shop", "host:8080_a.b-c")
	assert.Equal(t, service.Instances(), found.Instances())
	assert.True(t, metadata.Same(found.State().Metadata), found.State().Metadata.JSON())
	_, err = found.Register(r, fixture.Stamp())
	require.NoError(t, err)
	assert.Empty(t, found.PendingEvents(), "what came back is the same")
}

func instanceStates(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b", "c")
	lease := func(id string) registry.LeaseKey {
		i, err := service.Instance(fixture.Ref(t, id))
		require.NoError(t, err)
		return registry.LeaseKey{Key: registry.Key{Service: service.State().Name, Ref: i.Ref()}, Epoch: i.Epoch}
	}
	stamp := fixture.Stamp()
	service.Protect(fixture.Production(t), true, stamp)
	service.Expire(true, stamp, lease("a"))
	service.Expire(false, stamp, lease("b"))
	require.NoError(t, service.Judge(lease("c").Ref, health.Verdict{Status: health.Warning, Flapping: true}, "check_passed", stamp))
	require.NoError(t, service.Amend(lease("c").Ref,
		registry.Amendment{Desired: new(registry.Draining), Reason: new("rëason")}, stamp))
	s.save(t, service)
	sameService(t, service, s.whole(t, "shop"))
	service.RemoveExpired(stamp, lease("b"))
	service.Protect(fixture.Production(t), false, stamp)
	s.save(t, service)
	sameService(t, service, s.find(t, "shop", "a", "b", "c"))
	assert.Len(t, s.whole(t, "shop").Instances(), 2)
}

func epochAlone(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a")
	before := service.State()
	enroll(t, service, "a")
	s.save(t, service)
	found := s.find(t, "shop", "a")
	assert.Equal(t, before.Version, found.State().Version)
	assert.Equal(t, before.Generation+1, found.State().Generation)
	assert.Equal(t, before.Event, found.State().Event)
	assert.Equal(t, before.Event, service.State().Event)
	assert.Equal(t, registry.Epoch(2), found.Instances()[0].Epoch)
	events, err := s.Outbox(t.Context())
	require.NoError(t, err)
	assert.Len(t, events, int(before.Version))
}

func unchangedService(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a")
	s.save(t, service, s.find(t, "shop"))
	assert.Equal(t, int64(1), s.find(t, "shop").State().Generation)
}

func staleService(t *testing.T, s StoredServices) {
	s.saved(t, "shop", "a")
	first, second := s.find(t, "shop", "a"), s.find(t, "shop", "a")
	enroll(t, first, "a")
	s.save(t, first)
	enroll(t, second, "a")
	require.ErrorIs(t, s.Save(t.Context(), second), registry.ErrStale)
	assert.Equal(t, registry.Epoch(2), s.find(t, "shop", "a").Instances()[0].Epoch)
}

func deregisteredService(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b", "c")
	part := s.find(t, "shop", "a")
	require.NoError(t, part.Deregister(fixture.Stamp()))
	s.save(t, part)
	found := s.find(t, "shop", "a", "b", "c")
	assert.True(t, found.Deleted())
	assert.Empty(t, s.whole(t, "shop").Instances())
	require.Len(t, found.Instances(), 3)
	for _, i := range found.Instances() {
		assert.True(t, i.Removed)
	}
	enroll(t, found, "b")
	s.save(t, found)
	back := s.whole(t, "shop")
	assert.Equal(t, service.State().ID, back.State().ID)
	assert.Greater(t, back.State().Version, part.State().Version)
	require.Len(t, back.Instances(), 1)
	assert.Equal(t, registry.Epoch(4), back.Instances()[0].Epoch)
}

func serviceWriters(t *testing.T, s StoredServices) {
	const writers = 16
	s.saved(t, "shop", "a")
	var all sync.WaitGroup
	for n := range writers {
		all.Go(func() {
			for {
				found, err := s.Find(t.Context(), fixture.ServiceName(t, "shop"))
				if err == nil {
					_, err = found.Register(fixture.Registration(t, "i-"+strconv.Itoa(n)), fixture.Stamp())
				}
				if err != nil {
					t.Errorf("register in a service that others write: %v", err)
					return
				}
				if err := s.Save(t.Context(), found); err == nil {
					return
				} else if !assert.ErrorIs(t, err, registry.ErrStale) {
					return
				}
			}
		})
	}
	all.Wait()
	found := s.whole(t, "shop")
	assert.Len(t, found.Instances(), writers+1)
	assert.Equal(t, writers+1, found.State().Tally.Total)
	assert.Equal(t, int64(writers+1), found.State().Generation)
}

func serviceEvents(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b")
	require.NoError(t, service.DeregisterInstance(fixture.Ref(t, "a"), fixture.Stamp()))
	require.NoError(t, service.Deregister(fixture.Stamp()))
	s.save(t, service)
	events, err := s.Outbox(t.Context())
	require.NoError(t, err)
	var states []string
	for i, e := range events {
		assert.Equal(t, int64(i+1), e.AggregateVersion)
		assert.Equal(t, []any{registry.AggregateType, int64(service.State().ID), "shop"},
			[]any{e.AggregateType, e.AggregateID, e.ServiceName})
		states = append(states, fmt.Sprint(e.Type, " ", e.Environment))
	}
	assert.Equal(t, []string{
		"service.registered ", "instance.registered production", "service.health_changed ",
		"instance.registered production", "instance.deregistered production", "service.deregistered ",
	}, states)
}

func manyInstances(t *testing.T, s StoredServices) {
	const many = 1100
	service := registry.New(fixture.ServiceName(t, "shop"))
	for n := range many {
		enroll(t, service, fmt.Sprintf("i-%04d", n))
	}
	s.save(t, service)
	sameService(t, service, s.whole(t, "shop"))
	assert.Len(t, s.find(t, "shop", "i-0007").Instances(), 1)
	transitions, err := s.Transitions(t.Context(), service.State().ID, registry.Ref{}, 0, 2000)
	require.NoError(t, err)
	assert.Len(t, transitions, many)
}

func touched(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a")
	id, at := service.State().ID, fixture.Stamp().At.Add(time.Minute)
	require.NoError(t, s.Touch(t.Context(), id, at, nil))
	assert.Equal(t, at, s.find(t, "shop").State().LastCheck)
	assert.Nil(t, s.find(t, "shop").State().ResponseTime)
	require.NoError(t, s.Touch(t.Context(), id, at, new(0.0)))
	require.NoError(t, s.Touch(t.Context(), id, at.Add(time.Second), new(10.0)))
	enroll(t, service, "b")
	s.save(t, service)
	found := s.find(t, "shop").State()
	assert.Equal(t, at.Add(time.Second), found.LastCheck)
	assert.InDelta(t, 10, found.ResponseTime.Last, 0)
	assert.InDelta(t, 2, found.ResponseTime.Average, 1e-9)
	require.NoError(t, s.Touch(t.Context(), id+99, at, nil))
}

// enrollIn registers an instance in an environment, and returns what names it.
func enrollIn(t *testing.T, service *registry.Service, environment, instance string) registry.Ref {
	t.Helper()
	r := fixture.Registration(t, instance)
	r.Environment = new(keyIn(t, "shop", environment, instance).Environment)
	_, err := service.Register(r, fixture.Stamp())
	require.NoError(t, err)
	return registry.Ref{Environment: *r.Environment, Instance: r.Instance}
}

func twoEnvironments(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a")
	inStaging := enrollIn(t, service, "staging", "a")
	s.save(t, service)
	require.NoError(t, service.Report(inStaging, health.Critical, fixture.Stamp()))
	s.save(t, service)
	sameService(t, service, s.find(t, "shop", "a"))
	sameService(t, service, s.whole(t, "shop"))
	assert.Equal(t, registry.Epoch(2), s.find(t, "shop").State().Epoch)
	for of, want := range map[registry.Ref]int{
		{}: 3, {Environment: inStaging.Environment}: 2, inStaging: 2, {Instance: inStaging.Instance}: 3,
		fixture.Ref(t, "a"): 1,
	} {
		found, err := s.Transitions(t.Context(), service.State().ID, of, 0, 10)
		require.NoError(t, err)
		assert.Len(t, found, want, of)
	}
	require.NoError(t, service.DeregisterInstance(inStaging, fixture.Stamp()))
	s.save(t, service)
	back := s.whole(t, "shop").Instances()
	require.Len(t, back, 1)
	assert.Equal(t, fixture.Ref(t, "a"), back[0].Ref())
}

func newLife(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b")
	mark := registry.Amendment{Desired: new(registry.Draining), Reason: new("disk")}
	require.NoError(t, service.Amend(fixture.Ref(t, "b"), mark, fixture.Stamp()))
	s.save(t, service)
	require.NoError(t, s.Touch(t.Context(), service.State().ID, fixture.Stamp().At, new(7.0)))
	part := s.find(t, "shop", "a")
	require.NoError(t, part.Deregister(fixture.Stamp()))
	s.save(t, part)
	again, later := s.find(t, "shop", "b"), fixture.Stamp()
	later.At = later.At.Add(time.Hour)
	_, err := again.Register(fixture.Registration(t, "b"), later)
	require.NoError(t, err)
	s.save(t, again)
	found := s.find(t, "shop", "b")
	assert.Equal(t, again.State(), found.State())
	assert.Equal(t, later.At, found.State().CreatedAt)
	assert.True(t, found.State().LastCheck.IsZero())
	assert.Nil(t, found.State().ResponseTime)
	i, err := found.Instance(fixture.Ref(t, "b"))
	require.NoError(t, err)
	assert.Equal(t, registry.Override{Desired: registry.Draining, Reason: "disk", By: fixture.Stamp().By}, i.Override)
}
