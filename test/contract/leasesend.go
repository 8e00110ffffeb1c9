package contract

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

func endingBehaviours() []behaviour[LeaseStore] {
	return []behaviour[LeaseStore]{
		{"a lease that has ended is overdue no more, and removable Removal after its end", endedIsRemovable},
		{"a lease that has ended is not removable before Removal has passed", endedIsNotRemovableYet},
		{"ending what was renewed meanwhile is false and changes nothing", endRenewed},
		{"ending what was granted or dropped meanwhile is false and changes nothing", endGranted},
		{"ending again what that ended is true and changes nothing", endAgain},
		{"ending answers for each lease, in order", endMany},
		{"a lease that has ended is lost to a lower epoch and unknown to a higher one", endedEpochs},
	}
}

func endedIsRemovable(t *testing.T, s LeaseStore) {
	lease := s.found(t, running(held(t, "a", 1), brief))
	assert.Equal(t, []bool{true}, s.end(t, lease))
	assert.Empty(t, s.overdue(t))
	s.Advance(2 * brief)
	swept := s.sweep(t)
	assert.Empty(t, swept.Overdue)
	want := registry.Lease{LeaseKey: lease.LeaseKey, Ends: lease.Ends.Add(2 * brief)}
	assert.Equal(t, []registry.Lease{want}, swept.Removable)
}

func endedIsNotRemovableYet(t *testing.T, s LeaseStore) {
	lease := s.found(t, registry.Grant{LeaseKey: held(t, "a", 1), TTL: brief, Removal: aWhile})
	assert.Equal(t, []bool{true}, s.end(t, lease))
	s.Advance(aWhile / 3)
	assert.Empty(t, s.removable(t))
	s.Advance(aWhile)
	assert.Equal(t, "a@1", s.removable(t))
}

func endRenewed(t *testing.T, s LeaseStore) {
	lease := s.found(t, running(held(t, "a", 1), brief))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "a", 1)))
	assert.Equal(t, []bool{false}, s.end(t, lease))
	assert.False(t, s.renew(t, heartbeat(t, "a", 1))[0].HadExpired)
	s.Advance(3 * brief)
	swept := s.sweep(t)
	assert.Empty(t, swept.Removable)
	assert.Equal(t, "a@1", leasesText(swept.Overdue))
}

func endGranted(t *testing.T, s LeaseStore) {
	var endings []registry.Lease
	for _, id := range []string{"anew", "over", "ended", "gone"} {
		endings = append(endings, s.found(t, running(held(t, id, 1), brief)))
	}
	s.grant(t, running(held(t, "anew", 1), lasting), running(held(t, "over", 2), lasting), ended(held(t, "ended", 1), lasting))
	require.NoError(t, s.Remove(t.Context(), held(t, "gone", 1)))
	assert.Equal(t, []bool{false, false, false, false}, s.end(t, endings...))
	s.Advance(2 * brief)
	assert.Empty(t, s.removable(t))
	renewed := s.renew(t, heartbeat(t, "anew", 1), heartbeat(t, "over", 2), heartbeat(t, "ended", 1))
	assertOutcome(t, registry.LeaseRenewed, renewed)
	assert.Equal(t, []bool{false, false, true}, []bool{renewed[0].HadExpired, renewed[1].HadExpired, renewed[2].HadExpired})
	assertOutcome(t, registry.LeaseUnknown, s.renew(t, heartbeat(t, "gone", 1)))
}

func endAgain(t *testing.T, s LeaseStore) {
	lease := s.found(t, running(held(t, "a", 1), brief))
	assert.Equal(t, []bool{true}, s.end(t, lease))
	s.Advance(2 * brief)
	before := s.sweep(t)
	require.Equal(t, "a@1", leasesText(before.Removable))
	assert.Equal(t, []bool{true}, s.end(t, lease), "whoever got no answer may try again")
	assert.Equal(t, before.Removable, s.sweep(t).Removable)
	assert.Empty(t, s.overdue(t))
	s.renew(t, heartbeat(t, "a", 1))
	assert.Equal(t, []bool{false}, s.end(t, lease))
}

func endMany(t *testing.T, s LeaseStore) {
	var endings []registry.Lease
	for _, id := range []string{"a", "b", "c", "d"} {
		endings = append(endings, s.found(t, running(held(t, id, 1), brief)))
	}
	s.renew(t, heartbeat(t, "b", 1))
	unknown := registry.Lease{LeaseKey: held(t, "unknown", 1), Ends: endings[0].Ends}
	older, newer := endings[3], endings[3]
	older.Epoch, newer.Epoch = 0, 2
	assert.Equal(t, []bool{true, false, false, true, false, false},
		s.end(t, endings[0], unknown, endings[1], endings[2], older, newer))
	s.Advance(2 * brief)
	swept := s.sweep(t)
	assert.Equal(t, "a@1 c@1", leasesText(swept.Removable))
	assert.Equal(t, "d@1 b@1", leasesText(swept.Overdue))
}

func endedEpochs(t *testing.T, s LeaseStore) {
	lease := s.found(t, running(held(t, "a", 2), brief))
	assert.Equal(t, []bool{true}, s.end(t, lease))
	assertOutcome(t, registry.LeaseLost, s.renew(t, heartbeat(t, "a", 1)))
	assertOutcome(t, registry.LeaseUnknown, s.renew(t, heartbeat(t, "a", 3)))
	s.refuses(t, held(t, "a", 2), running(held(t, "a", 1), lasting))
	s.Advance(2 * brief)
	assert.Equal(t, "a@2", s.removable(t))
}
