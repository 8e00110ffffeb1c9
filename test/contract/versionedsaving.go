package contract

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func versionedSaving[A Aggregate]() []behaviour[VersionedStore[A]] {
	return []behaviour[VersionedStore[A]]{
		{"a new aggregate gets an id, and is returned as it was, by id and by identity", newAggregate[A]},
		{"ids differ", idsDiffer[A]},
		{"a deleted aggregate is still found, as deleted", deletedIsFound[A]},
		{"what does not exist is ErrNotFound", unknownIsNotFound[A]},
		{"an aggregate without changes is skipped", unchangedIsSkipped[A]},
		{"a saved aggregate can be changed and saved again", savedCanChange[A]},
		{"several versions of one aggregate are saved together", severalVersions[A]},
		{"several aggregates are saved together", severalAggregates[A]},
		{"of several, a stale one keeps all from being saved", oneStaleKeepsAll[A]},
		{"of several, one that exists already keeps all from being saved", oneExistingKeepsAll[A]},
		{"a cancelled caller writes nothing", cancelledWritesNothing[A]},
		{"every version is one event, in version order, with ids of their own", oneEventPerVersion[A]},
		{"the current state has the id of the event that made its version", carriesEvent[A]},
	}
}

func newAggregate[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.created(t, "a")
	version := a.Version()
	assert.True(t, s.Changed(a))
	s.save(t, a)
	assert.Positive(t, s.ID(a))
	assert.Equal(t, version, a.Version())
	s.holdsAs(t, a)
	found, err := s.FindByIdentity(t.Context(), a)
	require.NoError(t, err)
	assert.Equal(t, s.State(a), s.State(found))
}

func idsDiffer[A Aggregate](t *testing.T, s VersionedStore[A]) {
	assert.NotEqual(t, s.ID(s.saved(t, "a")), s.ID(s.saved(t, "b")))
}

func deletedIsFound[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.saved(t, "a")
	before := a.Version()
	require.NoError(t, s.Delete(a, fixture.Stamp()))
	s.save(t, a)
	s.holdsAs(t, a)
	found, err := s.FindByIdentity(t.Context(), a)
	require.NoError(t, err)
	assert.True(t, found.Deleted())
	assert.Equal(t, before+1, found.Version())
}

func unknownIsNotFound[A Aggregate](t *testing.T, s VersionedStore[A]) {
	_, err := s.Find(t.Context(), 404)
	require.ErrorIs(t, err, s.NotFound)
	s.hasNone(t, s.created(t, "a"))
}

func unchangedIsSkipped[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a, b := s.saved(t, "a"), s.created(t, "b")
	s.save(t, a)
	s.save(t)
	s.save(t, a, b)
	assert.Positive(t, s.ID(b))
	s.holdsAs(t, a, b)
	s.hasEventsOf(t, a, b)
}

func savedCanChange[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.saved(t, "a")
	for _, text := range []string{"second", "third"} {
		before := a.Version()
		require.NoError(t, s.Change(a, text, fixture.Stamp()))
		assert.Greater(t, a.Version(), before)
		s.save(t, a)
		s.holdsAs(t, a)
	}
	s.hasEventsOf(t, a)
}

func severalVersions[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.created(t, "a")
	require.NoError(t, s.Change(a, "second", fixture.Stamp()))
	require.NoError(t, s.Delete(a, fixture.Stamp()))
	s.save(t, a)
	s.holdsAs(t, a)
	assert.True(t, s.find(t, a).Deleted())
	s.hasEventsOf(t, a)
}

func severalAggregates[A Aggregate](t *testing.T, s VersionedStore[A]) {
	old := s.saved(t, "old")
	require.NoError(t, s.Change(old, "second", fixture.Stamp()))
	a, b := s.created(t, "a"), s.created(t, "b")
	s.save(t, a, old, b)
	s.holdsAs(t, a, old, b)
	s.hasEventsOf(t, a, old, b)
}

func oneStaleKeepsAll[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.saved(t, "contested")
	late, quick := s.changed(t, a, "late"), s.changed(t, a, "quick")
	s.save(t, quick)
	before, after := s.created(t, "before"), s.created(t, "after")
	require.ErrorIs(t, s.Save(t.Context(), before, late, after), scope.ErrStale)
	s.hasNone(t, before, after)
	s.holdsAs(t, quick)
	s.hasEventsOf(t, quick)
}

func oneExistingKeepsAll[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.saved(t, "a")
	before, again := s.created(t, "before"), s.created(t, "a")
	require.ErrorIs(t, s.Save(t.Context(), before, again), scope.ErrAlreadyExists)
	s.hasNone(t, before)
	s.holdsAs(t, a)
	s.hasEventsOf(t, a)
}

func cancelledWritesNothing[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.saved(t, "a")
	changed, created := s.changed(t, a, "second"), s.created(t, "b")
	require.Error(t, s.Save(endedContext(t), changed))
	require.Error(t, s.Save(endedContext(t), created))
	s.holdsAs(t, a)
	s.hasNone(t, created)
	s.hasEventsOf(t, a)
}

func oneEventPerVersion[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.saved(t, "a")
	changed := s.changed(t, a, "second")
	s.save(t, changed)
	require.NoError(t, s.Delete(changed, fixture.Stamp()))
	s.save(t, changed)
	ids := map[string]bool{}
	for i, e := range s.events(t) {
		assert.Equal(t, int64(i+1), e.AggregateVersion)
		assert.Equal(t, s.ID(a), e.AggregateID)
		assert.Equal(t, s.AggregateType, e.AggregateType)
		ids[e.ID] = true
	}
	assert.Len(t, ids, int(changed.Version()))
}

func carriesEvent[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.saved(t, "a")
	check := func() {
		t.Helper()
		all := s.events(t)
		require.Len(t, all, int(a.Version()))
		assert.Equal(t, all[len(all)-1].ID, s.find(t, a).Lifecycle().Event)
		assert.Equal(t, all[len(all)-1].ID, a.Lifecycle().Event)
	}
	check()
	require.NoError(t, s.Change(a, "second", fixture.Stamp()))
	assert.Empty(t, a.Lifecycle().Event, "a version that is not saved has none")
	s.save(t, a)
	check()
	require.NoError(t, s.Change(a, "third", fixture.Stamp()))
	require.NoError(t, s.Delete(a, fixture.Stamp()))
	s.save(t, a)
	check()
}
