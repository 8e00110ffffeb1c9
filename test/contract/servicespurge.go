package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func servicePurgingBehaviours() []behaviour[StoredServices] {
	return []behaviour[StoredServices]{
		{"a removed instance is purged after its retention, one with an override later", purgedInstances},
		{"a registered instance is never purged, also when it was removed before", purgeLeavesLiving},
		{"a deregistered service is purged after its instances, with its transitions", purgedService},
		{"after a purge ids, epochs and the pulse are above all that were", purgedNumbers},
		{"since a generation below a purge all registered instances are returned, and no others", sincePurge},
		{"a purge takes at most so many at once", purgedSome},
	}
}

// afterwards is so long after the fixture's time.
func afterwards(d time.Duration) time.Time { return fixture.Stamp().At.Add(d) }

// purge purges all that is due by then, in steps, and returns how many records.
func (s StoredServices) purge(t *testing.T, now time.Time) int {
	t.Helper()
	all := 0
	for {
		n, err := s.PurgeRemoved(t.Context(), now, 10)
		require.NoError(t, err)
		if all += n; n == 0 {
			return all
		}
	}
}

func purgedInstances(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b", "c", "d")
	mark := registry.Amendment{Desired: new(registry.Maintenance)}
	require.NoError(t, service.Amend(fixture.Ref(t, "b"), mark, fixture.Stamp()))
	slow := fixture.Registration(t, "c")
	slow.Removal = new(48 * time.Hour)
	_, err := service.Register(slow, fixture.Stamp())
	require.NoError(t, err)
	for _, id := range []string{"a", "b", "c"} {
		require.NoError(t, service.DeregisterInstance(fixture.Ref(t, id), fixture.Stamp()))
	}
	s.save(t, service)
	for _, step := range []struct {
		after time.Duration
		left  []string
	}{
		{registry.KeptRemoved - time.Second, []string{"a", "b", "c", "d"}},
		{registry.KeptRemoved, []string{"b", "c", "d"}},
		{48*time.Hour - time.Second, []string{"b", "c", "d"}},
		{48 * time.Hour, []string{"b", "d"}},
		{registry.KeptOverridden - time.Second, []string{"b", "d"}},
		{registry.KeptOverridden, []string{"d"}},
	} {
		s.purge(t, afterwards(step.after))
		assert.Equal(t, step.left, idsOf(s.find(t, "shop", "a", "b", "c", "d")), step.after)
	}
	again := s.find(t, "shop", "a")
	assert.Equal(t, 1, again.State().Tally.Total)
	enroll(t, again, "a")
	assert.Equal(t, registry.Epoch(6), again.State().Epoch, "epochs go on")
	s.save(t, again)
	assert.Equal(t, []string{"a", "d"}, idsOf(s.whole(t, "shop")))
}

func purgeLeavesLiving(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b")
	require.NoError(t, service.DeregisterInstance(fixture.Ref(t, "a"), fixture.Stamp()))
	s.save(t, service)
	enroll(t, service, "a")
	s.save(t, service)
	other := s.saved(t, "other", "a")
	require.NoError(t, other.Deregister(fixture.Stamp()))
	s.save(t, other)
	again := s.find(t, "other", "a")
	enroll(t, again, "a")
	s.save(t, again)
	assert.Zero(t, s.purge(t, afterwards(2*registry.KeptOverridden)))
	assert.Equal(t, []string{"a", "b"}, idsOf(s.whole(t, "shop")))
	assert.Equal(t, []string{"a"}, idsOf(s.whole(t, "other")))
}

func purgedService(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b")
	mark := registry.Amendment{Desired: new(registry.Draining)}
	require.NoError(t, service.Amend(fixture.Ref(t, "b"), mark, fixture.Stamp()))
	s.save(t, service)
	part := s.find(t, "shop")
	require.NoError(t, part.Deregister(fixture.Stamp()))
	s.save(t, part)
	s.purge(t, afterwards(registry.KeptRemoved))
	assert.Equal(t, []string{"b"}, idsOf(s.find(t, "shop", "a", "b")), "a mark keeps the instance, which keeps the service")
	s.purge(t, afterwards(registry.KeptOverridden))
	_, err := s.Find(t.Context(), fixture.ServiceName(t, "shop"))
	require.ErrorIs(t, err, registry.ErrNotFound)
	found, err := s.Transitions(t.Context(), service.State().ID, registry.Ref{}, 0, 10)
	require.NoError(t, err)
	assert.Empty(t, found)
}

func purgedNumbers(t *testing.T, s StoredServices) {
	before, err := s.HighestEpoch(t.Context())
	require.NoError(t, err)
	assert.Zero(t, before)
	service := s.saved(t, "shop", "a", "b")
	s.saved(t, "kept", "a")
	require.NoError(t, service.Deregister(fixture.Stamp()))
	s.save(t, service)
	pulse, err := s.Pulse(t.Context())
	require.NoError(t, err)
	s.purge(t, afterwards(registry.KeptRemoved))

	after, err := s.Pulse(t.Context())
	require.NoError(t, err)
	assert.Greater(t, after, pulse)
	generations, sum, err := s.Generations(t.Context())
	require.NoError(t, err)
	assert.NotContains(t, generations, service.State().ID)
	for _, g := range generations {
		sum += g
	}
	assert.Equal(t, after, sum)
	epoch, err := s.HighestEpoch(t.Context())
	require.NoError(t, err)
	assert.Equal(t, registry.Epoch(2), epoch)

	again := registry.NewAbove(service.State().Name, epoch)
	enroll(t, again, "a")
	s.save(t, again)
	assert.Greater(t, again.State().ID, service.State().ID)
	assert.Equal(t, registry.Epoch(3), s.find(t, "shop", "a").Instances()[0].Epoch)
}

func sincePurge(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b")
	enroll(t, service, "c")
	s.save(t, service)
	require.NoError(t, service.DeregisterInstance(fixture.Ref(t, "a"), fixture.Stamp()))
	s.save(t, service)
	since := func(generation int64) *registry.Service {
		t.Helper()
		found, err := s.Since(t.Context(), service.State().ID, generation)
		require.NoError(t, err)
		return found
	}
	assert.Equal(t, []string{"a", "c"}, idsOf(since(1)))
	require.Equal(t, 1, s.purge(t, afterwards(registry.KeptRemoved)))
	assert.Equal(t, []string{"b", "c"}, idsOf(since(1)))
	assert.Greater(t, since(1).State().Purged, int64(1))
	assert.Empty(t, idsOf(since(3)))
}

func purgedSome(t *testing.T, s StoredServices) {
	for _, name := range []string{"one", "two", "three"} {
		service := s.saved(t, name, "a", "b")
		require.NoError(t, service.Deregister(fixture.Stamp()))
		s.save(t, service)
	}
	for _, want := range []int{4, 2, 3, 0} {
		n, err := s.PurgeRemoved(t.Context(), afterwards(registry.KeptRemoved), 4)
		require.NoError(t, err)
		assert.Equal(t, want, n)
	}
}
