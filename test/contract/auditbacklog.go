package contract

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/ports"
)

// Backlog is a backlog that a test can close and open again.
type Backlog struct {
	ports.AuditBacklog

	// Reopen returns the backlog of the next process.
	Reopen func(t *testing.T) Backlog
	// Full is how many of the records of the suite are more than have a place.
	Full int
}

// AuditBacklog tests an adapter against ports.AuditBacklog, on empty ones that fresh
// returns.
func AuditBacklog(t *testing.T, fresh func(*testing.T) Backlog, without Without) {
	t.Helper()
	run(t, backlogSuite(), fresh, without)
}

func backlogSuite() []behaviour[Backlog] {
	return []behaviour[Backlog]{
		{"records are returned in their order, by streams, until they are removed", backlogOrder},
		{"what is left is there after the next start", backlogRestart},
		{"a backlog that is full refuses records, and has place again when it was emptied", backlogFull},
	}
}

// numbers returns the ids of the resources of a batch, which tell its records apart.
func (b Backlog) numbers(t *testing.T, limit int) (stream string, first int64, ids []string) {
	t.Helper()
	batch, err := b.Next(limit)
	require.NoError(t, err)
	require.Zero(t, batch.Damaged)
	for _, r := range batch.Records {
		ids = append(ids, r.Resource.ID)
	}
	return batch.Stream, batch.First, ids
}

func (b Backlog) assertNext(t *testing.T, limit int, stream string, first int64, ids ...string) {
	t.Helper()
	s, f, found := b.numbers(t, limit)
	assert.Equal(t, ids, found)
	assert.Equal(t, stream, s)
	assert.Equal(t, first, f)
}

func backlogOrder(t *testing.T, b Backlog) {
	batch, err := b.Next(10)
	require.NoError(t, err)
	assert.True(t, batch.Empty())
	require.NoError(t, b.Remove())
	require.NoError(t, b.Append("one", 7))
	require.NoError(t, b.Append("one", 7, aRecord(7), aRecord(8), aRecord(9)))
	require.NoError(t, b.Append("one", 10, aRecord(10)))
	require.NoError(t, b.Append("one", 12, aRecord(12)))
	require.NoError(t, b.Append("two", 13, aRecord(13)))
	b.assertNext(t, 2, "one", 7, "7", "8")
	b.assertNext(t, 2, "one", 7, "7", "8")
	require.NoError(t, b.Remove())
	b.assertNext(t, 9, "one", 9, "9", "10")
	require.NoError(t, b.Remove())
	b.assertNext(t, 9, "one", 12, "12")
	batch, err = b.Next(9)
	require.NoError(t, err)
	assert.Equal(t, aRecord(12), batch.Records[0], "nothing of it is lost")
	require.NoError(t, b.Append("two", 14, aRecord(14)))
	require.NoError(t, b.Remove())
	b.assertNext(t, 9, "two", 13, "13", "14")
	require.NoError(t, b.Remove())
	batch, err = b.Next(9)
	require.NoError(t, err)
	assert.True(t, batch.Empty())
	require.NoError(t, b.Append("two", 15, aRecord(15)))
	b.assertNext(t, 9, "two", 15, "15")
}

func backlogRestart(t *testing.T, b Backlog) {
	require.NoError(t, b.Append("one", 1, aRecord(1), aRecord(2)))
	require.NoError(t, b.Append("one", 3, aRecord(3)))
	b = b.Reopen(t)
	b.assertNext(t, 9, "one", 1, "1", "2", "3")
	require.NoError(t, b.Append("two", 1, aRecord(4)))
	require.NoError(t, b.Remove())
	b.assertNext(t, 9, "two", 1, "4")
	require.NoError(t, b.Remove())
	b = b.Reopen(t)
	batch, err := b.Next(9)
	require.NoError(t, err)
	assert.True(t, batch.Empty())
}

func backlogFull(t *testing.T, b Backlog) {
	for n := 1; n < b.Full; n++ {
		require.NoError(t, b.Append("one", int64(n), aRecord(n%10)))
	}
	require.ErrorIs(t, b.Append("one", int64(b.Full), aRecord(1)), ports.ErrBacklogFull)
	_, _, ids := b.numbers(t, b.Full)
	assert.Len(t, ids, b.Full-1)
	require.NoError(t, b.Remove())
	require.NoError(t, b.Append("one", int64(b.Full), aRecord(1)))
}
