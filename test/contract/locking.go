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

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func lockingBehaviours() []behaviour[Stored] {
	return []behaviour[Stored]{
		{"saving an old version is ErrStale and changes nothing", oldVersionIsStale},
		{"a new configuration of a taken identity is ErrAlreadyExists", takenIdentity},
		{"an identity stays taken when its configuration is deleted", deletedStaysTaken},
		{"of 16 creators of one identity one succeeds", oneCreatorSucceeds},
		{"16 writers who try again all succeed, each with a version", writersAllSucceed},
		{"16 writers of different rows all succeed, and a failing one among them fails alone", failingOneFailsAlone},
	}
}

// writers is how many write at once.
const writers = 16

func oldVersionIsStale(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	s.save(t, c)
	quick, late := updated(t, s, c.ID(), "quick"), updated(t, s, c.ID(), "late")
	s.save(t, quick)
	require.ErrorIs(t, s.Repository.Save(t.Context(), late), configuration.ErrStale)
	assert.Equal(t, quick.State(), s.find(t, c.ID()).State())
	assert.Equal(t, []configuration.Version{2, 1}, s.versions(t, c.ID()))
	assert.Len(t, s.events(t), 2)
	assert.NotEmpty(t, late.Unsaved().Entries, "what was not saved stays unsaved")
}

func takenIdentity(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	s.save(t, c)
	require.ErrorIs(t, s.Repository.Save(t.Context(), fixture.Configuration(t)), configuration.ErrAlreadyExists)
	assert.Len(t, s.events(t), 1)
	s.save(t, fixture.Configuration(t, fixture.In("staging", "shop")), fixture.Configuration(t, fixture.In("production", "other")))
}

func deletedStaysTaken(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	s.save(t, c)
	require.NoError(t, c.Delete(fixture.Stamp()))
	s.save(t, c)
	require.ErrorIs(t, s.Repository.Save(t.Context(), fixture.Configuration(t)), configuration.ErrAlreadyExists)
}

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

func oneCreatorSucceeds(t *testing.T, s Stored) {
	creations := make([]*configuration.Configuration, writers)
	for i := range creations {
		creations[i] = fixture.Configuration(t)
	}
	succeeded := 0
	for _, err := range together(writers, func(i int) error { return s.Repository.Save(t.Context(), creations[i]) }) {
		if err == nil {
			succeeded++
			continue
		}
		require.ErrorIs(t, err, configuration.ErrAlreadyExists)
	}
	assert.Equal(t, 1, succeeded)
	assert.Len(t, s.events(t), 1)
}

func writersAllSucceed(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	s.save(t, c)
	made := make([]configuration.Version, writers)
	drafts := make([]configuration.Draft, writers)
	for i := range drafts {
		drafts[i] = fixture.Draft(t, "value "+strconv.Itoa(i))
	}
	errs := together(writers, func(i int) error {
		version, err := untilSaved(t.Context(), s, c.ID(), drafts[i])
		made[i] = version
		return err
	})
	require.NoError(t, errors.Join(errs...))
	slices.Sort(made)
	for i, version := range made {
		assert.Equal(t, configuration.Version(i+2), version)
	}
	assert.Len(t, s.versions(t, c.ID()), writers+1)
	assert.Len(t, s.events(t), writers+1)
}

func untilSaved(
	ctx context.Context, s Stored, id configuration.ID, draft configuration.Draft,
) (configuration.Version, error) {
	for {
		c, err := s.Repository.Find(ctx, id)
		if err != nil {
			return 0, err
		}
		if _, err := c.Update(draft, fixture.Stamp()); err != nil {
			return 0, err
		}
		err = s.Repository.Save(ctx, c)
		if !errors.Is(err, configuration.ErrStale) {
			return c.Version(), err
		}
	}
}

func failingOneFailsAlone(t *testing.T, s Stored) {
	c := fixture.Configuration(t, fixture.Key("contested"))
	s.save(t, c)
	late := updated(t, s, c.ID(), "late")
	s.save(t, updated(t, s, c.ID(), "quick"))
	all := []*configuration.Configuration{late}
	for i := range writers - 1 {
		all = append(all, fixture.Configuration(t, fixture.Key("row-"+strconv.Itoa(i))))
	}
	errs := together(writers, func(i int) error { return s.Repository.Save(t.Context(), all[i]) })
	require.ErrorIs(t, errs[0], configuration.ErrStale)
	require.NoError(t, errors.Join(errs[1:]...))
	for _, saved := range all[1:] {
		assert.Equal(t, saved.State(), s.find(t, saved.ID()).State())
	}
	assert.Len(t, s.events(t), writers+1)
}
