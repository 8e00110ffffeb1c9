package contract

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

func expiringBehaviours() []behaviour[LeaseStore] {
	return []behaviour[LeaseStore]{
		{"an expired lease is not overdue, and is removable Removal after its end", expiredIsRemovable},
		{"an expired lease is not removable before Removal has passed", expiredIsNotRemovableYet},
		{"expiring a lease that was renewed meanwhile is false and changes nothing", expireRenewed},
		{"expiring a lease that was granted or removed meanwhile is false and changes nothing", expireGranted},
		{"repeating an expiry is true and changes nothing", expireAgain},
		{"Expire returns a result for each lease, in order", expireMany},
		{"an expired lease is lost to a lower epoch and unknown to a higher one", expiredEpochs},
	}
}

func expiredIsRemovable(t *testing.T, s LeaseStore) {
	lease := s.overdueLease(t, running(leaseKey(t, "a", 1), brief))
	assert.Equal(t, []bool{true}, s.expire(t, lease))
	assert.Empty(t, s.overdue(t))
	s.Advance(2 * brief)
	due := s.due(t)
	assert.Empty(t, due.Overdue)
	want := registry.Lease{LeaseKey: lease.LeaseKey, Ends: lease.Ends.Add(2 * brief)}
	assert.Equal(t, []registry.Lease{want}, due.Removable)
}

func expiredIsNotRemovableYet(t *testing.T, s LeaseStore) {
	lease := s.overdueLease(t, registry.Grant{LeaseKey: leaseKey(t, "a", 1), TTL: brief, Removal: aWhile})
	assert.Equal(t, []bool{true}, s.expire(t, lease))
	s.Advance(aWhile / 3)
	assert.Empty(t, s.removable(t))
	s.Advance(aWhile)
	assert.Equal(t, "a@1", s.removable(t))
}

func expireRenewed(t *testing.T, s LeaseStore) {
	lease := s.overdueLease(t, running(leaseKey(t, "a", 1), brief))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "a", 1)))
	assert.Equal(t, []bool{false}, s.expire(t, lease))
	assert.False(t, s.renew(t, heartbeat(t, "a", 1))[0].HadExpired)
	s.Advance(3 * brief)
	due := s.due(t)
	assert.Empty(t, due.Removable)
	assert.Equal(t, "a@1", leasesText(due.Overdue))
}

func expireGranted(t *testing.T, s LeaseStore) {
	var endings []registry.Lease
	for _, id := range []string{"anew", "over", "ended", "removed"} {
		endings = append(endings, s.overdueLease(t, running(leaseKey(t, id, 1), brief)))
	}
	s.grant(t, running(leaseKey(t, "anew", 1), lasting), running(leaseKey(t, "over", 2), lasting), expired(leaseKey(t, "ended", 1), lasting))
	require.NoError(t, s.Remove(t.Context(), leaseKey(t, "removed", 1)))
	assert.Equal(t, []bool{false, false, false, false}, s.expire(t, endings...))
	s.Advance(2 * brief)
	assert.Empty(t, s.removable(t))
	renewed := s.renew(t, heartbeat(t, "anew", 1), heartbeat(t, "over", 2), heartbeat(t, "ended", 1))
	assertOutcome(t, registry.LeaseRenewed, renewed)
	assert.Equal(t, []bool{false, false, true}, []bool{renewed[0].HadExpired, renewed[1].HadExpired, renewed[2].HadExpired})
	assertOutcome(t, registry.LeaseUnknown, s.renew(t, heartbeat(t, "removed", 1)))
}

func expireAgain(t *testing.T, s LeaseStore) {
	lease := s.overdueLease(t, running(leaseKey(t, "a", 1), brief))
	assert.Equal(t, []bool{true}, s.expire(t, lease))
	s.Advance(2 * brief)
	before := s.due(t)
	require.Equal(t, "a@1", leasesText(before.Removable))
	assert.Equal(t, []bool{true}, s.expire(t, lease), "a call without a response may be repeated")
	assert.Equal(t, before.Removable, s.due(t).Removable)
	assert.Empty(t, s.overdue(t))
	s.renew(t, heartbeat(t, "a", 1))
	assert.Equal(t, []bool{false}, s.expire(t, lease))
}

func expireMany(t *testing.T, s LeaseStore) {
	var endings []registry.Lease
	for _, id := range []string{"a", "b", "c", "d"} {
		endings = append(endings, s.overdueLease(t, running(leaseKey(t, id, 1), brief)))
	}
	s.renew(t, heartbeat(t, "b", 1))
	unknown := registry.Lease{LeaseKey: leaseKey(t, "unknown", 1), Ends: endings[0].Ends}
	older, newer := endings[3], endings[3]
	older.Epoch, newer.Epoch = 0, 2
	assert.Equal(t, []bool{true, false, false, true, false, false},
		s.expire(t, endings[0], unknown, endings[1], endings[2], older, newer))
	s.Advance(2 * brief)
	due := s.due(t)
	assert.Equal(t, "a@1 c@1", leasesText(due.Removable))
	assert.Equal(t, "d@1 b@1", leasesText(due.Overdue))
}

func expiredEpochs(t *testing.T, s LeaseStore) {
	lease := s.overdueLease(t, running(leaseKey(t, "a", 2), brief))
	assert.Equal(t, []bool{true}, s.expire(t, lease))
	assertOutcome(t, registry.LeaseLost, s.renew(t, heartbeat(t, "a", 1)))
	assertOutcome(t, registry.LeaseUnknown, s.renew(t, heartbeat(t, "a", 3)))
	s.refuses(t, leaseKey(t, "a", 2), running(leaseKey(t, "a", 1), lasting))
	s.Advance(2 * brief)
	assert.Equal(t, "a@2", s.removable(t))
}
