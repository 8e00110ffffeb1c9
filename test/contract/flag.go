package contract

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// StoredFlags is a store of flags under test.
type StoredFlags struct {
	Repository flag.Repository
	History    flag.History
	Source     flag.Source
	// Outbox returns the events of all that was saved, in the order of their ids.
	Outbox func(ctx context.Context) ([]Event, error)
	// Damage makes rows break a rule.
	Damage Damage
	// FailCommits is nil where no commit can fail.
	FailCommits FailCommits
}

// Flags holds a store to flag.Repository, flag.History and flag.Source, on empty
// ones that fresh returns.
func Flags(t *testing.T, fresh func(*testing.T) StoredFlags, without Without) {
	t.Helper()
	run(t, flagsSuite(), fresh, without)
}

func flagsSuite() []behaviour[StoredFlags] {
	return slices.Concat(damagedFlagBehaviours(), flagSavingBehaviours(), flagReadingBehaviours(), flagCommittingBehaviours(), flagMarkingBehaviours())
}

func flagSavingBehaviours() []behaviour[StoredFlags] {
	return []behaviour[StoredFlags]{
		{"a new flag gets an id and version 1", aNewFlagGetsAnID},
		{"every definition comes back byte for byte", definitionsComeBack},
		{"no description, an empty one and a text are told apart", flagDescriptions},
		{"who changed a flag, and when, comes back after every change", flagStamps},
		{"a deleted flag is still found, by id and by name", deletedFlag},
		{"what does not exist is ErrNotFound", unknownFlag},
		{"a flag without changes is passed over", unchangedFlag},
		{"several versions of one flag are saved together", severalFlagVersions},
		{"of several flags, one that is stale or taken keeps all from being saved", oneFlagKeepsAll},
		{"saving an old version of a flag is ErrStale", staleFlag},
		{"a name is taken in its environment alone, also by a deleted flag", takenName},
		{"of 16 creators of one name one succeeds", oneFlagCreator},
		{"16 writers of one flag make 16 versions without a gap", flagWriters},
		{"a caller who has gone away changes no flag", goneFlagCaller},
		{"every version of a flag is one event, in version order", flagEvents},
	}
}

func (s StoredFlags) save(t *testing.T, flags ...*flag.Flag) {
	t.Helper()
	require.NoError(t, s.Repository.Save(t.Context(), flags...))
}

func (s StoredFlags) find(t *testing.T, id flag.ID) *flag.Flag {
	t.Helper()
	f, err := s.Repository.Find(t.Context(), id)
	require.NoError(t, err)
	return f
}

// same asserts that two states are equal; definitions are by their JSON.
func same(t *testing.T, want, got flag.State) {
	t.Helper()
	assert.Equal(t, want.Definition.JSON(), got.Definition.JSON())
	want.Definition, got.Definition = nil, nil
	assert.Equal(t, want, got)
}

// events returns the outbox.
func (s StoredFlags) events(t *testing.T) []Event {
	t.Helper()
	events, err := s.Outbox(t.Context())
	require.NoError(t, err)
	return events
}

// hasVersions asserts that a flag has so many versions, without a gap, and that
// the store has so many events in all.
func (s StoredFlags) hasVersions(t *testing.T, id flag.ID, versions, events int) {
	t.Helper()
	entries, total, err := wholeFlagHistory(t, s.History, id, 1000, 0)
	require.NoError(t, err)
	assert.Equal(t, versions, total)
	require.Len(t, entries, versions)
	for i, e := range entries {
		assert.Equal(t, scope.Version(versions-i), e.Version)
	}
	assert.Len(t, s.events(t), events)
}

// changed returns a flag with an unsaved change.
func (s StoredFlags) changed(t *testing.T, id flag.ID, change string) *flag.Flag {
	t.Helper()
	f := s.find(t, id)
	made, err := f.Update(fixture.FlagChange(t, change), fixture.Stamp())
	require.NoError(t, err)
	require.True(t, made)
	return f
}

func aNewFlagGetsAnID(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{"is_enabled":true,"description":"pay"}`)
	s.save(t, f)
	assert.Positive(t, f.ID())
	assert.Empty(t, f.PendingEvents())
	assert.Equal(t, scope.Version(1), f.Version())
	same(t, f.State(), s.find(t, f.ID()).State())
	byIdentity, err := s.Repository.FindByIdentity(t.Context(), f.Identity())
	require.NoError(t, err)
	same(t, f.State(), byIdentity.State())
}

func definitionsComeBack(t *testing.T, s StoredFlags) {
	for i, definition := range []string{
		`"rollout_percentage":33.3333,"target_users":["a\"b","{c}","d,e","ü'\\"]`,
		`"type":"float","variants":{"huge":1e300,"tiny":1e-300,"zero":0,"ten":10.0},"default":{"variant":"ten"}`,
		`"type":"integer","variants":{"most":9007199254740991,"least":-9007199254740991},"default":{"variant":"most"}`,
		`"type":"string","variants":{"a":"\u0001 ? $1 \u2028 🚦 \\","b":""},"default":{"variant":"a"},"off_variant":"b"`,
		`"type":"object","variants":{"a":{"zz":1,"b":[1e2,-0,1.50,{"ü":null,"a":[]}],"aaa":"x"},"b":{}},"default":{"variant":"a"}`,
		`"bucket_by":"user.id","rollout_group":"g","rules":[{"conditions":[{"none":[{"any":[` +
			`{"attribute":"n","operator":"in","values":[1,1.0,1e2,"1",true]},{"attribute":"x","operator":"exists","negate":true}]}]}],` +
			`"share":{"percentage":12.5,"outside":"variant","variant":"off"},"allocation":{"on":1,"off":999999}}]`,
	} {
		f := fixture.Flag(t, `{"name":"flag-`+strconv.Itoa(i)+`",`+definition+`}`)
		s.save(t, f)
		same(t, f.State(), s.find(t, f.ID()).State())
	}
	f := fixture.Flag(t, `{"type":"string","variants":{"a":"a","b":"b","c":"c"},"default":{"allocation":{"a":1000000}}}`)
	s.save(t, f)
	for _, weights := range []string{`"a":500000,"b":500000`, `"a":400000,"b":400000,"c":200000`, `"a":500000,"b":500000`} {
		f = s.changed(t, f.ID(), `{"default":{"allocation":{`+weights+`}}}`)
		s.save(t, f)
		same(t, f.State(), s.find(t, f.ID()).State())
	}
}

func flagDescriptions(t *testing.T, s StoredFlags) {
	for name, definition := range map[string]string{
		"none": `{"name":"none"}`, "empty": `{"name":"empty","description":""}`, "text": `{"name":"text","description":"x"}`,
	} {
		f := fixture.Flag(t, definition)
		s.save(t, f)
		assert.Equal(t, f.State().Description, s.find(t, f.ID()).State().Description, name)
		s.save(t, s.changed(t, f.ID(), `{"description":"another"}`))
		entry, err := s.History.Entry(t.Context(), f.ID(), 2)
		require.NoError(t, err)
		assert.Equal(t, f.State().Description, entry.Old.Description, name)
		entry, err = s.History.Entry(t.Context(), f.ID(), 1)
		require.NoError(t, err)
		assert.Equal(t, f.State().Description, entry.New.Description, name)
	}
}

func flagStamps(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{}`)
	s.save(t, f)
	other := scope.Actor{KeyID: "abcdefgh", Name: "other"}
	for i, stamp := range []scope.Stamp{
		{By: other, At: fixture.Noon().Add(time.Microsecond), RequestID: "r"}, {At: fixture.Noon().Add(time.Hour)},
	} {
		_, err := f.Update(fixture.FlagChange(t, `{"description":"`+strconv.Itoa(i)+`"}`), stamp)
		require.NoError(t, err)
		// With another, a flag is stored in a transaction.
		s.save(t, append([]*flag.Flag{fixture.Flag(t, `{"name":"other"}`)}[:i], f)...)
		same(t, f.State(), s.find(t, f.ID()).State())
		entry, err := s.History.Entry(t.Context(), f.ID(), f.Version())
		require.NoError(t, err)
		assert.Equal(t, stamp, entry.Stamp)
	}
}

func deletedFlag(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{}`)
	s.save(t, f)
	require.NoError(t, f.Delete(fixture.Stamp()))
	s.save(t, f)
	same(t, f.State(), s.find(t, f.ID()).State())
	found, err := s.Repository.FindByIdentity(t.Context(), f.Identity())
	require.NoError(t, err)
	assert.True(t, found.Deleted())
}

func unknownFlag(t *testing.T, s StoredFlags) {
	_, err := s.Repository.Find(t.Context(), 404)
	require.ErrorIs(t, err, flag.ErrNotFound)
	_, err = s.Repository.FindByIdentity(t.Context(), fixture.Flag(t, `{}`).Identity())
	require.ErrorIs(t, err, flag.ErrNotFound)
}

func unchangedFlag(t *testing.T, s StoredFlags) {
	f, other := fixture.Flag(t, `{"name":"a"}`), fixture.Flag(t, `{"name":"b"}`)
	s.save(t, f)
	s.save(t, f)
	s.save(t)
	s.save(t, f, other)
	s.hasVersions(t, f.ID(), 1, 2)
}

func severalFlagVersions(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{}`)
	_, err := f.Update(fixture.FlagChange(t, `{"is_enabled":true}`), fixture.Stamp())
	require.NoError(t, err)
	require.NoError(t, f.Delete(fixture.Stamp()))
	s.save(t, f)
	found := s.find(t, f.ID())
	assert.True(t, found.Deleted())
	assert.Equal(t, scope.Version(3), found.Version())
	s.hasVersions(t, f.ID(), 3, 3)
}

func oneFlagKeepsAll(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{"name":"contested"}`)
	s.save(t, f)
	late := s.changed(t, f.ID(), `{"is_enabled":true}`)
	s.save(t, s.changed(t, f.ID(), `{"description":"quick"}`))
	require.ErrorIs(t, s.Repository.Save(t.Context(), fixture.Flag(t, `{"name":"before"}`), late), flag.ErrStale)
	again := fixture.Flag(t, `{"name":"contested"}`)
	require.ErrorIs(t, s.Repository.Save(t.Context(), fixture.Flag(t, `{"name":"before"}`), again), flag.ErrAlreadyExists)
	page, err := s.Repository.List(t.Context(), flag.Query{Limit: 10})
	require.NoError(t, err)
	assert.Equal(t, 1, page.Total)
	s.hasVersions(t, f.ID(), 2, 2)
}

func staleFlag(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{}`)
	s.save(t, f)
	late := s.changed(t, f.ID(), `{"is_enabled":true}`)
	s.save(t, s.changed(t, f.ID(), `{"description":"quick"}`))
	require.ErrorIs(t, s.Repository.Save(t.Context(), late), flag.ErrStale)
	assert.Equal(t, scope.Version(2), s.find(t, f.ID()).Version())
	assert.False(t, s.find(t, f.ID()).State().Definition.Enabled())
	s.hasVersions(t, f.ID(), 2, 2)
	assert.NotEmpty(t, late.Unsaved().Entries, "what was not saved stays unsaved")
}

func takenName(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{}`)
	s.save(t, f, fixture.Flag(t, `{"environment":"staging"}`))
	require.ErrorIs(t, s.Repository.Save(t.Context(), fixture.Flag(t, `{}`)), flag.ErrAlreadyExists)
	require.NoError(t, f.Delete(fixture.Stamp()))
	s.save(t, f)
	require.ErrorIs(t, s.Repository.Save(t.Context(), fixture.Flag(t, `{}`)), flag.ErrAlreadyExists)
	s.hasVersions(t, f.ID(), 2, 3)
}

func oneFlagCreator(t *testing.T, s StoredFlags) {
	creations := make([]*flag.Flag, writers)
	for i := range creations {
		creations[i] = fixture.Flag(t, `{}`)
	}
	succeeded := 0
	for _, err := range together(writers, func(i int) error { return s.Repository.Save(t.Context(), creations[i]) }) {
		if err == nil {
			succeeded++
			continue
		}
		require.ErrorIs(t, err, flag.ErrAlreadyExists)
	}
	assert.Equal(t, 1, succeeded)
	assert.Len(t, s.events(t), 1)
}

func flagWriters(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{}`)
	s.save(t, f)
	made := make([]scope.Version, writers)
	changes := make([]flag.Change, writers)
	for i := range changes {
		changes[i] = fixture.FlagChange(t, `{"description":"`+strconv.Itoa(i)+`"}`)
	}
	errs := together(writers, func(i int) error {
		for {
			f, err := s.Repository.Find(t.Context(), f.ID())
			if err != nil {
				return err
			}
			if _, err := f.Update(changes[i], fixture.Stamp()); err != nil {
				return err
			}
			if err = s.Repository.Save(t.Context(), f); !errors.Is(err, flag.ErrStale) {
				made[i] = f.Version()
				return err
			}
		}
	})
	require.NoError(t, errors.Join(errs...))
	slices.Sort(made)
	for i, version := range made {
		assert.Equal(t, scope.Version(i+2), version)
	}
	s.hasVersions(t, f.ID(), writers+1, writers+1)
}

func goneFlagCaller(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{}`)
	require.Error(t, s.Repository.Save(endedContext(t), f))
	_, err := s.Repository.FindByIdentity(t.Context(), f.Identity())
	require.ErrorIs(t, err, flag.ErrNotFound)
	assert.Empty(t, s.events(t))
}

func flagEvents(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{"is_enabled":true}`)
	s.save(t, f)
	s.save(t, s.changed(t, f.ID(), `{"is_enabled":false}`))
	gone := s.find(t, f.ID())
	require.NoError(t, gone.Delete(fixture.Stamp()))
	s.save(t, gone)
	first, err := s.History.Entry(t.Context(), f.ID(), 1)
	require.NoError(t, err)
	back := s.find(t, f.ID())
	_, err = back.RollBack(first, fixture.Stamp())
	require.NoError(t, err)
	s.save(t, back)
	events := s.events(t)
	require.Len(t, events, 4)
	ids, plain := map[string]bool{}, strings.NewReplacer(`"`, "", " ", "")
	for i, kind := range []string{"flag.created", "flag.updated", "flag.deleted", "flag.rolled_back"} {
		ids[events[i].ID] = true
		assert.Equal(t, kind, events[i].Type)
		assert.Equal(t, int64(i+1), events[i].AggregateVersion)
		assert.Equal(t, int64(f.ID()), events[i].AggregateID)
		assert.Equal(t, flag.AggregateType, events[i].AggregateType)
		assert.Equal(t, "production", events[i].Environment)
		data, enabled := plain.Replace(events[i].Data), i == 0 || i == 3
		assert.Contains(t, data, "is_enabled:"+strconv.FormatBool(enabled))
		assert.Contains(t, data, "name:checkout")
		assert.Contains(t, data, "environment:production")
		assert.Contains(t, data, "version:"+strconv.Itoa(i+1))
	}
	assert.Len(t, ids, 4)
	assert.Equal(t, time.UTC, back.State().UpdatedAt.Location())
}
