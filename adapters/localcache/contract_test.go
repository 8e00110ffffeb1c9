package localcache_test

import (
	"testing"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// fresh returns an empty store with a stopped clock.
func fresh(*testing.T) contract.LeaseStore {
	clock, stopwatch := fixture.NewClock(), fixture.NewStopwatch()
	epoch := fixture.NewEpoch()
	store := localcache.New(clock, stopwatch, epoch.Present)
	return contract.LeaseStore{
		Leases: store, Readings: store, Members: store, Epochs: epoch,
		Advance: func(d time.Duration) {
			clock.Move(d)
			stopwatch.Move(d)
		},
	}
}

func TestLocalCache(t *testing.T) {
	t.Parallel()
	contract.LocalCache(t, func(*testing.T) ports.LocalCache[string, int] {
		return localcache.NewCache[string, int](contract.CacheBudget)
	}, nil)
}

func TestLeases(t *testing.T) {
	t.Parallel()
	contract.Leases(t, fresh, nil)
}

func TestReadings(t *testing.T) {
	t.Parallel()
	contract.Readings(t, fresh, nil)
}

func TestMembers(t *testing.T) {
	t.Parallel()
	contract.Members(t, fresh, nil)
}
