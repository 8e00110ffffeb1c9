package contract

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// FailCommits makes every commit that stores an event fail, after all statements of
// its transaction have succeeded, until heal is called. On PostgreSQL that is a
// deferred constraint trigger that raises, on SQLite a deferred foreign key.
type FailCommits func(t *testing.T) (heal func())

func committingBehaviours() []behaviour[Stored] {
	return []behaviour[Stored]{
		{"a commit that fails is an error, and stores and marks nothing", failedCommit},
		{"a commit of several that fails is an error, and stores and marks nothing", failedCommitOfSeveral},
	}
}

func failedCommit(t *testing.T, s Stored) {
	old := fixture.Configuration(t, fixture.Key("old"))
	s.save(t, old)
	heal := s.FailCommits(t)
	changed, created := updated(t, s, old.ID(), "lost"), fixture.Configuration(t, fixture.Key("new"))
	for _, c := range []*configuration.Configuration{changed, created} {
		version := c.Version()
		require.Error(t, s.Repository.Save(t.Context(), c))
		assert.Len(t, c.Unsaved().Entries, 1)
		assert.Len(t, c.PendingEvents(), 1)
		assert.Equal(t, version, c.Version())
	}
	assert.Zero(t, created.ID())
	assert.Equal(t, old.State(), s.find(t, old.ID()).State())
	onlyThese(t, s, old.ID(), 1)
	heal()
	s.save(t, changed)
	s.save(t, created)
	assert.Equal(t, changed.State(), s.find(t, old.ID()).State())
	assert.Equal(t, created.State(), s.find(t, created.ID()).State())
}

func failedCommitOfSeveral(t *testing.T, s Stored) {
	old := fixture.Configuration(t, fixture.Key("old"))
	s.save(t, old)
	heal := s.FailCommits(t)
	all := []*configuration.Configuration{updated(t, s, old.ID(), "lost"), fixture.Configuration(t, fixture.Key("new"))}
	require.Error(t, s.Repository.Save(t.Context(), all...))
	for _, c := range all {
		assert.Len(t, c.Unsaved().Entries, 1)
	}
	onlyThese(t, s, old.ID(), 1)
	heal()
	s.save(t, all...)
}

func flagCommittingBehaviours() []behaviour[StoredFlags] {
	return []behaviour[StoredFlags]{{"a commit that fails is an error, and stores and marks nothing", failedFlagCommit}}
}

func failedFlagCommit(t *testing.T, s StoredFlags) {
	old := fixture.Flag(t, `{"name": "old"}`)
	s.save(t, old)
	heal := s.FailCommits(t)
	changed, created := s.find(t, old.ID()), fixture.Flag(t, `{"name": "new"}`)
	require.NoError(t, changed.Delete(fixture.Stamp()))
	for _, f := range []*flag.Flag{changed, created} {
		require.Error(t, s.Repository.Save(t.Context(), f))
		assert.Len(t, f.Unsaved().Entries, 1)
		assert.Len(t, f.PendingEvents(), 1)
	}
	assert.Zero(t, created.ID())
	same(t, old.State(), s.find(t, old.ID()).State())
	_, err := s.Repository.FindByIdentity(t.Context(), created.Identity())
	require.ErrorIs(t, err, flag.ErrNotFound)
	heal()
	s.save(t, changed)
	s.save(t, created)
	same(t, created.State(), s.find(t, created.ID()).State())
}

func serviceCommittingBehaviours() []behaviour[StoredServices] {
	return []behaviour[StoredServices]{
		{"a commit that fails is an error, and stores and marks nothing", failedServiceCommit},
	}
}

func failedServiceCommit(t *testing.T, s StoredServices) {
	old := s.saved(t, "old", "a")
	heal := s.FailCommits(t)
	changed, created := s.find(t, "old", "a"), registry.New(fixture.ServiceName(t, "new"))
	enroll(t, changed, "b")
	enroll(t, created, "a")
	for _, service := range []*registry.Service{changed, created} {
		require.Error(t, s.Save(t.Context(), service))
		assert.False(t, service.Unsaved().Empty())
		assert.NotEmpty(t, service.PendingEvents())
	}
	assert.Equal(t, old.State(), s.find(t, "old", "a").State())
	_, err := s.Find(t.Context(), fixture.ServiceName(t, "new"))
	require.ErrorIs(t, err, registry.ErrNotFound)
	heal()
	s.save(t, changed)
	s.save(t, created)
	assert.Equal(t, changed.State(), s.find(t, "old", "a", "b").State())
}
