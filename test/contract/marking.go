package contract

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/fixture"
)

const carriesEvent = "what stands carries the id of the event that made its version"

func markingBehaviours() []behaviour[Stored] {
	return []behaviour[Stored]{{carriesEvent, carriesTheEvent}}
}

func carriesTheEvent(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	s.save(t, c)
	check := func(events int) {
		t.Helper()
		all := s.events(t)
		require.Len(t, all, events)
		assert.Equal(t, all[events-1].ID, s.find(t, c.ID()).State().Event)
		assert.Equal(t, all[events-1].ID, c.State().Event)
	}
	check(1)
	_, err := c.Update(fixture.Draft(t, "second"), fixture.Stamp())
	require.NoError(t, err)
	assert.Empty(t, c.State().Event, "a version that is not saved has none")
	s.save(t, c)
	check(2)
	_, err = c.Update(fixture.Draft(t, "third"), fixture.Stamp())
	require.NoError(t, err)
	require.NoError(t, c.Delete(fixture.Stamp()))
	s.save(t, c)
	check(4)
}

func flagMarkingBehaviours() []behaviour[StoredFlags] {
	return []behaviour[StoredFlags]{{carriesEvent, flagCarriesTheEvent}}
}

func flagCarriesTheEvent(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{}`)
	s.save(t, f)
	require.NoError(t, f.Delete(fixture.Stamp()))
	s.save(t, f)
	events, err := s.Outbox(t.Context())
	require.NoError(t, err)
	require.Len(t, events, 2)
	assert.Equal(t, events[1].ID, f.State().Event)
	assert.Equal(t, events[1].ID, s.find(t, f.ID()).State().Event)
	loaded, err := s.Source.Load(t.Context(), f.ID())
	require.NoError(t, err)
	assert.Equal(t, events[1].ID, loaded[0].State().Event)
}

func serviceMarkingBehaviours() []behaviour[StoredServices] {
	return []behaviour[StoredServices]{{carriesEvent, serviceCarriesTheEvent}}
}

func serviceCarriesTheEvent(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b")
	events, err := s.Outbox(t.Context())
	require.NoError(t, err)
	last := events[len(events)-1].ID
	assert.Equal(t, last, service.State().Event)
	assert.Equal(t, last, s.find(t, "shop").State().Event)
	// A registration that changes nothing makes no version, and so no event.
	enroll(t, service, "a")
	s.save(t, service)
	assert.Equal(t, last, service.State().Event)
	assert.Equal(t, last, s.find(t, "shop").State().Event)
}
