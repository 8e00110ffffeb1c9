package contract

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
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
	// Data is everything else that the row holds, as text.
	Data string
}

// Repository holds a store to configuration.Repository and configuration.History,
// on empty ones that fresh returns.
func Repository(t *testing.T, fresh func(*testing.T) Stored, without Without) {
	t.Helper()
	run(t, repositorySuite(), fresh, without)
}

func repositorySuite() []behaviour[Stored] {
	return slices.Concat(damagedConfigurationBehaviours(), savingBehaviours(), lockingBehaviours(), listingBehaviours(), partBehaviours(), historyBehaviours(),
		sealingBehaviours(), committingBehaviours(), markingBehaviours())
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
	entries, total, err := wholeHistory(t, s.History, id, 1000, 0)
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
