package auditapp_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// filled returns a log of one entry a second.
func filled(t *testing.T, count int) bundle {
	t.Helper()
	b := setup(t, false)
	for n := range count {
		require.NoError(t, reveal(b, strconv.Itoa(n)))
		b.clock.Move(time.Second)
	}
	require.Len(t, b.all(t), count)
	return b
}

func TestPrune(t *testing.T) {
	t.Parallel()
	b, admin := filled(t, 5), fixture.Operator()
	out, err := b.Prune(t.Context(), scope.System(), fixture.Noon())
	require.NoError(t, err)
	assert.Zero(t, out, "nothing is older")
	out, err = b.Prune(t.Context(), scope.System(), fixture.Noon().Add(3*time.Second))
	require.NoError(t, err)
	assert.Equal(t, []int64{3, 3}, []int64{out.Removed, out.Start.Sequence})
	assert.False(t, out.More)
	entries := b.all(t)
	require.Len(t, entries, 3)
	assert.Equal(t, "audit.pruned", entries[2].Action)
	assert.Equal(t, scope.System(), entries[2].Actor)
	assert.Equal(t, map[string]string{
		"first_sequence": "1", "last_sequence": "3", "last_hash": out.Start.Text(), "before": "2026-11-23T12:00:03Z",
	}, entries[2].Facts)

	verified, err := b.Verify(t.Context(), admin, 0, 0)
	require.NoError(t, err)
	assert.Nil(t, verified.Broken)
	assert.Equal(t, []int64{4, 6, 3}, []int64{verified.From, verified.To, verified.Checked()})
	assert.Equal(t, out.Start, verified.Start)
	_, err = b.Verify(t.Context(), admin, 3, 0)
	require.ErrorIs(t, err, fault.ErrInvalid, "a part that was removed cannot be verified")
	exported, err := b.Export(t.Context(), admin, 0)
	require.NoError(t, err)
	assert.Equal(t, out.Start, exported.Before)
	assert.Len(t, exported.Entries, 3)
	_, err = b.Export(t.Context(), admin, 3)
	require.ErrorIs(t, err, fault.ErrInvalid)
	again, err := b.Prune(t.Context(), scope.System(), fixture.Noon().Add(3*time.Second))
	require.NoError(t, err)
	assert.Zero(t, again.Removed)
}

// TestPruneInParts removes more entries than one call does.
func TestPruneInParts(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	const count = auditapp.PruneBatch + 5
	for n := range count {
		require.NoError(t, b.trail.Add(t.Context(), audit.Record{
			At: fixture.Noon(), Action: "a", Outcome: audit.Done, Count: 1, RequestID: strconv.Itoa(n),
		}))
	}
	require.Len(t, b.all(t), count)
	before := fixture.Noon().Add(time.Second)
	out, err := b.Prune(t.Context(), scope.System(), before)
	require.NoError(t, err)
	assert.Equal(t, int64(auditapp.PruneBatch), out.Removed)
	assert.True(t, out.More)
	out, err = b.Prune(t.Context(), scope.System(), before)
	require.NoError(t, err)
	assert.Equal(t, int64(5), out.Removed)
	assert.False(t, out.More)
}

// TestPruneOfABrokenLog changes an entry, which then stays.
func TestPruneOfABrokenLog(t *testing.T) {
	t.Parallel()
	b := filled(t, 5)
	b.trail.Tamper(func(list []audit.Stored) { list[1].Hash[0]++ })
	_, err := b.Prune(t.Context(), scope.System(), fixture.Noon().Add(time.Hour))
	require.ErrorIs(t, err, audit.ErrBroken)
	require.ErrorContains(t, err, "entry 2 (hash)")
	assert.Len(t, b.all(t), 5)
}

// TestRowsBesideTheLog adds rows before the start and beyond the end.
func TestRowsBesideTheLog(t *testing.T) {
	t.Parallel()
	b, admin := filled(t, 5), fixture.Operator()
	for _, row := range []struct {
		strays   []int64
		from, to int64
		want     *audit.Broken
	}{
		{strays: []int64{0}, want: &audit.Broken{Sequence: 0, Reason: "inserted"}},
		{strays: []int64{-7, 9}, want: &audit.Broken{Sequence: -7, Reason: "inserted"}},
		{strays: []int64{-7}, from: 2, want: nil},
		{strays: []int64{6}, want: &audit.Broken{Sequence: 6, Reason: "inserted"}},
		{strays: []int64{1 << 62}, from: 3, want: &audit.Broken{Sequence: 1 << 62, Reason: "inserted"}},
		{strays: []int64{6}, to: 4, want: nil},
	} {
		b.trail.Strays(row.strays...)
		verified, err := b.Verify(t.Context(), admin, row.from, row.to)
		require.NoError(t, err)
		assert.Equal(t, row.want, verified.Broken, "%v", row)
	}
}

// TestVerifyOfAnEmptyLog says that nothing was checked.
func TestVerifyOfAnEmptyLog(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	verified, err := b.Verify(t.Context(), fixture.Operator(), 0, 0)
	require.NoError(t, err)
	assert.Nil(t, verified.Broken)
	assert.Zero(t, verified.Checked())
	_, err = b.Verify(t.Context(), fixture.Operator(), 1, 0)
	require.ErrorIs(t, err, fault.ErrInvalid)
}
