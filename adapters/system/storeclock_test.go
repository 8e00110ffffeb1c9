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

	t.Run("it is a clock before the first answer and after it", func(t *testing.T) {
		t.Parallel()
		contract.Clock(t, func(*testing.T) ports.Clock {
			return system.NewStoreClock(system.NewClock(), system.NewStopwatch())
		})
		contract.Clock(t, func(*testing.T) ports.Clock {
			c := system.NewStoreClock(system.NewClock(), system.NewStopwatch())
			c.Asked()(fixture.Noon().Add(1234 * time.Nanosecond))
			return c
		})
	})

	// ahead returns a clock on a machine that is forty days ahead of the store.
	ahead := func() (*system.StoreClock, *fixture.Clock, *fixture.Stopwatch) {
		local, watch := fixture.NewClock(), fixture.NewStopwatch()
		local.Move(fortyDays)
		return system.NewStoreClock(local, watch), local, watch
	}

	t.Run("it tells the store's time, whatever this machine's clock shows", func(t *testing.T) {
		t.Parallel()
		c, local, watch := ahead()
		assert.Equal(t, fixture.Noon().Add(fortyDays), c.Now(), "nothing else is known yet")
		assert.Zero(t, c.Skew())
		answered := c.Asked()
		watch.Move(time.Second)
		answered(fixture.Noon())
		assert.Equal(t, fixture.Noon().Add(500*time.Millisecond), c.Now(), "half of the way back is taken for passed")
		watch.Move(time.Minute)
		local.Move(-fortyDays)
		assert.Equal(t, fixture.Noon().Add(time.Minute+500*time.Millisecond), c.Now())
	})

	t.Run("an answer that fits changes nothing, and one that does not moves it no further than it has to", func(t *testing.T) {
		t.Parallel()
		c, _, watch := ahead()
		c.Asked()(fixture.Noon())
		answered := c.Asked()
		watch.Move(time.Second)
		answered(fixture.Noon().Add(700 * time.Millisecond))
		assert.Equal(t, fixture.Noon().Add(time.Second), c.Now())
		answered = c.Asked()
		watch.Move(time.Second)
		answered(fixture.Noon().Add(3 * time.Second))
		assert.Equal(t, fixture.Noon().Add(3*time.Second), c.Now(), "the store looked at its clock when it answered")
	})

	t.Run("it waits for a store that was put back a little, and follows one that was put back far", func(t *testing.T) {
		t.Parallel()
		c, _, watch := ahead()
		c.Asked()(fixture.Noon())
		require.Equal(t, fixture.Noon(), c.Now())
		c.Asked()(fixture.Noon().Add(-time.Minute))
		assert.Equal(t, fixture.Noon(), c.Now())
		watch.Move(time.Minute + time.Second)
		assert.Equal(t, fixture.Noon().Add(time.Second), c.Now())
		c.Asked()(fixture.Noon().Add(-time.Hour))
		assert.Equal(t, fixture.Noon().Add(-time.Hour), c.Now())
	})

	t.Run("the skew is this machine's", func(t *testing.T) {
		t.Parallel()
		c, _, _ := ahead()
		c.Asked()(fixture.Noon())
		assert.Equal(t, fortyDays, c.Skew())
		c.Asked()(fixture.Noon().Add(2 * fortyDays))
		assert.Equal(t, -fortyDays, c.Skew())
	})

	t.Run("it never goes back while others tell it the time", func(t *testing.T) {
		t.Parallel()
		c := system.NewStoreClock(system.NewClock(), system.NewStopwatch())
		c.Asked()(fixture.Noon())
		var asking sync.WaitGroup
		for range 4 {
			asking.Go(func() {
				before := c.Now()
				for i := range 2000 {
					c.Asked()(before.Add(time.Duration(i%2) * time.Second))
					now := c.Now()
					if now.Before(before) {
						t.Errorf("%v follows %v", now, before)
						return
					}
					before = now
				}
			})
		}
		asking.Wait()
	})
}
