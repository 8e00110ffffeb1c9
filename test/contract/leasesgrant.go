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
		{"a grant with a higher epoch takes over, and the old epoch is lost", higherTakesOver},
		{"a grant with a lower epoch is refused with the epoch that is kept, and others are made", lowerIsRefused},
		{"granting again with the same epoch begins anew", sameBeginsAnew},
		{"grants of one lease in one call take effect in their order", grantsInOrder},
		{"granting a lease that has ended makes it run", grantRevives},
		{"Keep leaves a lease of the same epoch as it is", keepLeaves},
		{"Keep grants where there is no lease, or one of a lower epoch", keepGrants},
		{"a lease that is granted as one that has ended is removable after Removal and not before", endedGrant},
		{"Drop forgets a lease, running or ended", dropForgets},
		{"Drop leaves a lease of a higher epoch, and passes over what is unknown", dropLeavesHigher},
		{"names with odd characters do not collide", oddNames},
		{"calls with nothing do nothing", nothingToDo},
		{"a call whose context has ended is an error and changes nothing", endedCalls},
	}
}

func grantedRuns(t *testing.T, s LeaseStore) {
	before := s.sweep(t).Now
	s.grant(t, running(held(t, "a", 1), brief))
	after := s.sweep(t).Now
	s.Advance(brief)
	swept := s.sweep(t)
	require.Len(t, swept.Overdue, 1)
	assert.Empty(t, swept.Removable)
	assert.Equal(t, held(t, "a", 1), swept.Overdue[0].LeaseKey)
	assert.GreaterOrEqual(t, swept.Overdue[0].Ends, before.Add(brief))
	assert.LessOrEqual(t, swept.Overdue[0].Ends, after.Add(brief))
	assert.GreaterOrEqual(t, swept.Now, swept.Overdue[0].Ends)
}

func higherTakesOver(t *testing.T, s LeaseStore) {
	s.grant(t, running(held(t, "a", 1), brief))
	s.grant(t, running(held(t, "a", 2), lasting))
	s.Advance(brief)
	assert.Empty(t, s.overdue(t))
	assertOutcome(t, registry.LeaseLost, s.renew(t, heartbeat(t, "a", 1)))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "a", 2)))
}

func lowerIsRefused(t *testing.T, s LeaseStore) {
	s.grant(t, running(held(t, "a", 2), brief))
	s.refuses(t, held(t, "a", 2), running(held(t, "a", 1), lasting), running(held(t, "b", 1), lasting))
	s.refuses(t, held(t, "a", 2), keeping(ended(held(t, "a", 1), lasting)))
	assertOutcome(t, registry.LeaseLost, s.renew(t, heartbeat(t, "a", 1)))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "b", 1)))
	s.Advance(brief)
	assert.Equal(t, "a@2", s.overdue(t))
}

// refuses asserts that of the grants the one of a lease that is kept is refused.
func (s LeaseStore) refuses(t *testing.T, kept registry.LeaseKey, grants ...registry.Grant) {
	t.Helper()
	var refused *registry.RefusedError
	require.ErrorAs(t, s.Grant(t.Context(), grants...), &refused)
	assert.Equal(t, []registry.LeaseKey{kept}, refused.Current)
	assert.ErrorContains(t, refused, kept.Instance.String())
}

func sameBeginsAnew(t *testing.T, s LeaseStore) {
	s.grant(t, running(held(t, "a", 1), brief), running(held(t, "b", 1), lasting))
	s.grant(t, running(held(t, "a", 1), lasting), running(held(t, "b", 1), brief))
	assert.Equal(t, lasting, s.renew(t, heartbeat(t, "a", 1))[0].TTL)
	s.Advance(brief)
	assert.Equal(t, "b@1", s.overdue(t))
	s.grant(t, running(held(t, "b", 1), lasting))
	assert.Empty(t, s.overdue(t))
}

func grantsInOrder(t *testing.T, s LeaseStore) {
	s.refuses(t, held(t, "a", 3),
		running(held(t, "a", 1), lasting), running(held(t, "a", 3), lasting), running(held(t, "a", 2), brief),
		running(held(t, "b", 1), brief), running(held(t, "b", 1), lasting))
	s.Advance(brief)
	assert.Empty(t, s.overdue(t))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "a", 3)))
	assertOutcome(t, registry.LeaseLost, s.renew(t, heartbeat(t, "a", 2)))
}

func grantRevives(t *testing.T, s LeaseStore) {
	s.grant(t, ended(held(t, "a", 1), brief), ended(held(t, "b", 1), brief))
	s.grant(t, running(held(t, "a", 1), lasting), running(held(t, "b", 2), lasting))
	s.Advance(brief)
	swept := s.sweep(t)
	assert.Empty(t, swept.Overdue)
	assert.Empty(t, swept.Removable)
	for _, r := range s.renew(t, heartbeat(t, "a", 1), heartbeat(t, "b", 2)) {
		assert.Equal(t, registry.Renewed{Outcome: registry.LeaseRenewed, TTL: lasting}, r)
	}
}

func keepLeaves(t *testing.T, s LeaseStore) {
	s.grant(t, running(held(t, "short", 1), brief), running(held(t, "long", 1), lasting), ended(held(t, "ended", 1), brief))
	s.grant(t, keeping(running(held(t, "short", 1), lasting)), keeping(ended(held(t, "long", 1), brief)),
		keeping(running(held(t, "ended", 1), lasting)))
	s.Advance(brief)
	swept := s.sweep(t)
	assert.Equal(t, "short@1", leasesText(swept.Overdue))
	assert.Equal(t, "ended@1", leasesText(swept.Removable))
	assert.Equal(t, brief, s.renew(t, heartbeat(t, "short", 1))[0].TTL, "the lease keeps its TTL")
}

func keepGrants(t *testing.T, s LeaseStore) {
	s.grant(t, running(held(t, "lower", 1), lasting))
	s.grant(t, keeping(running(held(t, "none", 1), brief)), keeping(running(held(t, "lower", 2), 2*brief)),
		keeping(ended(held(t, "ended", 1), brief)))
	assertOutcome(t, registry.LeaseLost, s.renew(t, heartbeat(t, "lower", 1)))
	s.Advance(2 * brief)
	swept := s.sweep(t)
	assert.Equal(t, "none@1 lower@2", leasesText(swept.Overdue))
	assert.Equal(t, "ended@1", leasesText(swept.Removable))
}

func endedGrant(t *testing.T, s LeaseStore) {
	before := s.sweep(t).Now
	s.grant(t, ended(held(t, "a", 1), aWhile))
	swept := s.sweep(t)
	assert.Empty(t, swept.Overdue)
	assert.Empty(t, swept.Removable)
	s.Advance(aWhile)
	after := s.sweep(t)
	assert.Empty(t, after.Overdue)
	require.Equal(t, "a@1", leasesText(after.Removable))
	assert.GreaterOrEqual(t, after.Removable[0].Ends, before.Add(aWhile))
	assert.LessOrEqual(t, after.Removable[0].Ends, swept.Now.Add(aWhile))
}

func dropForgets(t *testing.T, s LeaseStore) {
	s.grant(t, running(held(t, "long", 1), lasting), running(held(t, "short", 2), brief), ended(held(t, "ended", 3), brief))
	require.NoError(t, s.Remove(t.Context(), held(t, "long", 1), held(t, "short", 3), held(t, "ended", 3)))
	s.Advance(brief)
	swept := s.sweep(t)
	assert.Empty(t, swept.Overdue)
	assert.Empty(t, swept.Removable)
	assertOutcome(t, registry.LeaseUnknown,
		s.renew(t, heartbeat(t, "long", 1), heartbeat(t, "short", 2), heartbeat(t, "ended", 3), heartbeat(t, "ended", 1)))
	s.grant(t, running(held(t, "ended", 1), lasting))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "ended", 1)))
}

func dropLeavesHigher(t *testing.T, s LeaseStore) {
	s.grant(t, running(held(t, "a", 2), lasting), ended(held(t, "b", 2), brief))
	require.NoError(t, s.Remove(t.Context(), held(t, "a", 1), held(t, "unknown", 1), held(t, "b", 1), held(t, "unknown", 1)))
	s.Advance(brief)
	assert.Equal(t, "b@2", s.removable(t))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "a", 2)))
}

// oddKeys look alike to a store that puts their parts together carelessly.
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
	swept, err := s.Due(t.Context(), "only", len(keys)+1)
	require.NoError(t, err)
	overdue := map[registry.LeaseKey]bool{}
	for _, l := range swept.Overdue {
		overdue[l.LeaseKey] = true
	}
	assert.Len(t, swept.Overdue, len(keys))
	for _, r := range renewals {
		assert.True(t, overdue[r.LeaseKey], r.LeaseKey)
	}
}

func nothingToDo(t *testing.T, s LeaseStore) {
	s.grant(t)
	assert.Empty(t, s.renew(t))
	assert.Empty(t, s.end(t))
	require.NoError(t, s.Remove(t.Context()))
	swept := s.sweep(t)
	assert.Empty(t, swept.Overdue)
	assert.Empty(t, swept.Removable)
}

func endedCalls(t *testing.T, s LeaseStore) {
	over := endedContext(t)
	_, err := s.Due(over, "another", sweepLimit)
	require.Error(t, err)
	assert.True(t, s.sweep(t).Emptied, "a sweep that failed is none")
	lease := s.found(t, running(held(t, "a", 1), brief))
	require.Error(t, s.Grant(over, running(held(t, "b", 1), brief), running(held(t, "a", 2), lasting)))
	_, err = s.Renew(over, heartbeat(t, "a", 1))
	require.Error(t, err)
	_, err = s.Expire(over, lease)
	require.Error(t, err)
	require.Error(t, s.Remove(over, held(t, "a", 1)))
	assertOutcome(t, registry.LeaseUnknown, s.renew(t, heartbeat(t, "b", 1)))
	assert.Equal(t, []registry.Lease{lease}, s.sweep(t).Overdue)
}
