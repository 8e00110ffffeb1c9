package contract

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

func sweepingBehaviours() []behaviour[LeaseStore] {
	return []behaviour[LeaseStore]{
		{"a store is Fresh until its first sweep, and not after", freshOnce},
		{"Since is the time from the last sweep, by whichever sweeper", sinceLast},
		{"one sweeper at a time has the turn", oneSweeper},
		{"the turn is anyone's when its sweeper has not called for SweepTerm", turnPasses},
		{"of 16 who sweep at the same time one has the turn", oneOfManySweepers},
		{"overdue leases are found in the order of their ends, at most limit", overdueInOrder},
		{"leases to remove are found in the order of their removals, at most limit", removableInOrder},
		{"what is due is found again until something is done about it", foundAgain},
		{"a lease is found by its end, however often it was renewed", foundByItsEnd},
		{"1,000 leases that end at once are all found, limit by limit", foundInParts},
	}
}

func freshOnce(t *testing.T, s LeaseStore) {
	s.grant(t, running(held(t, "a", 1), lasting))
	first := s.sweep(t)
	assert.True(t, first.Emptied)
	assert.Zero(t, first.Since)
	second := s.sweep(t)
	assert.False(t, second.Emptied)
	assert.Equal(t, second.Now.Sub(first.Now), second.Since)
}

func sinceLast(t *testing.T, s LeaseStore) {
	before := s.sweep(t)
	for _, sweeper := range []string{"only", "another", "only"} {
		s.Advance(registry.ElectionTerm)
		swept, err := s.Due(t.Context(), sweeper, sweepLimit)
		require.NoError(t, err)
		require.True(t, swept.Elected)
		assert.False(t, swept.Emptied)
		assert.GreaterOrEqual(t, swept.Since, registry.ElectionTerm)
		assert.Equal(t, swept.Now.Sub(before.Now), swept.Since)
		before = swept
	}
}

func oneSweeper(t *testing.T, s LeaseStore) {
	s.grant(t, running(held(t, "a", 1), brief), ended(held(t, "b", 1), brief))
	s.Advance(brief)
	first := s.sweep(t)
	swept, err := s.Due(t.Context(), "another", sweepLimit)
	require.NoError(t, err)
	assert.Equal(t, registry.DueLeases{}, swept)
	second := s.sweep(t)
	assert.Equal(t, second.Now.Sub(first.Now), second.Since, "one who has no turn has not swept")
	assert.Equal(t, first.Overdue, second.Overdue)
	assert.Equal(t, first.Removable, second.Removable)
}

func turnPasses(t *testing.T, s LeaseStore) {
	s.sweep(t)
	s.Advance(registry.ElectionTerm * 3 / 5)
	s.sweep(t)
	s.Advance(registry.ElectionTerm * 3 / 5)
	swept, err := s.Due(t.Context(), "another", sweepLimit)
	require.NoError(t, err)
	assert.False(t, swept.Elected, "a call lengthens the turn")
	s.Advance(registry.ElectionTerm)
	swept, err = s.Due(t.Context(), "another", sweepLimit)
	require.NoError(t, err)
	assert.True(t, swept.Elected)
	swept, err = s.Due(t.Context(), "only", sweepLimit)
	require.NoError(t, err)
	assert.False(t, swept.Elected)
}

func oneOfManySweepers(t *testing.T, s LeaseStore) {
	sweeps := make([]registry.DueLeases, writers)
	for _, err := range together(writers, func(i int) (err error) {
		sweeps[i], err = s.Due(t.Context(), "sweeper "+string(rune('a'+i)), sweepLimit)
		return err
	}) {
		require.NoError(t, err)
	}
	turns := 0
	for _, swept := range sweeps {
		if swept.Elected {
			assert.True(t, swept.Emptied)
			turns++
		}
	}
	assert.Equal(t, 1, turns)
}

// step is far enough between two leases to say which of them ends first.
const step = 300 * time.Millisecond

func overdueInOrder(t *testing.T, s LeaseStore) {
	s.grant(t, running(held(t, "b", 1), 5*step), running(held(t, "a", 1), 4*step), running(held(t, "d", 1), 3*step),
		running(held(t, "c", 1), 2*step), running(held(t, "late", 1), lasting), running(held(t, "e", 1), step))
	s.Advance(5 * step)
	assert.Equal(t, "e@1 c@1 d@1 a@1 b@1", s.overdue(t))
	swept, err := s.Due(t.Context(), "only", 2)
	require.NoError(t, err)
	assert.Equal(t, "e@1 c@1", leasesText(swept.Overdue))
	assert.Less(t, swept.Overdue[0].Ends, swept.Overdue[1].Ends)
}

func removableInOrder(t *testing.T, s LeaseStore) {
	s.grant(t, ended(held(t, "b", 1), 4*step), ended(held(t, "d", 1), 3*step), ended(held(t, "c", 1), 2*step),
		ended(held(t, "late", 1), lasting), ended(held(t, "e", 1), step), running(held(t, "overdue", 1), step))
	s.Advance(4 * step)
	assert.Equal(t, "e@1 c@1 d@1 b@1", s.removable(t))
	swept, err := s.Due(t.Context(), "only", 2)
	require.NoError(t, err)
	assert.Equal(t, "e@1 c@1", leasesText(swept.Removable))
	assert.Equal(t, "overdue@1", leasesText(swept.Overdue), "each kind has the limit for itself")
	assert.Less(t, swept.Removable[0].Ends, swept.Removable[1].Ends)
}

func foundAgain(t *testing.T, s LeaseStore) {
	s.grant(t, running(held(t, "a", 1), brief), ended(held(t, "b", 1), brief))
	s.Advance(brief)
	for range 3 {
		swept := s.sweep(t)
		assert.Equal(t, "a@1", leasesText(swept.Overdue))
		assert.Equal(t, "b@1", leasesText(swept.Removable))
		s.Advance(brief)
	}
}

func foundByItsEnd(t *testing.T, s LeaseStore) {
	s.grant(t, running(held(t, "a", 1), step), running(held(t, "b", 1), 2*step), running(held(t, "c", 1), 3*step))
	s.Advance(3 * step)
	require.Equal(t, "a@1 b@1 c@1", s.overdue(t))
	s.renew(t, heartbeat(t, "c", 1), heartbeat(t, "b", 1), heartbeat(t, "a", 1), heartbeat(t, "a", 1))
	s.Advance(4 * step)
	assert.Equal(t, "a@1 b@1 c@1", s.overdue(t))
	s.renew(t, heartbeat(t, "c", 1))
	s.renew(t, heartbeat(t, "a", 1))
	s.Advance(4 * step)
	assert.Equal(t, "b@1 a@1 c@1", s.overdue(t))
}

func foundInParts(t *testing.T, s LeaseStore) {
	grants := make([]registry.Grant, 1000)
	for i := range grants {
		grants[i] = running(held(t, strconv.Itoa(i*7919%len(grants)), 1), brief)
	}
	s.grant(t, grants...)
	s.Advance(brief)
	seen := map[registry.LeaseKey]bool{}
	before := registry.Instant(0)
	for range len(grants) / sweepLimit {
		found := s.sweep(t).Overdue
		require.Len(t, found, sweepLimit)
		endings := make([]registry.Lease, len(found))
		for i, l := range found {
			require.GreaterOrEqual(t, l.Ends, before)
			endings[i], before, seen[l.LeaseKey] = l, l.Ends, true
		}
		assert.NotContains(t, s.end(t, endings...), false)
	}
	assert.Len(t, seen, len(grants))
	assert.Empty(t, s.overdue(t))
}
