package notetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/examplemodule/note"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// Stored is a store of notes under test.
type Stored struct {
	Repository  note.Repository
	History     note.History
	Outbox      func(ctx context.Context) ([]contract.Event, error)
	FailCommits contract.FailCommits
}

// Contract holds a store to note.Repository and note.History, on empty ones that fresh
// returns.
func Contract(t *testing.T, fresh func(*testing.T) Stored, without contract.Without) {
	t.Helper()
	contract.Versioned(t, func(t *testing.T) contract.VersionedStore[*note.Note] {
		t.Helper()
		return fresh(t).versioned()
	}, without)
}

// Behaviours lists what the port promises.
func Behaviours() []string {
	return contract.VersionedBehaviours[*note.Note]("note.Repository and History")
}

func (s Stored) versioned() contract.VersionedStore[*note.Note] {
	v := contract.StoreOf(s.Repository, s.History, func(e note.Entry) versioned.Entry[note.ID] { return e.Entry })
	v.AggregateType, v.NotFound = note.AggregateType, note.ErrNotFound
	v.Outbox, v.FailCommits = s.Outbox, s.FailCommits
	v.State = func(n *note.Note) any { return n.State() }
	v.New = Note
	v.Change = (*note.Note).Update
	v.Delete = (*note.Note).Delete
	v.Recreate = func(t *testing.T, n *note.Note, stamp scope.Stamp) {
		t.Helper()
		require.NoError(t, n.Recreate("again", stamp))
	}
	return v
}

// Note returns an unsaved note of production.
func Note(t *testing.T, name string, stamp scope.Stamp) *note.Note {
	t.Helper()
	parsed, err := scope.ParseFlagName(name)
	require.NoError(t, err)
	return note.New(note.Identity{Environment: fixture.Production(t), Name: parsed}, "first", stamp)
}
