package auditapp_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// process returns another process on the same log and backlog.
func (b bundle) process(stream string, backlog *fixture.Backlog, strict bool) bundle {
	b.Service = auditapp.New(auditapp.Dependencies{
		Trail: b.trail, Modules: fixture.Modules(), Clock: b.clock, Backlog: backlog, Stream: stream, StrictReveals: strict,
	})
	return b
}

// revealed reveals names, a second each, and flushes after each.
func (b bundle) revealed(t *testing.T, want error, names ...string) {
	t.Helper()
	for _, name := range names {
		require.NoError(t, reveal(b, name))
		b.clock.Move(time.Second)
		require.ErrorIs(t, b.Flush(t.Context(), false), want)
	}
}

// names returns the names of the resources in the log.
func (b bundle) names(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, e := range b.all(t) {
		names = append(names, e.Resource.Name)
	}
	return names
}

// TestBacklog reveals while the database is away, restarts twice, and finds each reveal
// once, in their order.
func TestBacklog(t *testing.T) {
	t.Parallel()
	backlog := fixture.NewBacklog(100)
	b := setup(t, false).process("one", backlog, false)
	b.revealed(t, nil, "a", "b")
	b.trail.Fail(true)
	b.revealed(t, fault.ErrUnavailable, "c", "d")
	assert.Equal(t, 2, backlog.Count())
	assert.Zero(t, b.Unstored())
	b = b.process("two", backlog, false)
	b.revealed(t, fault.ErrUnavailable, "e")
	require.NoError(t, reveal(b, "f"))
	require.ErrorIs(t, b.Flush(t.Context(), true), fault.ErrUnavailable, "the stop")
	assert.Equal(t, 4, backlog.Count())
	b = b.process("three", backlog, false)
	b.trail.Fail(false)
	b.revealed(t, nil, "g")
	assert.Zero(t, backlog.Count())
	assert.Equal(t, []string{"a", "b", "c", "d", "e", "f", "g"}, b.names(t))
}

// TestUnknownOutcomes stores records whose acknowledgement is lost.
func TestUnknownOutcomes(t *testing.T) {
	t.Parallel()
	for name, backlog := range map[string]*fixture.Backlog{"memory": fixture.NewBacklog(0), "backlog": fixture.NewBacklog(9)} {
		b := setup(t, false).process("one", backlog, false)
		b.trail.Unanswer(true)
		b.revealed(t, fault.ErrUnavailable, "a", "b")
		b = map[string]func() bundle{
			"memory": func() bundle { return b }, "backlog": func() bundle { return b.process("two", backlog, false) },
		}[name]()
		b.trail.Unanswer(false)
		b.revealed(t, nil, "c")
		assert.Equal(t, []string{"a", "b", "c"}, b.names(t), name)
	}
}

// TestFullBacklog fills the backlog, then the memory; only then values are not revealed.
func TestFullBacklog(t *testing.T) {
	t.Parallel()
	backlog := fixture.NewBacklog(60)
	b := setup(t, false).process("one", backlog, false)
	b.trail.Fail(true)
	n := 0
	for ; n < 20_000; n++ {
		if err := reveal(b, strconv.Itoa(n)); err != nil {
			require.ErrorIs(t, err, access.ErrUnaudited)
			break
		}
		if n%100 == 0 {
			b.clock.Move(time.Second)
			require.ErrorIs(t, b.Flush(t.Context(), false), fault.ErrUnavailable)
		}
	}
	assert.Equal(t, 10_000+backlog.Count(), n)
	assert.Positive(t, backlog.Count())
	b.trail.Fail(false)
	names := b.names(t)
	require.Len(t, names, n, "nothing is lost")
	require.NoError(t, reveal(b, "later"))
}

// TestStrictRevealsWithBacklog refuses although the backlog has place.
func TestStrictRevealsWithBacklog(t *testing.T) {
	t.Parallel()
	b := setup(t, false).process("one", fixture.NewBacklog(100), true)
	b.trail.Fail(true)
	b.revealed(t, fault.ErrUnavailable, "a")
	b.clock.Move(auditapp.MaxUnstored)
	require.ErrorIs(t, reveal(b, "b"), access.ErrUnaudited)
	b.trail.Fail(false)
	require.NoError(t, b.Flush(t.Context(), false))
	require.NoError(t, reveal(b, "c"))
}

// TestDamagedBacklog counts records that are unreadable.
func TestDamagedBacklog(t *testing.T) {
	t.Parallel()
	backlog := fixture.NewBacklog(100)
	b := setup(t, false).process("one", backlog, false)
	b.trail.Fail(true)
	b.revealed(t, fault.ErrUnavailable, "a", "b")
	backlog.Damage()
	b.trail.Fail(false)
	require.NoError(t, b.Flush(t.Context(), true))
	entries := b.all(t)
	require.Len(t, entries, 2)
	assert.Equal(t, "b", entries[0].Resource.Name)
	assert.Equal(t, "audit.dropped", entries[1].Action)
	assert.Equal(t, int64(1), entries[1].Count)
}

// TestBrokenDisk cannot use the backlog, neither while the database is away nor later.
func TestBrokenDisk(t *testing.T) {
	t.Parallel()
	broken := errors.New("input/output error")
	backlog := fixture.NewBacklog(100)
	b := setup(t, false).process("one", backlog, false)
	b.trail.Fail(true)
	b.revealed(t, fault.ErrUnavailable, "a")
	backlog.AppendErr = broken
	b.revealed(t, fault.ErrUnavailable, "b")
	require.ErrorIs(t, b.Flush(t.Context(), false), broken)
	assert.Equal(t, 1, b.Unstored())
	b.trail.Fail(false)
	backlog.NextErr = broken
	require.ErrorIs(t, b.Flush(t.Context(), false), broken, "it is reported")
	assert.Zero(t, b.Unstored(), "and does not stop what is in memory")
	backlog.NextErr, backlog.AppendErr = nil, nil
	b.revealed(t, nil, "c")
	assert.Equal(t, []string{"b", "a", "c"}, b.names(t), "what the disk has is not lost")
}
