package localcache_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestConcurrentExpiryAndHeartbeats(t *testing.T) {
	t.Parallel()
	stopwatch := fixture.NewStopwatch()
	store := localcache.New(fixture.NewClock(), stopwatch, fixture.NewEpoch().Present)
	all := grants(t, 2000, time.Second)
	require.NoError(t, store.Grant(t.Context(), all...))
	left := all[:1000]
	renewed := all[1000:]

	concurrently(t,
		func() error {
			for range 50 {
				stopwatch.Move(100 * time.Millisecond)
				for i := range renewed {
					if _, err := store.Renew(t.Context(), registry.Renewal{LeaseKey: renewed[i].LeaseKey}); err != nil {
						return err
					}
				}
			}
			return nil
		},
		func() error {
			for range 200 {
				if err := expireDue(t, store); err != nil {
					return err
				}
			}
			return nil
		},
		func() error {
			for i := range 200 {
				h := left[i].LeaseKey
				if err := store.Remove(t.Context(), h); err != nil {
					return err
				}
				note := registry.Note{Key: h.Key}
				if err := store.Note(t.Context(), note); err != nil {
					return err
				}
				if err := store.Grant(t.Context(), left[i]); err != nil {
					return err
				}
			}
			return nil
		},
	)

	stopwatch.Move(time.Hour)
	found := map[registry.Key]bool{}
	due, err := store.Due(t.Context(), "only", len(all)+1)
	require.NoError(t, err)
	for _, l := range slices.Concat(due.Overdue, due.Removable) {
		assert.False(t, found[l.Key], "a lease is due once")
		found[l.Key] = true
	}
	assert.Len(t, found, len(all), "every lease is due in the end")
}

func expireDue(t *testing.T, store *localcache.Store) error {
	due, err := store.Due(t.Context(), "only", 100)
	if err != nil {
		return err
	}
	_, err = store.Expire(t.Context(), due.Overdue...)
	return err
}

// concurrently runs all functions, and asserts that none fails.
func concurrently(t *testing.T, work ...func() error) {
	t.Helper()
	errs := make(chan error, len(work))
	for _, w := range work {
		go func() { errs <- w() }()
	}
	for range work {
		assert.NoError(t, <-errs)
	}
}

func TestConcurrentRemovalAndDue(t *testing.T) {
	t.Parallel()
	stopwatch := fixture.NewStopwatch()
	store := localcache.New(fixture.NewClock(), stopwatch, fixture.NewEpoch().Present)
	all := grants(t, many, time.Second)
	require.NoError(t, store.Grant(t.Context(), all...))
	stopwatch.Move(time.Minute)
	concurrently(t,
		func() error {
			for range 20 {
				if _, err := store.Due(t.Context(), "only", len(all)); err != nil {
					return err
				}
			}
			return nil
		},
		func() error {
			for i := range all {
				if err := store.Remove(t.Context(), all[i].LeaseKey); err != nil {
					return err
				}
			}
			return nil
		},
	)
	due, err := store.Due(t.Context(), "only", len(all))
	require.NoError(t, err)
	assert.Empty(t, due.Overdue, "a lease that is removed while Due has popped it stays removed")
}
