package contract

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func savingBehaviours() []behaviour[Stored] {
	return []behaviour[Stored]{
		{"a saved configuration is returned as it was, by id and by identity", comesBackAsItWas},
		{"a key is unique within environment and service", identitiesAreScoped},
		{"every valid text is returned as it was", textsComeBack},
		{"the empty value and a value of 256 KiB are returned as they were", extremesComeBack},
		{"no description, an empty one and a text are distinguished", descriptionsAreDistinguished},
		{"an event has its type, environment and service", eventsNameChanges},
		{"an event contains nothing of the value", eventsHoldNoValue},
	}
}

func comesBackAsItWas(t *testing.T, s Stored) {
	at := time.Date(2026, 11, 23, 12, 34, 56, 123456000, time.UTC)
	c := fixture.Configuration(t,
		fixture.In("staging", "billing"), fixture.Key("a/b:c@d+e"), fixture.Described(t, "where it is"),
		fixture.Stamped(scope.Stamp{By: scope.Actor{KeyID: "abcdefgh", Name: "deploy"}, At: at, RequestID: "r"}))
	s.save(t, c)
	assert.Equal(t, c.State(), s.find(t, c.ID()).State())
	byIdentity, err := s.Repository.FindByIdentity(t.Context(), c.Identity())
	require.NoError(t, err)
	assert.Equal(t, c.State(), byIdentity.State())
}

func identitiesAreScoped(t *testing.T, s Stored) {
	s.save(t, fixture.Configuration(t))
	s.save(t, fixture.Configuration(t, fixture.In("staging", "shop")), fixture.Configuration(t, fixture.In("production", "other")))
	assert.Len(t, s.events(t), 3)
}

func textsComeBack(t *testing.T, s Stored) {
	texts := []string{
		`it's "quoted" and \back\\slashed\`, "? ?? ?0 $1 :name %s %d {} ${x}", "line\nfeed\r\n\ttab",
		"ünïcödé 🚦 \u202e\u2028", "'; DROP TABLE configurations; --", "E'\\x00'", "\x01\x1f\x7f", "NULL",
	}
	for _, text := range texts {
		key := "text-" + strings.Repeat("x", len(text))
		c := fixture.Configuration(t, fixture.Key(key), fixture.Holding(fixture.Plain(t, text)), fixture.Described(t, text))
		s.save(t, c)
		found := s.find(t, c.ID()).State()
		assert.Equal(t, text, found.Content.Stored().Reveal())
		assert.Equal(t, c.State().Description, found.Description)
		require.NoError(t, s.Repository.Save(t.Context(), updated(t, s, c.ID(), text+"2")))
		entry, err := s.History.Entry(t.Context(), c.ID(), 2)
		require.NoError(t, err)
		assert.Equal(t, text, entry.Old.Stored().Reveal())
	}
}

// updated returns a configuration with an unsaved change of its value.
func updated(t *testing.T, s Stored, id configuration.ID, text string) *configuration.Configuration {
	t.Helper()
	c := s.find(t, id)
	changed, err := c.Update(fixture.Draft(t, text), fixture.Stamp())
	require.NoError(t, err)
	require.True(t, changed)
	return c
}

func extremesComeBack(t *testing.T, s Stored) {
	for i, text := range []string{"", fixture.Long(configuration.MaxValueBytes)} {
		c := fixture.Configuration(t, fixture.Key([]string{"empty", "long"}[i]), fixture.Holding(fixture.Plain(t, text)))
		s.save(t, c)
		found := s.find(t, c.ID())
		assert.Equal(t, text, found.Content().Stored().Reveal())
		assert.False(t, found.Content().IsZero())
	}
	long := fixture.Configuration(t, fixture.Key(fixture.Long(configuration.MaxKeyBytes)))
	s.save(t, long)
	assert.Equal(t, long.Identity(), s.find(t, long.ID()).Identity())
}

func descriptionsAreDistinguished(t *testing.T, s Stored) {
	none := fixture.Configuration(t, fixture.Key("none"))
	empty := fixture.Configuration(t, fixture.Key("empty"), fixture.Described(t, ""))
	text := fixture.Configuration(t, fixture.Key("text"), fixture.Described(t, "text"))
	s.save(t, none, empty, text)
	for _, c := range []*configuration.Configuration{none, empty, text} {
		assert.Equal(t, c.State().Description, s.find(t, c.ID()).State().Description)
	}
}

func eventsNameChanges(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	s.save(t, c)
	s.save(t, updated(t, s, c.ID(), "second"))
	gone := s.find(t, c.ID())
	require.NoError(t, gone.Delete(fixture.Stamp()))
	s.save(t, gone)
	first, err := s.History.Entry(t.Context(), c.ID(), 1)
	require.NoError(t, err)
	back := s.find(t, c.ID())
	_, err = back.RollBack(first, fixture.Stamp())
	require.NoError(t, err)
	s.save(t, back)

	types := []string{
		configuration.EventCreated, configuration.EventUpdated, configuration.EventDeleted, configuration.EventRolledBack,
	}
	events := s.events(t)
	require.Len(t, events, len(types))
	ids := map[string]bool{}
	for i, e := range events {
		assert.Equal(t, types[i], e.Type)
		assert.Equal(t, int64(i+1), e.AggregateVersion)
		assert.Equal(t, int64(c.ID()), e.AggregateID)
		assert.Equal(t, configuration.AggregateType, e.AggregateType)
		assert.Equal(t, "production", e.Environment)
		assert.Equal(t, "shop", e.ServiceName)
		ids[e.ID] = true
	}
	assert.Len(t, ids, len(types))
}

func eventsHoldNoValue(t *testing.T, s Stored) {
	c := fixture.Configuration(t, fixture.Holding(fixture.Plain(t, "canary-one")))
	s.save(t, c)
	s.save(t, updated(t, s, c.ID(), "canary-two"))
	for _, e := range s.events(t) {
		assert.NotContains(t, e.Data, "canary")
		assert.Contains(t, e.Data, "database.url")
	}
}
