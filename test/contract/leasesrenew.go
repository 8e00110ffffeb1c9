package contract

import (
	"errors"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

func renewingBehaviours() []behaviour[LeaseStore] {
	return []behaviour[LeaseStore]{
		{"a lease that is renewed before its end continues", renewedRunsOn},
		{"an overdue lease that is renewed continues, as if it had been in time", renewedOverdue},
		{"renewing an expired lease reports that, makes it run, and cancels its removal", renewedExpired},
		{"renewing under a lower epoch is LeaseLost and changes nothing", renewedLower},
		{"renewing under a higher epoch is LeaseUnknown and changes nothing", renewedHigher},
		{"renewing an unknown lease is LeaseUnknown and stores nothing", renewedUnknown},
		{"a call renews 1,000 leases, in order, one of them twice", renewedMany},
		{"concurrent renewals are all made", renewedConcurrently},
		{"of a concurrent expiry and renewal one sees the other", renewedWhileExpiring},
	}
}

func renewedRunsOn(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), aWhile))
	for range 2 {
		s.Advance(aWhile * 2 / 3)
		want := registry.Renewed{Outcome: registry.LeaseRenewed, TTL: aWhile}
		assert.Equal(t, []registry.Renewed{want}, s.renew(t, heartbeat(t, "a", 1)))
	}
	assert.Empty(t, s.overdue(t))
	s.Advance(aWhile)
	assert.Equal(t, "a@1", s.overdue(t))
}

func renewedOverdue(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), aWhile))
	s.Advance(aWhile)
	assert.Equal(t, "a@1", s.overdue(t))
	want := registry.Renewed{Outcome: registry.LeaseRenewed, TTL: aWhile}
	assert.Equal(t, []registry.Renewed{want}, s.renew(t, heartbeat(t, "a", 1)))
	assert.Empty(t, s.overdue(t))
}

func renewedExpired(t *testing.T, s LeaseStore) {
	s.grant(t, expired(leaseKey(t, "granted", 1), brief))
	lease := s.overdueLease(t, registry.Grant{LeaseKey: leaseKey(t, "found", 1), TTL: brief, Removal: brief})
	assert.Equal(t, []bool{true}, s.expire(t, lease))
	s.Advance(brief)
	require.Equal(t, "granted@1 found@1", s.removable(t))

	back := s.renew(t, heartbeat(t, "granted", 1))
	s.Advance(brief / 2)
	back = append(back, s.renew(t, heartbeat(t, "found", 1), heartbeat(t, "found", 1))...)
	again := registry.Renewed{Outcome: registry.LeaseRenewed, TTL: brief}
	first := again
	first.HadExpired = true
	assert.Equal(t, []registry.Renewed{first, first, again}, back)
	s.Advance(brief)
	due := s.due(t)
	assert.Empty(t, due.Removable)
	assert.Equal(t, "granted@1 found@1", leasesText(due.Overdue))
}

func renewedLower(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 2), brief), expired(leaseKey(t, "b", 2), brief))
	s.Advance(brief)
	before := s.due(t)
	assertOutcome(t, registry.LeaseLost, s.renew(t, heartbeat(t, "a", 1), heartbeat(t, "b", 1)))
	after := s.due(t)
	assert.Equal(t, before.Overdue, after.Overdue)
	assert.Equal(t, before.Removable, after.Removable)
}

func renewedHigher(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 2), brief), expired(leaseKey(t, "b", 2), brief))
	s.Advance(brief)
	before := s.due(t)
	assertOutcome(t, registry.LeaseUnknown, s.renew(t, heartbeat(t, "a", 3), heartbeat(t, "b", 3)))
	after := s.due(t)
	assert.Equal(t, before.Overdue, after.Overdue)
	assert.Equal(t, before.Removable, after.Removable)
}

func renewedUnknown(t *testing.T, s LeaseStore) {
	assertOutcome(t, registry.LeaseUnknown, s.renew(t, heartbeat(t, "a", 1), heartbeat(t, "a", 1)))
	s.Advance(brief)
	assert.Empty(t, s.overdue(t))
}

func renewedMany(t *testing.T, s LeaseStore) {
	const n = 1000
	renewals := make([]registry.Renewal, n)
	grants := make([]registry.Grant, 0, n)
	for i := range renewals {
		renewals[i] = heartbeat(t, strconv.Itoa(i), 2)
		if i%10 != 9 {
			grants = append(grants, running(renewals[i].LeaseKey, lasting))
		}
	}
	renewals[500], renewals[777] = renewals[3], heartbeat(t, "777", 1)
	grants[7] = expired(grants[7].LeaseKey, lasting)
	s.grant(t, grants...)
	for i, r := range s.renew(t, renewals...) {
		want := registry.Renewed{Outcome: registry.LeaseRenewed, TTL: lasting, HadExpired: i == 7}
		switch {
		case i == 777:
			want = registry.Renewed{Outcome: registry.LeaseLost}
		case i%10 == 9:
			want = registry.Renewed{Outcome: registry.LeaseUnknown}
		}
		require.Equal(t, want, r, "renewal %d", i)
	}
}

func renewedConcurrently(t *testing.T, s LeaseStore) {
	const each = 50
	report := reported(health.Passing)
	for i := range writers {
		s.grant(t, running(leaseKey(t, strconv.Itoa(i), 1), lasting))
	}
	errs := together(writers, func(i int) error {
		own, shared := heartbeat(t, strconv.Itoa(i), 1), heartbeat(t, "0", 1)
		shared.Observation = report
		for range each {
			renewed, err := s.Renew(t.Context(), own, shared)
			if err != nil {
				return err
			}
			for _, r := range renewed {
				if r != (registry.Renewed{Outcome: registry.LeaseRenewed, TTL: lasting}) {
					return errors.New("a renewal at the same time as others is not done")
				}
			}
		}
		return nil
	})
	require.NoError(t, errors.Join(errs...))
	assert.EqualValues(t, writers*each, s.reading(t, "0").Reports)
	assert.Empty(t, s.overdue(t))
}

func renewedWhileExpiring(t *testing.T, s LeaseStore) {
	for i := range writers {
		lease := s.overdueLease(t, running(leaseKey(t, strconv.Itoa(i), 1), brief))
		var done []bool
		var renewed []registry.Renewed
		errs := together(2, func(who int) (err error) {
			if who == 0 {
				done, err = s.Expire(t.Context(), lease)
				return err
			}
			renewed, err = s.Renew(t.Context(), registry.Renewal{LeaseKey: lease.LeaseKey})
			return err
		})
		require.NoError(t, errors.Join(errs...))
		assertOutcome(t, registry.LeaseRenewed, renewed)
		assert.Equal(t, done[0], renewed[0].HadExpired)
		again := s.renew(t, registry.Renewal{LeaseKey: lease.LeaseKey})
		assert.False(t, again[0].HadExpired, "it runs, in either order")
	}
}
