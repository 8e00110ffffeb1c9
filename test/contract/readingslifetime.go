package contract

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

func readingsInOrder(t *testing.T, s LeaseStore) {
	s.note(t, "a", measured(1))
	s.note(t, "b", measured(2))
	other := registry.Note{Key: instanceOf(t, "cart", "a"), Observation: measured(3)}
	require.NoError(t, s.Note(t.Context(), other))

	readings, err := s.Instances(t.Context(), instance(t, "b"), instance(t, "unknown"), other.Key, instance(t, "a"), instance(t, "b"))
	require.NoError(t, err)
	assert.Equal(t, []float64{2, 0, 3, 1, 2}, responseTimes(readings))
	readings, err = s.Services(t.Context(), "unknown", "shop", "cart", "shop")
	require.NoError(t, err)
	assert.Equal(t, []float64{0, 2, 3, 2}, responseTimes(readings))
}

func responseTimes(readings []registry.Reading) []float64 {
	times := make([]float64, len(readings))
	for i, r := range readings {
		times[i] = r.ResponseTime
	}
	return times
}

func notesInOrder(t *testing.T, s LeaseStore) {
	var notes []registry.Note
	for _, o := range []registry.Observation{
		measured(10), checked(health.Passing), checked(health.Critical), measured(20), checked(health.Critical),
	} {
		notes = append(notes, registry.Note{Key: instance(t, "a"), Observation: o})
	}
	notes = append(notes, registry.Note{Key: instance(t, "b"), Observation: measured(0)})
	require.NoError(t, s.Note(t.Context(), notes...))
	r := s.reading(t, "a")
	assert.Equal(t, 2, r.Failures)
	assert.InDelta(t, 20, r.ResponseTime, 1e-9)
	assert.InDelta(t, 12, r.Average, 1e-9)
	assert.InDelta(t, 9.6, s.ofService(t, "shop").Average, 1e-9)
}

func notedWithoutLease(t *testing.T, s LeaseStore) {
	s.note(t, "a", checked(health.Critical))
	assert.Equal(t, 1, s.reading(t, "a").Failures)
	assertOutcome(t, registry.LeaseUnknown, s.renew(t, heartbeat(t, "a", 0), heartbeat(t, "a", 1)))
	s.Advance(brief)
	due := s.due(t)
	assert.Empty(t, due.Overdue)
	assert.Empty(t, due.Removable)
	s.grant(t, ifAbsent(running(leaseKey(t, "a", 1), lasting)))
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "a", 1)))
	assert.Equal(t, 1, s.reading(t, "a").Failures, "a lease leaves the reading that was there before it")
}

func readingOutlives(t *testing.T, s LeaseStore) {
	lease := s.overdueLease(t, running(leaseKey(t, "a", 1), brief))
	s.note(t, "a", reported(health.Critical))
	want := s.reading(t, "a")
	assert.Equal(t, []bool{true}, s.expire(t, lease))
	assert.Equal(t, want, s.reading(t, "a"))
	s.grant(t, running(leaseKey(t, "a", 1), lasting))
	s.grant(t, running(leaseKey(t, "a", 2), lasting))
	assert.Equal(t, want, s.reading(t, "a"))
}

func removeRemovesReading(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), lasting))
	for _, id := range []string{"a", "none", "other"} {
		s.note(t, id, checked(health.Critical), measured(5))
	}
	require.NoError(t, s.Remove(t.Context(), leaseKey(t, "a", 1), leaseKey(t, "none", 0)))
	assert.Zero(t, s.reading(t, "a"))
	assert.Zero(t, s.reading(t, "none"))
	assert.Equal(t, 1, s.reading(t, "other").Failures)
	assert.True(t, s.ofService(t, "shop").Measured)
	s.note(t, "a", measured(7))
	assert.InDelta(t, 7, s.reading(t, "a").Average, 1e-9)
	assert.Zero(t, s.reading(t, "a").Failures)
}

func removeLeavesReading(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 2), lasting))
	s.note(t, "a", checked(health.Critical))
	require.NoError(t, s.Remove(t.Context(), leaseKey(t, "a", 1)))
	assert.Equal(t, 1, s.reading(t, "a").Failures)
}

func oddReadings(t *testing.T, s LeaseStore) {
	keys := oddKeys(t)
	notes := make([]registry.Note, len(keys))
	want := make([]float64, len(keys))
	for i, k := range keys {
		want[i] = float64(i + 1)
		notes[i] = registry.Note{Key: k, Observation: measured(want[i])}
	}
	require.NoError(t, s.Note(t.Context(), notes...))
	readings, err := s.Instances(t.Context(), keys...)
	require.NoError(t, err)
	assert.Equal(t, want, responseTimes(readings))
	for i, r := range readings {
		assert.InDelta(t, want[i], r.Average, 1e-9, keys[i])
	}
}

func cancelledReadings(t *testing.T, s LeaseStore) {
	over := endedContext(t)
	s.grant(t, running(leaseKey(t, "a", 1), lasting))
	require.Error(t, s.Note(over, registry.Note{Key: instance(t, "a"), Observation: checked(health.Critical)}))
	renewal := heartbeat(t, "a", 1)
	renewal.Observation = checked(health.Critical)
	_, err := s.Renew(over, renewal)
	require.Error(t, err)
	_, err = s.Instances(over, instance(t, "a"))
	require.Error(t, err)
	_, err = s.Services(over, "shop")
	require.Error(t, err)
	assert.Zero(t, s.reading(t, "a"))
}
