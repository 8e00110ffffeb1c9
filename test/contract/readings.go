package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// Readings tests implementations of registry.Readings, on empty ones that fresh returns.
func Readings(t *testing.T, fresh func(*testing.T) LeaseStore, without Without) {
	t.Helper()
	run(t, readingsSuite(), fresh, without)
}

func readingsSuite() []behaviour[LeaseStore] {
	return []behaviour[LeaseStore]{
		{"forgotten readings are reset, and leases stay as they are", forgotten},
		{"without notes the reading is zero, with a lease or without", nothingNoted},
		{"the first measurement is the average, and each further one moves it by a fifth", averageMoves},
		{"a response time of 0 is measured", zeroIsMeasured},
		{"failures are the criticals in a row, and another status ends them", failuresInARow},
		{"reports are counted, checks are not", reportsCounted},
		{"a heartbeat is an observation", heartbeatObserves},
		{"a heartbeat that renews no lease is no observation", lostHeartbeat},
		{"At is the time of the last observation, in UTC", lastObserved},
		{"a service's reading has the observations of all its instances", serviceReading},
		{"readings are returned in the order of the keys", readingsInOrder},
		{"notes of one call take effect in order", notesInOrder},
		{"notes of an instance without a lease are stored, and create no lease", notedWithoutLease},
		{"the expiry and a new grant of a lease leave its reading", readingOutlives},
		{"Remove removes a reading, with a lease or without, and not that of the service", removeRemovesReading},
		{"Remove of a lower epoch leaves the reading", removeLeavesReading},
		{"instances with odd names have separate readings", oddReadings},
		{"a call about readings whose context has ended is an error and changes nothing", cancelledReadings},
	}
}

// checked is an observation by a check.
func checked(status health.Status) registry.Observation { return registry.Observation{Status: &status} }

// reported is a reported observation.
func reported(status health.Status) registry.Observation {
	return registry.Observation{Status: &status, Reported: true}
}

// measured is a response time alone.
func measured(milliseconds float64) registry.Observation {
	return registry.Observation{ResponseTime: &milliseconds}
}

// note notes observations of an instance of the service shop, each by a call.
func (s LeaseStore) note(t *testing.T, id string, observations ...registry.Observation) {
	t.Helper()
	for _, o := range observations {
		note := registry.Note{Key: instance(t, id), Observation: o}
		require.NoError(t, s.Note(t.Context(), note))
	}
}

// reading returns the reading of an instance of the service shop.
func (s LeaseStore) reading(t *testing.T, id string) registry.Reading {
	t.Helper()
	readings, err := s.Instances(t.Context(), instance(t, id))
	require.NoError(t, err)
	require.Len(t, readings, 1)
	return readings[0]
}

// ofService returns the reading of a service.
func (s LeaseStore) ofService(t *testing.T, name string) registry.Reading {
	t.Helper()
	readings, err := s.Services(t.Context(), name)
	require.NoError(t, err)
	require.Len(t, readings, 1)
	return readings[0]
}

func nothingNoted(t *testing.T, s LeaseStore) {
	grant := running(leaseKey(t, "a", 1), lasting)
	grant.Status = health.Passing
	s.grant(t, grant)
	assert.Zero(t, s.reading(t, "a"))
	assert.Zero(t, s.reading(t, "unknown"))
	assert.Zero(t, s.ofService(t, "shop"))
	readings, err := s.Instances(t.Context())
	require.NoError(t, err)
	assert.Empty(t, readings)
	readings, err = s.Services(t.Context())
	require.NoError(t, err)
	assert.Empty(t, readings)
	require.NoError(t, s.Note(t.Context()))
}

func averageMoves(t *testing.T, s LeaseStore) {
	average := 0.0
	for i, ms := range []float64{100, 50, 12.345678901, 0, 1e9, 0.001} {
		s.note(t, "a", measured(ms))
		average += 0.2 * (ms - average)
		if i == 0 {
			average = ms
		}
		for _, r := range []registry.Reading{s.reading(t, "a"), s.ofService(t, "shop")} {
			assert.True(t, r.Measured)
			assert.InDelta(t, ms, r.ResponseTime, 1e-9*ms)
			assert.InDelta(t, average, r.Average, 1e-9*average)
		}
		s.note(t, "a", checked(health.Passing))
	}
}

func zeroIsMeasured(t *testing.T, s LeaseStore) {
	s.note(t, "a", checked(health.Passing))
	assert.False(t, s.reading(t, "a").Measured)
	s.note(t, "a", measured(0))
	r := s.reading(t, "a")
	assert.True(t, r.Measured)
	assert.Zero(t, r.ResponseTime)
	assert.Zero(t, r.Average)
	s.note(t, "a", measured(10))
	assert.InDelta(t, 2, s.reading(t, "a").Average, 1e-9)
}

func failuresInARow(t *testing.T, s LeaseStore) {
	s.note(t, "a", checked(health.Critical), reported(health.Critical), registry.Observation{}, measured(5))
	assert.Equal(t, 2, s.reading(t, "a").Failures)
	s.note(t, "a", checked(health.Critical))
	assert.Equal(t, 3, s.reading(t, "a").Failures)
	for _, other := range []health.Status{health.Passing, health.Warning, health.Unknown} {
		s.note(t, "a", checked(other))
		assert.Zero(t, s.reading(t, "a").Failures, other)
		s.note(t, "a", checked(health.Critical))
		assert.Equal(t, 1, s.reading(t, "a").Failures, other)
	}
	assert.Zero(t, s.ofService(t, "shop").Failures, "services have no failures in a row")
}

func reportsCounted(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), lasting))
	s.note(t, "a", reported(health.Passing), checked(health.Critical), measured(1), reported(health.Unknown))
	with, without := heartbeat(t, "a", 1), heartbeat(t, "a", 1)
	with.Observation = reported(health.Warning)
	s.renew(t, with, without)
	assert.EqualValues(t, 3, s.reading(t, "a").Reports)
	assert.EqualValues(t, 3, s.ofService(t, "shop").Reports)
}

func heartbeatObserves(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), lasting))
	s.renew(t, heartbeat(t, "a", 1))
	silent := s.reading(t, "a")
	assert.False(t, silent.At.IsZero(), "it was observed")
	assert.Equal(t, registry.Reading{At: silent.At}, silent)

	critical := heartbeat(t, "a", 1)
	critical.Observation = reported(health.Critical)
	critical.ResponseTime = measured(25).ResponseTime
	s.renew(t, critical, critical)
	r := s.reading(t, "a")
	assert.Equal(t, 2, r.Failures)
	assert.EqualValues(t, 2, r.Reports)
	assert.InDelta(t, 25, r.Average, 1e-9)
	of := s.ofService(t, "shop")
	assert.InDelta(t, 25, of.Average, 1e-9)
	assert.EqualValues(t, 2, of.Reports)
}

func forgotten(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), lasting), running(leaseKey(t, "b", 1), lasting))
	for _, id := range []string{"a", "b"} {
		s.note(t, id, reported(health.Critical), measured(9))
	}
	require.NoError(t, s.Forget(t.Context(), []string{"shop", "nobody"}, instance(t, "a"), instance(t, "nobody")))
	assert.Zero(t, s.ofService(t, "shop"))
	assert.Zero(t, s.reading(t, "a"))
	assert.Equal(t, 1, s.reading(t, "b").Failures)
	assertOutcome(t, registry.LeaseRenewed, s.renew(t, heartbeat(t, "a", 1)))
	s.note(t, "a", measured(3))
	assert.InDelta(t, 3, s.ofService(t, "shop").Average, 1e-9)
	require.NoError(t, s.Forget(t.Context(), nil))
}

func lostHeartbeat(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 2), lasting))
	for _, r := range []registry.Renewal{heartbeat(t, "a", 1), heartbeat(t, "a", 3), heartbeat(t, "unknown", 1)} {
		r.Observation = reported(health.Critical)
		s.renew(t, r)
	}
	assert.Zero(t, s.reading(t, "a"))
	assert.Zero(t, s.reading(t, "unknown"))
	assert.Zero(t, s.ofService(t, "shop"))
}

func lastObserved(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "a", 1), lasting))
	observe := []func(){
		func() { s.note(t, "a", checked(health.Passing)) },
		func() { s.note(t, "a", measured(1)) },
		func() { s.renew(t, heartbeat(t, "a", 1)) },
	}
	var before time.Time
	for _, something := range observe {
		something()
		r := s.reading(t, "a")
		assert.Equal(t, time.UTC, r.At.Location())
		assert.True(t, r.At.After(before))
		assert.Equal(t, r.At, s.ofService(t, "shop").At)
		before = r.At
		s.Advance(brief)
		assert.Equal(t, before, s.reading(t, "a").At)
	}
}

func serviceReading(t *testing.T, s LeaseStore) {
	s.grant(t, running(leaseKey(t, "b", 1), lasting))
	s.note(t, "a", measured(100), reported(health.Passing))
	s.Advance(brief)
	b := heartbeat(t, "b", 1)
	b.Observation = reported(health.Critical)
	b.ResponseTime = measured(50).ResponseTime
	s.renew(t, b)
	of := s.ofService(t, "shop")
	assert.InDelta(t, 50, of.ResponseTime, 1e-9)
	assert.InDelta(t, 90, of.Average, 1e-9)
	assert.EqualValues(t, 2, of.Reports)
	assert.Equal(t, s.reading(t, "b").At, of.At)
	assert.InDelta(t, 100, s.reading(t, "a").Average, 1e-9)
	assert.InDelta(t, 50, s.reading(t, "b").Average, 1e-9)
}
