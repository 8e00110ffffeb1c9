package system_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
)

func TestClock(t *testing.T) {
	t.Parallel()
	contract.Clock(t, func(*testing.T) ports.Clock { return system.NewClock() })
}

func TestIDs(t *testing.T) {
	t.Parallel()
	contract.IDs(t, func(*testing.T) ports.IDs { return system.NewIDs() })
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	contract.Backoff(t, func(*testing.T) ports.Backoff { return system.NewBackoff() })
}

func TestStopwatch(t *testing.T) {
	t.Parallel()
	contract.Stopwatch(t, func(*testing.T) ports.Stopwatch { return system.NewStopwatch() })

	t.Run("it measures elapsed time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := system.NewStopwatch()
			assert.Zero(t, s.Elapsed())
			<-time.After(time.Minute)
			assert.Equal(t, time.Minute, s.Elapsed())
		})
	})
}
