package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// versionedHistorySuite is what histories of every versioned aggregate promise.
func versionedHistorySuite[A Aggregate]() []behaviour[VersionedStore[A]] {
	return []behaviour[VersionedStore[A]]{
		{"an entry is returned as it was made", entryComesBack[A]},
		{"entries come newest first, in pages, with the number of all", entriesInPages[A]},
		{"versions that are saved together have an entry each", entriesOfOneSave[A]},
		{"a version that never was is ErrVersionNotFound", noSuchVersion[A]},
		{"the entry as of a time is the newest made at or before it", entryAsOfATime[A]},
		{"of versions made at the same instant the last one counts", sameInstant[A]},
		{"the history of a deleted aggregate stays, and continues when it is created again", historyStays[A]},
		{"the author and the time of a version are returned", stampsComeBack[A]},
	}
}

func later(by time.Duration) scope.Stamp {
	stamp := fixture.Stamp()
	stamp.At = stamp.At.Add(by)
	return stamp
}

// threeVersions saves a creation, an update a minute later and a deletion after another
// minute.
func (s VersionedStore[A]) threeVersions(t *testing.T) A {
	t.Helper()
	a := s.saved(t, "a")
	require.NoError(t, s.Change(a, "second", later(time.Minute)))
	s.save(t, a)
	require.NoError(t, s.Delete(a, later(2*time.Minute)))
	s.save(t, a)
	require.Equal(t, scope.Version(3), a.Version())
	return a
}

// versions returns the versions in the history, newest first.
func (s VersionedStore[A]) versions(t *testing.T, a A, limit, offset int) ([]scope.Version, int) {
	t.Helper()
	entries, total := s.History.Entries(t, s.ID(a), limit, offset)
	list := make([]scope.Version, len(entries))
	for i, e := range entries {
		list[i] = e.Version
		assert.Equal(t, s.ID(a), e.AggregateID)
		single, err := s.History.Entry(t.Context(), s.ID(a), e.Version)
		require.NoError(t, err)
		assert.Equal(t, e, single)
	}
	return list, total
}

func entryComesBack[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.threeVersions(t)
	for i, want := range []versioned.Entry[int64]{
		{Action: scope.ActionCreate, Stamp: later(0)},
		{Action: scope.ActionUpdate, Stamp: later(time.Minute)},
		{Action: scope.ActionDelete, Stamp: later(2 * time.Minute)},
	} {
		entry, err := s.History.Entry(t.Context(), s.ID(a), scope.Version(i+1))
		require.NoError(t, err)
		assert.Positive(t, entry.ID)
		want.ID, want.AggregateID, want.Version = entry.ID, s.ID(a), scope.Version(i+1)
		want.Stamp.TraceParent = ""
		assert.Equal(t, want, entry)
	}
}

func entriesInPages[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.threeVersions(t)
	s.saved(t, "another")
	for offset, want := range map[int][]scope.Version{0: {3, 2}, 1: {2, 1}, 2: {1}, 9: {}} {
		versions, total := s.versions(t, a, 2, offset)
		assert.Equal(t, want, versions)
		assert.Equal(t, 3, total)
	}
	entries, total := s.History.Entries(t, 404, 10, 0)
	assert.Empty(t, entries)
	assert.Zero(t, total)
}

func entriesOfOneSave[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.created(t, "a")
	for _, text := range []string{"second", "third", "fourth"} {
		require.NoError(t, s.Change(a, text, fixture.Stamp()))
	}
	require.NoError(t, s.Delete(a, fixture.Stamp()))
	s.save(t, a, s.created(t, "other"))
	versions, total := s.versions(t, a, 10, 0)
	assert.Equal(t, []scope.Version{5, 4, 3, 2, 1}, versions)
	assert.Equal(t, 5, total)
}

func noSuchVersion[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.threeVersions(t)
	for _, version := range []scope.Version{0, 4, -1, 1 << 53} {
		_, err := s.History.Entry(t.Context(), s.ID(a), version)
		require.ErrorIs(t, err, scope.ErrVersionNotFound)
	}
	_, err := s.History.Entry(t.Context(), 404, 1)
	require.ErrorIs(t, err, scope.ErrVersionNotFound)
}

func entryAsOfATime[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.threeVersions(t)
	rows := []struct {
		after time.Duration
		want  scope.Version
	}{
		{0, 1},
		{time.Minute - time.Microsecond, 1},
		{time.Minute, 2},
		{90 * time.Second, 2},
		{2 * time.Minute, 3},
		{48 * time.Hour, 3},
	}
	for _, row := range rows {
		entry, err := s.History.EntryAt(t.Context(), s.ID(a), fixture.Noon().Add(row.after))
		require.NoError(t, err)
		assert.Equal(t, row.want, entry.Version, row.after)
	}
	_, err := s.History.EntryAt(t.Context(), s.ID(a), fixture.Noon().Add(-time.Microsecond))
	require.ErrorIs(t, err, scope.ErrVersionNotFound)
	abroad := fixture.Noon().Add(time.Minute).In(time.FixedZone("abroad", -7*60*60))
	entry, err := s.History.EntryAt(t.Context(), s.ID(a), abroad)
	require.NoError(t, err)
	assert.Equal(t, scope.Version(2), entry.Version)
}

func sameInstant[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.saved(t, "a")
	s.save(t, s.changed(t, a, "second"))
	entry, err := s.History.EntryAt(t.Context(), s.ID(a), fixture.Noon())
	require.NoError(t, err)
	assert.Equal(t, scope.Version(2), entry.Version)
}

func historyStays[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.threeVersions(t)
	again := s.find(t, a)
	s.Recreate(t, again, later(time.Hour))
	s.save(t, again)
	assert.Equal(t, s.ID(a), s.ID(again))
	versions, _ := s.versions(t, a, 10, 0)
	assert.Equal(t, []scope.Version{4, 3, 2, 1}, versions)
}

func stampsComeBack[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.New(t, "a", scope.Stamp{At: fixture.Noon()})
	s.save(t, a)
	assert.Equal(t, scope.Actor{}, s.find(t, a).Lifecycle().UpdatedBy)
	entry, err := s.History.Entry(t.Context(), s.ID(a), 1)
	require.NoError(t, err)
	assert.Equal(t, scope.Stamp{At: fixture.Noon()}, entry.Stamp)
	other := scope.Actor{KeyID: "abcdefgh", Name: "other"}
	for i, stamp := range []scope.Stamp{
		{By: other, At: fixture.Noon().Add(time.Microsecond), RequestID: "r"}, {At: fixture.Noon().Add(time.Hour)},
	} {
		require.NoError(t, s.Change(a, []string{"second", "third"}[i], stamp))
		// With another, an aggregate is saved in a transaction of several statements.
		s.save(t, append([]A{s.created(t, "other")}[:i], a)...)
		s.holdsAs(t, a)
		entry, err := s.History.Entry(t.Context(), s.ID(a), a.Version())
		require.NoError(t, err)
		assert.Equal(t, stamp, entry.Stamp)
	}
}
