package contract

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// Stored is a store of configurations under test.
type Stored struct {
	Repository configuration.Repository
	History    configuration.History
	// Outbox returns the events of all that was saved, in the order of their ids.
	Outbox func(ctx context.Context) ([]Event, error)
	// Damage makes rows break a rule.
	Damage Damage
	// FailCommits is nil where no commit can fail.
	FailCommits FailCommits
}

// Event is a row of the outbox.
type Event struct {
	ID               string
	Type             string
	AggregateType    string
	AggregateID      int64
	AggregateVersion int64
	Environment      string
	ServiceName      string
	// Data is the other columns of the row, as text.
	Data string
}

// Repository tests a store of configurations against its ports, on empty ones that fresh
// returns.
func Repository(t *testing.T, fresh func(*testing.T) Stored, without Without) {
	t.Helper()
	run(t, repositorySuite(), fresh, without)
}

func repositorySuite() []behaviour[Stored] {
	return slices.Concat(
		through(versionedSuite[*configuration.Configuration](), Stored.versioned),
		through(versionedHistorySuite[*configuration.Configuration](), Stored.versioned),
		damagedConfigurationBehaviours(), savingBehaviours(), listingBehaviours(), partBehaviours(), historyBehaviours(),
		sealingBehaviours())
}

// versioned returns the store as one of versioned aggregates.
func (s Stored) versioned() VersionedStore[*configuration.Configuration] {
	v := StoreOf(s.Repository, s.History, func(e configuration.HistoryEntry) versioned.Entry[configuration.ID] {
		return e.Entry
	})
	v.AggregateType, v.NotFound = configuration.AggregateType, configuration.ErrNotFound
	v.Outbox, v.FailCommits = s.Outbox, s.FailCommits
	v.State = func(c *configuration.Configuration) any { return c.State() }
	v.New = func(t *testing.T, name string, stamp scope.Stamp) *configuration.Configuration {
		t.Helper()
		return fixture.Configuration(t, fixture.Key(name), fixture.Stamped(stamp))
	}
	v.Change = func(c *configuration.Configuration, text string, stamp scope.Stamp) error {
		value, err := configuration.ParseValue(text)
		if err != nil {
			return err
		}
		_, err = c.Update(configuration.Draft{Content: configuration.Plain(value)}, stamp)
		return err
	}
	v.Delete = (*configuration.Configuration).Delete
	v.Recreate = func(t *testing.T, c *configuration.Configuration, stamp scope.Stamp) {
		t.Helper()
		require.NoError(t, c.Recreate(fixture.Draft(t, "again"), stamp))
	}
	return v
}

// save stores and fails the test if that does not succeed.
func (s Stored) save(t *testing.T, cs ...*configuration.Configuration) {
	t.Helper()
	require.NoError(t, s.Repository.Save(t.Context(), cs...))
}

// find loads and fails the test if that does not succeed.
func (s Stored) find(t *testing.T, id configuration.ID) *configuration.Configuration {
	t.Helper()
	c, err := s.Repository.Find(t.Context(), id)
	require.NoError(t, err)
	return c
}

// versions returns the versions in the history, newest first.
func (s Stored) versions(t *testing.T, id configuration.ID) []configuration.Version {
	t.Helper()
	entries, total, err := allEntries(t, s.History, id, 1000, 0)
	require.NoError(t, err)
	assert.Len(t, entries, total)
	list := make([]configuration.Version, len(entries))
	for i, e := range entries {
		list[i] = e.Version
	}
	return list
}

// events returns the outbox.
func (s Stored) events(t *testing.T) []Event {
	t.Helper()
	events, err := s.Outbox(t.Context())
	require.NoError(t, err)
	return events
}
