package contract

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func versionedLocking[A Aggregate]() []behaviour[VersionedStore[A]] {
	return []behaviour[VersionedStore[A]]{
		{"saving an old version is ErrStale and changes nothing", oldVersionIsStale[A]},
		{"a new aggregate of an identity that exists is ErrAlreadyExists, also where it is deleted", existingIdentity[A]},
		{"of 16 creators of one identity one succeeds", oneCreatorSucceeds[A]},
		{"16 writers of one aggregate that retry all succeed, each with a version", writersAllSucceed[A]},
		{"16 writers of different aggregates all succeed, and a stale one among them fails alone", staleFailsAlone[A]},
	}
}

// writers is how many write at once.
const writers = 16

// together runs so many at once and returns their errors.
func together(n int, work func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = work(i) })
	}
	all.Wait()
	return errs
}

func oldVersionIsStale[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.saved(t, "a")
	quick, late := s.changed(t, a, "quick"), s.changed(t, a, "late")
	s.save(t, quick)
	require.ErrorIs(t, s.Save(t.Context(), late), scope.ErrStale)
	s.holdsAs(t, quick)
	s.hasEventsOf(t, quick)
	assert.True(t, s.Changed(late), "an unsaved change stays unsaved")
}

func existingIdentity[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.saved(t, "a")
	require.ErrorIs(t, s.Save(t.Context(), s.created(t, "a")), scope.ErrAlreadyExists)
	s.hasEventsOf(t, a)
	require.NoError(t, s.Delete(a, fixture.Stamp()))
	s.save(t, a)
	require.ErrorIs(t, s.Save(t.Context(), s.created(t, "a")), scope.ErrAlreadyExists)
	s.hasEventsOf(t, a)
	s.save(t, s.created(t, "b"))
}

func oneCreatorSucceeds[A Aggregate](t *testing.T, s VersionedStore[A]) {
	creations := make([]A, writers)
	for i := range creations {
		creations[i] = s.created(t, "a")
	}
	var succeeded []A
	for i, err := range together(writers, func(i int) error { return s.Save(t.Context(), creations[i]) }) {
		if err == nil {
			succeeded = append(succeeded, creations[i])
			continue
		}
		require.ErrorIs(t, err, scope.ErrAlreadyExists)
	}
	require.Len(t, succeeded, 1)
	s.holdsAs(t, succeeded...)
	s.hasEventsOf(t, succeeded...)
}

func writersAllSucceed[A Aggregate](t *testing.T, s VersionedStore[A]) {
	a := s.saved(t, "a")
	made := make([]scope.Version, writers)
	errs := together(writers, func(i int) (err error) {
		made[i], err = s.changeUntilSaved(t.Context(), s.ID(a), strconv.Itoa(i))
		return err
	})
	require.NoError(t, errors.Join(errs...))
	slices.Sort(made)
	assert.Len(t, slices.Compact(made), writers)
	last := s.find(t, a)
	assert.Equal(t, made[writers-1], last.Version())
	s.hasEventsOf(t, last)
}

func (s VersionedStore[A]) changeUntilSaved(ctx context.Context, id int64, text string) (scope.Version, error) {
	for {
		a, err := s.Find(ctx, id)
		if err != nil {
			return 0, err
		}
		if err := s.Change(a, text, fixture.Stamp()); err != nil {
			return 0, err
		}
		err = s.Save(ctx, a)
		if !errors.Is(err, scope.ErrStale) {
			return a.Version(), err
		}
	}
}

func staleFailsAlone[A Aggregate](t *testing.T, s VersionedStore[A]) {
	contested := s.saved(t, "contested")
	late, quick := s.changed(t, contested, "late"), s.changed(t, contested, "quick")
	s.save(t, quick)
	all := []A{late}
	for i := range writers - 1 {
		all = append(all, s.created(t, "row-"+strconv.Itoa(i)))
	}
	errs := together(writers, func(i int) error { return s.Save(t.Context(), all[i]) })
	require.ErrorIs(t, errs[0], scope.ErrStale)
	require.NoError(t, errors.Join(errs[1:]...))
	s.holdsAs(t, all[1:]...)
	s.hasEventsOf(t, append(all[1:], quick)...)
}

// FailCommits makes every commit that stores an event fail, after all statements of
// its transaction have succeeded, until heal is called. On PostgreSQL that is a
// deferred constraint trigger that raises, on SQLite a deferred foreign key.
type FailCommits func(t *testing.T) (heal func())

const (
	failedCommit          = "a commit that fails is an error, and stores and marks nothing"
	failedCommitOfSeveral = "a commit of several that fails is an error, and stores and marks nothing"
)

func versionedCommitting[A Aggregate]() []behaviour[VersionedStore[A]] {
	return []behaviour[VersionedStore[A]]{
		{failedCommit, func(t *testing.T, s VersionedStore[A]) {
			savedAfterFailure(t, s, func(all ...A) {
				for _, a := range all {
					require.Error(t, s.Save(t.Context(), a))
				}
			})
		}},
		{failedCommitOfSeveral, func(t *testing.T, s VersionedStore[A]) {
			savedAfterFailure(t, s, func(all ...A) { require.Error(t, s.Save(t.Context(), all...)) })
		}},
	}
}

// savedAfterFailure makes commits fail, and succeed after that.
func savedAfterFailure[A Aggregate](t *testing.T, s VersionedStore[A], fail func(all ...A)) {
	t.Helper()
	old, kept, gone := s.saved(t, "old"), s.saved(t, "kept"), s.saved(t, "gone")
	require.NoError(t, s.Delete(gone, fixture.Stamp()))
	s.save(t, gone)
	heal := s.FailCommits(t)
	changed, created := s.changed(t, old, "lost"), s.created(t, "new")
	deleted, revived := s.find(t, kept), s.find(t, gone)
	require.NoError(t, s.Delete(deleted, fixture.Stamp()))
	s.Recreate(t, revived, fixture.Stamp())
	unsaved := []A{changed, created, deleted, revived}
	versions := make([]scope.Version, len(unsaved))
	for i, a := range unsaved {
		versions[i] = a.Version()
	}
	fail(unsaved...)
	for i, a := range unsaved {
		assert.True(t, s.Changed(a))
		assert.NotEmpty(t, a.PendingEvents())
		assert.Equal(t, versions[i], a.Version())
	}
	assert.Zero(t, s.ID(created))
	s.holdsAs(t, old, kept, gone)
	s.hasNone(t, created)
	s.hasEventsOf(t, old, kept, gone)
	heal()
	for _, a := range unsaved {
		s.save(t, a)
	}
	s.holdsAs(t, unsaved...)
}
