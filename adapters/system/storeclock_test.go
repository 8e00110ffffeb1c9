package system_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestStoreClock(t *testing.T) {
	t.Parallel()
	const fortyDays = 40 * 24 * time.Hour

	t.Run("it keeps the contract before and after the first response", func(t *testing.T) {
		t.Parallel()
		contract.Clock(t, func(*testing.T) ports.Clock {
			return system.NewStoreClock(system.NewClock(), system.NewStopwatch())
		})
		contract.Clock(t, func(*testing.T) ports.Clock {
			c := system.NewStoreClock(system.NewClock(), system.NewStopwatch())
			c.TimeQuery()(fixture.Noon().Add(1234 * time.Nanosecond))
			return c
		})
	})

	// ahead returns a clock on a machine that is 40 days ahead of the store.
	ahead := func() (*system.StoreClock, *fixture.Clock, *fixture.Stopwatch) {
		local, watch := fixture.NewClock(), fixture.NewStopwatch()
		local.Move(fortyDays)
		return system.NewStoreClock(local, watch), local, watch
	}

	t.Run("it returns the store's time, independent of this machine's clock", func(t *testing.T) {
		t.Parallel()
		c, local, watch := ahead()
		assert.Equal(t, fixture.Noon().Add(fortyDays), c.Now(), "there was no response yet")
		assert.Zero(t, c.Skew())
		response := c.TimeQuery()
		watch.Move(time.Second)
		response(fixture.Noon())
		assert.Equal(t, fixture.Noon().Add(500*time.Millisecond), c.Now(), "the store read its clock half-way")
		watch.Move(time.Minute)
		local.Move(-fortyDays)
		assert.Equal(t, fixture.Noon().Add(time.Minute+500*time.Millisecond), c.Now())
	})

	t.Run("a consistent response changes nothing, and another one moves the clock as little as possible", func(t *testing.T) {
		t.Parallel()
		c, _, watch := ahead()
		c.TimeQuery()(fixture.Noon())
		response := c.TimeQuery()
		watch.Move(time.Second)
		response(fixture.Noon().Add(700 * time.Millisecond))
		assert.Equal(t, fixture.Noon().Add(time.Second), c.Now())
		response = c.TimeQuery()
		watch.Move(time.Second)
		response(fixture.Noon().Add(3 * time.Second))
		assert.Equal(t, fixture.Noon().Add(3*time.Second), c.Now(), "the store read its clock last")
	})

	t.Run("a small backward step pauses the clock; a large one resets it", func(t *testing.T) {
		t.Parallel()
		c, _, watch := ahead()
		c.TimeQuery()(fixture.Noon())
		require.Equal(t, fixture.Noon(), c.Now())
		c.TimeQuery()(fixture.Noon().Add(-time.Minute))
		assert.Equal(t, fixture.Noon(), c.Now())
		watch.Move(time.Minute + time.Second)
		assert.Equal(t, fixture.Noon().Add(time.Second), c.Now())
		c.TimeQuery()(fixture.Noon().Add(-time.Hour))
		assert.Equal(t, fixture.Noon().Add(-time.Hour), c.Now())
	})

	t.Run("the skew is this machine's", func(t *testing.T) {
		t.Parallel()
		c, _, _ := ahead()
		c.TimeQuery()(fixture.Noon())
		assert.Equal(t, fortyDays, c.Skew())
		c.TimeQuery()(fixture.Noon().Add(2 * fortyDays))
		assert.Equal(t, -fortyDays, c.Skew())
	})

	t.Run("it never goes back under concurrent responses", func(t *testing.T) {
		t.Parallel()
		c := system.NewStoreClock(system.NewClock(), system.NewStopwatch())
		c.TimeQuery()(fixture.Noon())
		var requests sync.WaitGroup
		for range 4 {
			requests.Go(func() {
				before := c.Now()
				for i := range 2000 {
					c.TimeQuery()(before.Add(time.Duration(i%2) * time.Second))
					now := c.Now()
					if now.Before(before) {
						t.Errorf("%v follows %v", now, before)
						return
					}
					before = now
				}
			})
		}
		requests.Wait()
	})
}
