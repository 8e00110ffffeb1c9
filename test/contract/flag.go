package contract

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
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

// Flags tests a store of flags against its ports, on empty ones that fresh returns.
func Flags(t *testing.T, fresh func(*testing.T) StoredFlags, without Without) {
	t.Helper()
	run(t, flagsSuite(), fresh, without)
}

func flagsSuite() []behaviour[StoredFlags] {
	return slices.Concat(
		through(versionedSuite[*flag.Flag](), StoredFlags.versioned),
		through(versionedHistorySuite[*flag.Flag](), StoredFlags.versioned),
		damagedFlagBehaviours(), flagSavingBehaviours(), flagReadingBehaviours())
}

// versioned returns the store as one of versioned aggregates.
func (s StoredFlags) versioned() VersionedStore[*flag.Flag] {
	v := StoreOf(s.Repository, s.History, func(e flag.HistoryEntry) versioned.Entry[flag.ID] { return e.Entry })
	v.AggregateType, v.NotFound = flag.AggregateType, flag.ErrNotFound
	v.Outbox, v.FailCommits = s.Outbox, s.FailCommits
	v.State = func(f *flag.Flag) any {
		state := f.State()
		state.Definition = nil
		return []any{state, f.State().Definition.JSON()}
	}
	v.New = func(t *testing.T, name string, stamp scope.Stamp) *flag.Flag {
		t.Helper()
		return fixture.FlagBy(t, `{"name":"`+name+`","is_enabled":true,"description":"pay"}`, stamp)
	}
	v.Change = func(f *flag.Flag, text string, stamp scope.Stamp) error {
		description, err := scope.ParseDescription(text)
		if err != nil {
			return err
		}
		_, err = f.Update(flag.Change{Description: &description}, stamp)
		return err
	}
	v.Delete = (*flag.Flag).Delete
	v.Recreate = func(t *testing.T, f *flag.Flag, stamp scope.Stamp) {
		t.Helper()
		require.NoError(t, f.Recreate(fixture.FlagChange(t, `{}`), stamp))
	}
	return v
}

func flagSavingBehaviours() []behaviour[StoredFlags] {
	return []behaviour[StoredFlags]{
		{"every definition is returned byte for byte", definitionsComeBack},
		{"a name is unique within its environment", flagNamesAreScoped},
		{"no description, an empty one and a text are distinguished", flagDescriptions},
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
	entries, total, err := allEntries(t, s.History, id, 1000, 0)
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

func flagNamesAreScoped(t *testing.T, s StoredFlags) {
	s.save(t, fixture.Flag(t, `{}`), fixture.Flag(t, `{"environment":"staging"}`))
	assert.Len(t, s.events(t), 2)
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
