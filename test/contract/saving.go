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
		{"a new configuration gets an id and version 1", aNewOneGetsAnID},
		{"ids differ", idsDiffer},
		{"what was saved comes back as it was, by id and by identity", comesBackAsItWas},
		{"every valid text comes back as it was", textsComeBack},
		{"the empty value and a value of 256 KiB come back", extremesComeBack},
		{"no description, an empty one and a text are told apart", descriptionsAreToldApart},
		{"the anonymous actor comes back anonymous", anonymousComesBack},
		{"a deleted configuration is still found, as deleted", deletedIsFound},
		{"what does not exist is ErrNotFound", unknownIsNotFound},
		{"a configuration without changes is passed over", unchangedIsPassedOver},
		{"a saved configuration can be changed and saved again", savedCanGoOn},
		{"several versions of one configuration are saved together", severalVersionsTogether},
		{"several configurations are saved together", severalTogether},
		{"of several, one that is stale keeps all from being saved", oneStaleKeepsAll},
		{"of several, one that is taken keeps all from being saved", oneTakenKeepsAll},
		{"a caller who has gone away writes nothing", goneCallerWritesNothing},
		{"every version is one event, in version order, with ids of their own", oneEventAVersion},
		{"an event holds nothing of the value", eventsHoldNoValue},
	}
}

func aNewOneGetsAnID(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	s.save(t, c)
	assert.Positive(t, c.ID())
	assert.Equal(t, configuration.Version(1), s.find(t, c.ID()).Version())
	assert.Empty(t, c.Unsaved().Entries)
	assert.Empty(t, c.PendingEvents())
}

func idsDiffer(t *testing.T, s Stored) {
	a, b := fixture.Configuration(t, fixture.Key("a")), fixture.Configuration(t, fixture.Key("b"))
	s.save(t, a)
	s.save(t, b)
	assert.NotEqual(t, a.ID(), b.ID())
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

func descriptionsAreToldApart(t *testing.T, s Stored) {
	none := fixture.Configuration(t, fixture.Key("none"))
	empty := fixture.Configuration(t, fixture.Key("empty"), fixture.Described(t, ""))
	text := fixture.Configuration(t, fixture.Key("text"), fixture.Described(t, "text"))
	s.save(t, none, empty, text)
	for _, c := range []*configuration.Configuration{none, empty, text} {
		assert.Equal(t, c.State().Description, s.find(t, c.ID()).State().Description)
	}
}

func anonymousComesBack(t *testing.T, s Stored) {
	c := fixture.Configuration(t, fixture.Stamped(scope.Stamp{At: fixture.Noon()}))
	s.save(t, c)
	assert.Equal(t, scope.Actor{}, s.find(t, c.ID()).State().UpdatedBy)
	entry, err := s.History.Entry(t.Context(), c.ID(), 1)
	require.NoError(t, err)
	assert.Equal(t, scope.Stamp{At: fixture.Noon()}, entry.Stamp)
}

func deletedIsFound(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	s.save(t, c)
	require.NoError(t, c.Delete(fixture.Stamp()))
	s.save(t, c)
	found := s.find(t, c.ID())
	assert.True(t, found.Deleted())
	assert.Equal(t, configuration.Version(2), found.Version())
}

func unknownIsNotFound(t *testing.T, s Stored) {
	_, err := s.Repository.Find(t.Context(), 404)
	require.ErrorIs(t, err, configuration.ErrNotFound)
	_, err = s.Repository.FindByIdentity(t.Context(), fixture.Configuration(t).Identity())
	require.ErrorIs(t, err, configuration.ErrNotFound)
}

func unchangedIsPassedOver(t *testing.T, s Stored) {
	c, fresh := fixture.Configuration(t, fixture.Key("a")), fixture.Configuration(t, fixture.Key("b"))
	s.save(t, c)
	s.save(t, c)
	s.save(t)
	s.save(t, c, fresh)
	assert.Positive(t, fresh.ID())
	assert.Len(t, s.versions(t, c.ID()), 1)
	assert.Len(t, s.events(t), 2)
}

func savedCanGoOn(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	s.save(t, c)
	for _, text := range []string{"second", "third"} {
		_, err := c.Update(fixture.Draft(t, text), fixture.Stamp())
		require.NoError(t, err)
		s.save(t, c)
	}
	assert.Equal(t, c.State(), s.find(t, c.ID()).State())
	assert.Equal(t, []configuration.Version{3, 2, 1}, s.versions(t, c.ID()))
}

func severalVersionsTogether(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	_, err := c.Update(fixture.Draft(t, "second"), fixture.Stamp())
	require.NoError(t, err)
	require.NoError(t, c.Delete(fixture.Stamp()))
	s.save(t, c)
	assert.Equal(t, []configuration.Version{3, 2, 1}, s.versions(t, c.ID()))
	assert.Len(t, s.events(t), 3)
	assert.True(t, s.find(t, c.ID()).Deleted())
}

func severalTogether(t *testing.T, s Stored) {
	old := fixture.Configuration(t, fixture.Key("old"))
	s.save(t, old)
	_, err := old.Update(fixture.Draft(t, "new value"), fixture.Stamp())
	require.NoError(t, err)
	a, b := fixture.Configuration(t, fixture.Key("a")), fixture.Configuration(t, fixture.Key("b"))
	s.save(t, a, old, b)
	for _, c := range []*configuration.Configuration{a, old, b} {
		assert.Equal(t, c.State(), s.find(t, c.ID()).State())
	}
	assert.Len(t, s.events(t), 4)
}

func oneStaleKeepsAll(t *testing.T, s Stored) {
	c := fixture.Configuration(t, fixture.Key("contested"))
	s.save(t, c)
	late := updated(t, s, c.ID(), "late")
	s.save(t, updated(t, s, c.ID(), "quick"))
	before, after := fixture.Configuration(t, fixture.Key("before")), fixture.Configuration(t, fixture.Key("after"))
	require.ErrorIs(t, s.Repository.Save(t.Context(), before, late, after), configuration.ErrStale)
	onlyThese(t, s, c.ID(), 2)
}

func oneTakenKeepsAll(t *testing.T, s Stored) {
	c := fixture.Configuration(t, fixture.Key("taken"))
	s.save(t, c)
	before, again := fixture.Configuration(t, fixture.Key("before")), fixture.Configuration(t, fixture.Key("taken"))
	require.ErrorIs(t, s.Repository.Save(t.Context(), before, again), configuration.ErrAlreadyExists)
	onlyThese(t, s, c.ID(), 1)
}

// onlyThese asserts that the store holds one configuration, with so many versions.
func onlyThese(t *testing.T, s Stored, id configuration.ID, versions int) {
	t.Helper()
	page, err := s.Repository.List(t.Context(), configuration.Query{Limit: 10})
	require.NoError(t, err)
	assert.Equal(t, 1, page.Total)
	assert.Len(t, s.versions(t, id), versions)
	assert.Len(t, s.events(t), versions)
}

func goneCallerWritesNothing(t *testing.T, s Stored) {
	ctx := endedContext(t)
	c := fixture.Configuration(t)
	require.Error(t, s.Repository.Save(ctx, c))
	_, err := s.Repository.FindByIdentity(t.Context(), c.Identity())
	require.ErrorIs(t, err, configuration.ErrNotFound)
	assert.Empty(t, s.events(t))
}

func oneEventAVersion(t *testing.T, s Stored) {
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
