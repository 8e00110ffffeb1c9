package contract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

func grantingBehaviours() []behaviour[LeaseStore] {
	return []behaviour[LeaseStore]{
		{"a granted lease runs for its TTL", grantedRuns},
		{"a grant with a higher epoch replaces the lease, and the old epoch is lost", higherTakesOver},
		{"a grant with a lower epoch is refused with the current epoch, and others are made", lowerIsRefused},
		{"granting again with the same epoch restarts the lease", sameRestarts},
		{"grants of one lease in one call take effect in their order", grantsInOrder},
		{"granting an expired lease makes it run", grantRevives},
		{"IfAbsent leaves a lease of the same epoch as it is", ifAbsentLeaves},
		{"IfAbsent grants where there is no lease, or one of a lower epoch", ifAbsentGrants},
		{"a lease that is granted as expired is removable after Removal and not before", expiredGrant},
		{"Remove removes a lease, running or expired", removeRemoves},
		{"Remove leaves a lease of a higher epoch, and skips unknown ones", removeLeavesHigher},
		{"names with odd characters do not collide", oddNames},
		{"calls without arguments do nothing", nothingToDo},
		{"a call whose context has ended is an error and changes nothing", cancelledCalls},
	}
}

func grantedRuns(t *testing.T, s LeaseStore) {
	before := s.due(t).Now
	s.grant(t, running(leaseKey(t, "a", 1), brief))
	after := s.due(t).Now
	s.Advance(brief)
	due := s.due(t)
	require.Len(t, due.Overdue, 1)
	assert.Empty(t, due.Removable)
	assert.Equal(t, leaseKey(t, "a", 1), due.Overdue[0].LeaseKey)
	assert.GreaterOrEqual(t, due.Overdue[0].Ends, before.Add(brief))
	assert.LessOrEqual(t, due.Overdue[0].Ends, after.Add(brief))
	assert.GreaterOrEqual(t, due.Now, due.Overdue[0].Ends)
}

func higherTakesOver(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), brief))
	s.grant(t, running(leaseKey(t, "a", 2), lasting))
	s.Advance(brief)
	assert.Empty(t, s.overdue(t))
	assertOutcome(t, registry.LeaseLost, s.renew(t, heartbeat(t, "a", 1)))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "a", 2)))
}

func lowerIsRefused(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 2), brief))
	s.refuses(t, leaseKey(t, "a", 2), running(leaseKey(t, "a", 1), lasting), running(leaseKey(t, "b", 1), lasting))
	s.refuses(t, leaseKey(t, "a", 2), ifAbsent(expired(leaseKey(t, "a", 1), lasting)))
	assertOutcome(t, registry.LeaseLost, s.renew(t, heartbeat(t, "a", 1)))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "b", 1)))
	s.Advance(brief)
	assert.Equal(t, "a@2", s.overdue(t))
}

// refuses asserts that the grant of one lease is refused.
func (s LeaseStore) refuses(t *testing.T, current registry.LeaseKey, grants ...registry.Grant) {
	t.Helper()
	var refused *registry.RefusedError
	require.ErrorAs(t, s.Grant(t.Context(), grants...), &refused)
	assert.Equal(t, []registry.LeaseKey{current}, refused.Current)
	assert.ErrorContains(t, refused, current.Instance.String())
}

func sameRestarts(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), brief), running(leaseKey(t, "b", 1), lasting))
	s.grant(t, running(leaseKey(t, "a", 1), lasting), running(leaseKey(t, "b", 1), brief))
	assert.Equal(t, lasting, s.renew(t, heartbeat(t, "a", 1))[0].TTL)
	s.Advance(brief)
	assert.Equal(t, "b@1", s.overdue(t))
	s.grant(t, running(leaseKey(t, "b", 1), lasting))
	assert.Empty(t, s.overdue(t))
}

func grantsInOrder(t *testing.T, s LeaseStore) {
	s.refuses(t, leaseKey(t, "a", 3),
		running(leaseKey(t, "a", 1), lasting), running(leaseKey(t, "a", 3), lasting), running(leaseKey(t, "a", 2), brief),
		running(leaseKey(t, "b", 1), brief), running(leaseKey(t, "b", 1), lasting))
	s.Advance(brief)
	assert.Empty(t, s.overdue(t))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "a", 3)))
	assertOutcome(t, registry.LeaseLost, s.renew(t, heartbeat(t, "a", 2)))
}

func grantRevives(t *testing.T, s LeaseStore) {
	s.grant(t, expired(leaseKey(t, "a", 1), brief), expired(leaseKey(t, "b", 1), brief))
	s.grant(t, running(leaseKey(t, "a", 1), lasting), running(leaseKey(t, "b", 2), lasting))
	s.Advance(brief)
	due := s.due(t)
	assert.Empty(t, due.Overdue)
	assert.Empty(t, due.Removable)
	for _, r := range s.renew(t, heartbeat(t, "a", 1), heartbeat(t, "b", 2)) {
		assert.Equal(t, registry.Renewed{Outcome: registry.LeaseRenewed, TTL: lasting}, r)
	}
}

func ifAbsentLeaves(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "short", 1), brief), running(leaseKey(t, "long", 1), lasting), expired(leaseKey(t, "ended", 1), brief))
	s.grant(t, ifAbsent(running(leaseKey(t, "short", 1), lasting)), ifAbsent(expired(leaseKey(t, "long", 1), brief)),
		ifAbsent(running(leaseKey(t, "ended", 1), lasting)))
	s.Advance(brief)
	due := s.due(t)
	assert.Equal(t, "short@1", leasesText(due.Overdue))
	assert.Equal(t, "ended@1", leasesText(due.Removable))
	assert.Equal(t, brief, s.renew(t, heartbeat(t, "short", 1))[0].TTL, "the TTL is unchanged")
}

func ifAbsentGrants(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "lower", 1), lasting))
	s.grant(t, ifAbsent(running(leaseKey(t, "none", 1), brief)), ifAbsent(running(leaseKey(t, "lower", 2), 2*brief)),
		ifAbsent(expired(leaseKey(t, "ended", 1), brief)))
	assertOutcome(t, registry.LeaseLost, s.renew(t, heartbeat(t, "lower", 1)))
	s.Advance(2 * brief)
	due := s.due(t)
	assert.Equal(t, "none@1 lower@2", leasesText(due.Overdue))
	assert.Equal(t, "ended@1", leasesText(due.Removable))
}

func expiredGrant(t *testing.T, s LeaseStore) {
	before := s.due(t).Now
	s.grant(t, expired(leaseKey(t, "a", 1), aWhile))
	due := s.due(t)
	assert.Empty(t, due.Overdue)
	assert.Empty(t, due.Removable)
	s.Advance(aWhile)
	after := s.due(t)
	assert.Empty(t, after.Overdue)
	require.Equal(t, "a@1", leasesText(after.Removable))
	assert.GreaterOrEqual(t, after.Removable[0].Ends, before.Add(aWhile))
	assert.LessOrEqual(t, after.Removable[0].Ends, due.Now.Add(aWhile))
}

func removeRemoves(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "long", 1), lasting), running(leaseKey(t, "short", 2), brief), expired(leaseKey(t, "ended", 3), brief))
	require.NoError(t, s.Remove(t.Context(), leaseKey(t, "long", 1), leaseKey(t, "short", 3), leaseKey(t, "ended", 3)))
	s.Advance(brief)
	due := s.due(t)
	assert.Empty(t, due.Overdue)
	assert.Empty(t, due.Removable)
	assertOutcome(t, registry.LeaseUnknown,
		s.renew(t, heartbeat(t, "long", 1), heartbeat(t, "short", 2), heartbeat(t, "ended", 3), heartbeat(t, "ended", 1)))
	s.grant(t, running(leaseKey(t, "ended", 1), lasting))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "ended", 1)))
}

func removeLeavesHigher(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 2), lasting), expired(leaseKey(t, "b", 2), brief))
	require.NoError(t, s.Remove(t.Context(), leaseKey(t, "a", 1), leaseKey(t, "unknown", 1), leaseKey(t, "b", 1), leaseKey(t, "unknown", 1)))
	s.Advance(brief)
	assert.Equal(t, "b@2", s.removable(t))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "a", 2)))
}

// oddKeys collide in a store that joins their parts without separation.
func oddKeys(t *testing.T) []registry.Key {
	t.Helper()
	long := strings.Repeat("x", registry.MaxInstanceIDBytes-1)
	var keys []registry.Key
	for _, service := range []string{"a", "A", "a.b", "a-b", "a_b", "0", strings.Repeat("s", 100)} {
		for _, id := range []string{
			"b", "B", "b.c", "c", "b:c", ":c", ":", "::", "...", "-", "_", "0", "00", "1e2", "a:b", "a.b", "a-b:c",
			"instances", "active", "a:instances", "default", long + "0", long + "1", long,
		} {
			for _, environment := range []string{"production", "a", "a.b", "0"} {
				keys = append(keys, keyIn(t, service, environment, id))
			}
		}
	}
	return keys
}

func oddNames(t *testing.T, s LeaseStore) {
	keys := oddKeys(t)
	grants := make([]registry.Grant, len(keys))
	renewals := make([]registry.Renewal, len(keys))
	for i, k := range keys {
		lease := registry.LeaseKey{Key: k, Epoch: registry.Epoch(i + 1)}
		grants[i], renewals[i] = running(lease, brief), registry.Renewal{LeaseKey: lease}
	}
	s.grant(t, grants...)
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, renewals...))
	s.Advance(brief)
	due, err := s.Due(t.Context(), "only", len(keys)+1)
	require.NoError(t, err)
	overdue := map[registry.LeaseKey]bool{}
	for _, l := range due.Overdue {
		overdue[l.LeaseKey] = true
	}
	assert.Len(t, due.Overdue, len(keys))
	for _, r := range renewals {
		assert.True(t, overdue[r.LeaseKey], r.LeaseKey)
	}
}

func nothingToDo(t *testing.T, s LeaseStore) {
	s.grant(t)
	assert.Empty(t, s.renew(t))
	assert.Empty(t, s.expire(t))
	require.NoError(t, s.Remove(t.Context()))
	due := s.due(t)
	assert.Empty(t, due.Overdue)
	assert.Empty(t, due.Removable)
}

func cancelledCalls(t *testing.T, s LeaseStore) {
	over := endedContext(t)
	_, err := s.Due(over, "another", dueLimit)
	require.Error(t, err)
	assert.True(t, s.due(t).Emptied, "a failed call has no effect")
	lease := s.overdueLease(t, running(leaseKey(t, "a", 1), brief))
	require.Error(t, s.Grant(over, running(leaseKey(t, "b", 1), brief), running(leaseKey(t, "a", 2), lasting)))
	_, err = s.Renew(over, heartbeat(t, "a", 1))
	require.Error(t, err)
	_, err = s.Expire(over, lease)
	require.Error(t, err)
	require.Error(t, s.Remove(over, leaseKey(t, "a", 1)))
	assertOutcome(t, registry.LeaseUnknown, s.renew(t, heartbeat(t, "b", 1)))
	assert.Equal(t, []registry.Lease{lease}, s.due(t).Overdue)
}
