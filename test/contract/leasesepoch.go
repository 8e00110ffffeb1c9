package contract

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// Epochs begins epochs of the feed.
type Epochs interface {
	// Begin begins another epoch.
	Begin()
	// Forget makes the epoch unknown.
	Forget()
}

func epochBehaviours() []behaviour[LeaseStore] {
	return []behaviour[LeaseStore]{
		{"in another epoch every renewal is unknown", otherEpochUnknown},
		{"in another epoch a grant replaces a lease of a higher epoch", otherEpochGrants},
		{"in another epoch no lease is due, expires or is removed, and the store is emptied", otherEpochIsEmptied},
		{"in another epoch there are no readings", otherEpochReadings},
		{"in another epoch there are no members", otherEpochMembers},
		{"before the epoch is known every call is ErrLeasesUnavailable", unknownEpoch},
	}
}

func otherEpochUnknown(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 5), lasting), expired(leaseKey(t, "b", 5), lasting))
	s.Epochs.Begin()
	assertOutcome(t, registry.LeaseUnknown, s.renew(t,
		heartbeat(t, "a", 4), heartbeat(t, "a", 5), heartbeat(t, "a", 6), heartbeat(t, "b", 4)))
}

func otherEpochGrants(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 20), lasting), running(leaseKey(t, "b", 20), lasting))
	s.Epochs.Begin()
	s.grant(t, running(leaseKey(t, "a", 2), brief), ifAbsent(running(leaseKey(t, "b", 2), lasting)))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "a", 2), heartbeat(t, "b", 2)))
	assertOutcome(t, registry.LeaseUnknown, s.renew(t, heartbeat(t, "a", 20), heartbeat(t, "b", 20)))
	s.Advance(brief)
	assert.Equal(t, "a@2", s.overdue(t))
}

func otherEpochIsEmptied(t *testing.T, s LeaseStore) {
	lease := s.overdueLease(t, running(leaseKey(t, "a", 1), brief))
	s.Epochs.Begin()
	due := s.due(t)
	assert.True(t, due.Emptied)
	assert.Empty(t, due.Overdue)
	assert.Equal(t, []bool{false}, s.expire(t, lease))
	require.NoError(t, s.Remove(t.Context(), lease.LeaseKey))
	s.grant(t, running(leaseKey(t, "a", 1), lasting))
	assert.Empty(t, s.overdue(t))
	assert.False(t, s.due(t).Emptied)
}

func otherEpochReadings(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), lasting))
	s.note(t, "a", checked(health.Critical), measured(5))
	s.Epochs.Begin()
	assert.Zero(t, s.reading(t, "a"))
	assert.Zero(t, s.ofService(t, "shop"))
}

func otherEpochMembers(t *testing.T, s LeaseStore) {
	_, err := s.Announce(t.Context(), "before", lasting)
	require.NoError(t, err)
	s.Epochs.Begin()
	live, err := s.Announce(t.Context(), "after", lasting)
	require.NoError(t, err)
	assert.Equal(t, []string{"after"}, live)
}

func unknownEpoch(t *testing.T, s LeaseStore) {
	s.Epochs.Forget()
	ctx := t.Context()
	_, renewErr := s.Renew(ctx, heartbeat(t, "a", 1))
	_, sweepErr := s.Due(ctx, "only", dueLimit)
	_, endErr := s.Expire(ctx, registry.Lease{LeaseKey: leaseKey(t, "a", 1)})
	_, instancesErr := s.Instances(ctx, instance(t, "a"))
	_, servicesErr := s.Services(ctx, "shop")
	_, announceErr := s.Announce(ctx, "only", lasting)
	for _, err := range []error{
		s.Grant(ctx, running(leaseKey(t, "a", 1), lasting)), renewErr, sweepErr, endErr, s.Remove(ctx, leaseKey(t, "a", 1)),
		s.Note(ctx, registry.Note{Key: instance(t, "a")}), instancesErr, servicesErr, announceErr,
	} {
		require.ErrorIs(t, err, registry.ErrLeasesUnavailable)
	}
}
