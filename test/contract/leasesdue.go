package contract

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

func dueBehaviours() []behaviour[LeaseStore] {
	return []behaviour[LeaseStore]{
		{"a store is Emptied until the first call of Due, and not after", emptiedOnce},
		{"Since is the time from the last call, by any replica", sinceLast},
		{"one replica at a time is elected", oneElected},
		{"an election ends when its replica has not called for ElectionTerm", electionEnds},
		{"of 16 concurrent replicas one is elected", oneOfManyElected},
		{"overdue leases are returned in the order of their ends, at most limit", overdueInOrder},
		{"removable leases are returned in the order of their removals, at most limit", removableInOrder},
		{"a lease is due until it is changed", dueAgain},
		{"a lease is due at its end, however often it was renewed", dueByEnd},
		{"1,000 leases with the same end are all returned, limit by limit", dueInParts},
	}
}

func emptiedOnce(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), lasting))
	first := s.due(t)
	assert.True(t, first.Emptied)
	assert.Zero(t, first.Since)
	second := s.due(t)
	assert.False(t, second.Emptied)
	assert.Equal(t, second.Now.Sub(first.Now), second.Since)
}

func sinceLast(t *testing.T, s LeaseStore) {
	before := s.due(t)
	for _, replica := range []string{"only", "another", "only"} {
		s.Advance(registry.ElectionTerm)
		due, err := s.Due(t.Context(), replica, dueLimit)
		require.NoError(t, err)
		require.True(t, due.Elected)
		assert.False(t, due.Emptied)
		assert.GreaterOrEqual(t, due.Since, registry.ElectionTerm)
		assert.Equal(t, due.Now.Sub(before.Now), due.Since)
		before = due
	}
}

func oneElected(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), brief), expired(leaseKey(t, "b", 1), brief))
	s.Advance(brief)
	first := s.due(t)
	due, err := s.Due(t.Context(), "another", dueLimit)
	require.NoError(t, err)
	assert.Equal(t, registry.DueLeases{}, due)
	second := s.due(t)
	assert.Equal(t, second.Now.Sub(first.Now), second.Since, "a replica that is not elected does not count")
	assert.Equal(t, first.Overdue, second.Overdue)
	assert.Equal(t, first.Removable, second.Removable)
}

func electionEnds(t *testing.T, s LeaseStore) {
	s.due(t)
	s.Advance(registry.ElectionTerm * 3 / 5)
	s.due(t)
	s.Advance(registry.ElectionTerm * 3 / 5)
	due, err := s.Due(t.Context(), "another", dueLimit)
	require.NoError(t, err)
	assert.False(t, due.Elected, "a call extends the election")
	s.Advance(registry.ElectionTerm)
	due, err = s.Due(t.Context(), "another", dueLimit)
	require.NoError(t, err)
	assert.True(t, due.Elected)
	due, err = s.Due(t.Context(), "only", dueLimit)
	require.NoError(t, err)
	assert.False(t, due.Elected)
}

func oneOfManyElected(t *testing.T, s LeaseStore) {
	results := make([]registry.DueLeases, writers)
	for _, err := range together(writers, func(i int) (err error) {
		results[i], err = s.Due(t.Context(), "replica "+string(rune('a'+i)), dueLimit)
		return err
	}) {
		require.NoError(t, err)
	}
	turns := 0
	for _, due := range results {
		if due.Elected {
			assert.True(t, due.Emptied)
			turns++
		}
	}
	assert.Equal(t, 1, turns)
}

// step is long enough to order the ends of two leases.
const step = 300 * time.Millisecond

func overdueInOrder(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "b", 1), 5*step), running(leaseKey(t, "a", 1), 4*step), running(leaseKey(t, "d", 1), 3*step),
		running(leaseKey(t, "c", 1), 2*step), running(leaseKey(t, "late", 1), lasting), running(leaseKey(t, "e", 1), step))
	s.Advance(5 * step)
	assert.Equal(t, "e@1 c@1 d@1 a@1 b@1", s.overdue(t))
	due, err := s.Due(t.Context(), "only", 2)
	require.NoError(t, err)
	assert.Equal(t, "e@1 c@1", leasesText(due.Overdue))
	assert.Less(t, due.Overdue[0].Ends, due.Overdue[1].Ends)
}

func removableInOrder(t *testing.T, s LeaseStore) {
	s.grant(t, expired(leaseKey(t, "b", 1), 4*step), expired(leaseKey(t, "d", 1), 3*step), expired(leaseKey(t, "c", 1), 2*step),
		expired(leaseKey(t, "late", 1), lasting), expired(leaseKey(t, "e", 1), step), running(leaseKey(t, "overdue", 1), step))
	s.Advance(4 * step)
	assert.Equal(t, "e@1 c@1 d@1 b@1", s.removable(t))
	due, err := s.Due(t.Context(), "only", 2)
	require.NoError(t, err)
	assert.Equal(t, "e@1 c@1", leasesText(due.Removable))
	assert.Equal(t, "overdue@1", leasesText(due.Overdue), "the limit applies to each list")
	assert.Less(t, due.Removable[0].Ends, due.Removable[1].Ends)
}

func dueAgain(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), brief), expired(leaseKey(t, "b", 1), brief))
	s.Advance(brief)
	for range 3 {
		due := s.due(t)
		assert.Equal(t, "a@1", leasesText(due.Overdue))
		assert.Equal(t, "b@1", leasesText(due.Removable))
		s.Advance(brief)
	}
}

func dueByEnd(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), step), running(leaseKey(t, "b", 1), 2*step), running(leaseKey(t, "c", 1), 3*step))
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

func dueInParts(t *testing.T, s LeaseStore) {
	grants := make([]registry.Grant, 1000)
	for i := range grants {
		grants[i] = running(leaseKey(t, strconv.Itoa(i*7919%len(grants)), 1), brief)
	}
	s.grant(t, grants...)
	s.Advance(brief)
	seen := map[registry.LeaseKey]bool{}
	before := registry.Instant(0)
	for range len(grants) / dueLimit {
		found := s.due(t).Overdue
		require.Len(t, found, dueLimit)
		endings := make([]registry.Lease, len(found))
		for i, l := range found {
			require.GreaterOrEqual(t, l.Ends, before)
			endings[i], before, seen[l.LeaseKey] = l, l.Ends, true
		}
		assert.NotContains(t, s.expire(t, endings...), false)
	}
	assert.Len(t, seen, len(grants))
	assert.Empty(t, s.overdue(t))
}
