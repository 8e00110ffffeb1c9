package contract

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func flagReadingBehaviours() []behaviour[StoredFlags] {
	return []behaviour[StoredFlags]{
		{"a page of flags, and a history, of many bytes come in parts that join to the complete page", flagPartsJoin},
		{"flags are listed by environment and name, a page at a time, with the true total", flagsInOrder},
		{"windows of flags behind a position repeat and miss nothing while others write", flagWindows},
		{"lists of flags narrow by environment, prefix and deletion", flagsNarrowed},
		{"a history entry contains the complete draft before and after", flagHistory},
		{"counts grow by one with every change, deletions too", countsGrow},
		{"versions and what is loaded agree with what was saved", versionsAgree},
		{"loading many ids at once finds them all and passes over unknown ones", loadsMany},
	}
}

func flagNames(page flag.Page) []string {
	names := []string{}
	for _, f := range page.Items {
		names = append(names, f.Identity().Environment.String()+"/"+f.Identity().Name.String())
	}
	return names
}

func flagsInOrder(t *testing.T, s StoredFlags) {
	for _, f := range []string{
		`{"name":"b"}`, `{"name":"a"}`, `{"name":"B"}`, `{"name":"a/b"}`, `{"name":"z","environment":"development"}`,
	} {
		s.save(t, fixture.Flag(t, f))
	}
	page, err := s.Repository.List(t.Context(), flag.Query{Window: scope.Window{Limit: 3}})
	require.NoError(t, err)
	assert.Equal(t, 5, page.Total)
	assert.Equal(t, []string{"development/z", "production/B", "production/a"}, flagNames(page))
	page, err = s.Repository.List(t.Context(), flag.Query{Window: scope.Window{Limit: 3, Offset: 3}})
	require.NoError(t, err)
	assert.Equal(t, []string{"production/a/b", "production/b"}, flagNames(page))
}

func flagsNarrowed(t *testing.T, s StoredFlags) {
	for _, f := range []string{
		`{"name":"a1"}`, `{"name":"a_2"}`, `{"name":"a2"}`, `{"name":"b"}`, `{"name":"a1","environment":"staging"}`,
	} {
		s.save(t, fixture.Flag(t, f))
	}
	gone := fixture.Flag(t, `{"name":"a3"}`)
	require.NoError(t, gone.Delete(fixture.Stamp()))
	s.save(t, gone)
	production := gone.Identity().Environment
	for want, query := range map[string]flag.Query{
		"a1 a2 a_2 b": {Environment: production},
		"a1 a2 a_2":   {Environment: production, NamePrefix: "a"},
		"a_2":         {Environment: production, NamePrefix: "a_"},
		"a3":          {Environment: production, Deleted: true},
		"":            {Environment: production, NamePrefix: "%"},
		"a_2 b": {Environment: production, Within: []scope.Area{
			{Prefixes: []string{"a_", "c"}}, {Environments: []scope.Environment{production}, Prefixes: []string{"b"}},
		}},
		"a1": {Within: []scope.Area{{Environments: []scope.Environment{fixture.Environment(t, "staging")}}, {
			// no flag belongs to a service
			Services: []scope.ServiceName{fixture.ServiceName(t, "shop")},
		}}},
	} {
		query.Limit = 10
		page, err := s.Repository.List(t.Context(), query)
		require.NoError(t, err)
		var got []string
		for _, f := range page.Items {
			got = append(got, f.Identity().Name.String())
		}
		assert.Equal(t, want, strings.Join(got, " "))
		assert.Len(t, page.Items, page.Total)
	}
}

func flagHistory(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{"is_enabled":true,"description":""}`)
	s.save(t, f)
	s.save(t, s.changed(t, f.ID(), `{"rollout_percentage":12.5,"description":"slow"}`))
	gone := s.find(t, f.ID())
	require.NoError(t, gone.Delete(fixture.Stamp()))
	s.save(t, gone)
	entries, total, err := allEntries(t, s.History, f.ID(), 10, 0)
	require.NoError(t, err)
	require.Len(t, entries, 3)
	assert.Equal(t, 3, total)
	deleted, updated, created := entries[0], entries[1], entries[2]
	assert.Nil(t, created.Old)
	assert.Nil(t, deleted.New)
	assert.Equal(t, f.State().Definition.JSON(), created.New.Definition.JSON())
	assert.Equal(t, created.New.Definition.JSON(), updated.Old.Definition.JSON())
	assert.Equal(t, updated.New.Definition.JSON(), deleted.Old.Definition.JSON())
	assert.Equal(t, updated.New.Description, deleted.Old.Description)
	assert.Equal(t, created.New.Description, updated.Old.Description)
	assert.Equal(t, fixture.Stamp(), updated.Stamp)
	assert.Equal(t, scope.ActionUpdate, updated.Action)
	_, total, err = allEntries(t, s.History, 404, 10, 0)
	require.NoError(t, err)
	assert.Zero(t, total)
}

func countsGrow(t *testing.T, s StoredFlags) {
	f, other := fixture.Flag(t, `{}`), fixture.Flag(t, `{"environment":"staging"}`)
	count := func(want int64) {
		t.Helper()
		counts, err := s.Source.Counts(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, counts[f.Identity().Environment])
	}
	count(0)
	s.save(t, f, other)
	count(1)
	s.save(t, s.changed(t, f.ID(), `{"is_enabled":true}`))
	count(2)
	gone := s.find(t, f.ID())
	require.NoError(t, gone.Delete(fixture.Stamp()))
	s.save(t, gone)
	count(3)
	counts, err := s.Source.Counts(t.Context())
	require.NoError(t, err)
	assert.Len(t, counts, 2)
}

func versionsAgree(t *testing.T, s StoredFlags) {
	f, gone := fixture.Flag(t, `{"name":"a"}`), fixture.Flag(t, `{"name":"b"}`)
	s.save(t, f, gone, fixture.Flag(t, `{"environment":"staging"}`))
	require.NoError(t, gone.Delete(fixture.Stamp()))
	s.save(t, gone)
	versions, err := s.Source.Versions(t.Context(), f.Identity().Environment)
	require.NoError(t, err)
	assert.Equal(t, map[flag.ID]scope.Version{f.ID(): 1, gone.ID(): 2}, versions)
	loaded, err := s.Source.Load(t.Context(), f.ID(), gone.ID())
	require.NoError(t, err)
	require.Len(t, loaded, 2)
	for _, l := range loaded {
		assert.NotEmpty(t, l.State().Event)
	}
	none, err := s.Source.Versions(t.Context(), fixture.FlagIdentity(t, "development", "x").Environment)
	require.NoError(t, err)
	assert.Empty(t, none)
	for _, l := range loaded {
		same(t, s.find(t, l.ID()).State(), l.State())
	}
}

func loadsMany(t *testing.T, s StoredFlags) {
	flags, ids := make([]*flag.Flag, 1200), make([]flag.ID, 1200)
	for i := range flags {
		flags[i] = fixture.Flag(t, `{"name":"flag-`+strconv.Itoa(i)+`"}`)
	}
	s.save(t, flags...)
	for i, f := range flags {
		ids[i] = f.ID()
	}
	loaded, err := s.Source.Load(t.Context(), slices.Concat(ids, []flag.ID{1 << 40})...)
	require.NoError(t, err)
	assert.Len(t, loaded, 1200)
	none, err := s.Source.Load(t.Context())
	require.NoError(t, err)
	assert.Empty(t, none)
}
