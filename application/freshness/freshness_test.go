package freshness_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/freshness"
)

var errStore = errors.New("store unavailable")

func TestStale(t *testing.T) {
	t.Parallel()
	assert.False(t, freshness.Stale(freshness.MaxStaleness))
	assert.True(t, freshness.Stale(freshness.MaxStaleness+1))
}

func TestConfirmation(t *testing.T) {
	t.Parallel()
	var c freshness.Confirmation
	assert.False(t, c.Ever())
	assert.Equal(t, 5*time.Second, c.Age(5*time.Second), "counts from the start without a confirmation")

	c.Record(time.Second, errStore)
	assert.False(t, c.Ever())
	assert.True(t, c.Failing())
	assert.Equal(t, 4*time.Second, c.Outage(4*time.Second))

	c.Record(5*time.Second, nil)
	assert.True(t, c.Ever())
	assert.False(t, c.Failing())
	assert.Equal(t, time.Second, c.Age(6*time.Second))
	assert.Zero(t, c.Age(4*time.Second), "a time that was read before the confirmation")
	assert.Zero(t, c.Outage(9*time.Second), "comparisons succeed")

	c.Record(7*time.Second, errStore)
	assert.True(t, c.Ever())
	assert.Equal(t, 3*time.Second, c.Outage(8*time.Second), "the age of the last confirmation")
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	var b freshness.Backoff
	assert.False(t, b.Active(0))
	b.Start(time.Minute)
	assert.True(t, b.Active(time.Minute))
	assert.True(t, b.Active(time.Minute+time.Second-1))
	assert.False(t, b.Active(time.Minute+time.Second))
}

// loads counts loads that end when they are released.
type loads struct {
	group   freshness.Group[string, int64]
	started atomic.Int64
	release chan struct{}
}

func newLoads() *loads { return &loads{release: make(chan struct{})} }

// do joins or starts a load of a key whose result is the number of the load.
func (l *loads) do(ctx context.Context, key string) *freshness.Flight[int64] {
	return l.group.Do(ctx, key, time.Minute, func(ctx context.Context) int64 {
		number := l.started.Add(1)
		select {
		case <-l.release:
			return number
		case <-ctx.Done():
			return -1
		}
	})
}

func result(t *testing.T, f *freshness.Flight[int64]) int64 {
	t.Helper()
	got, landed := f.Await(t.Context())
	require.True(t, landed)
	return got
}

func TestGroup(t *testing.T) {
	t.Parallel()

	t.Run("concurrent callers of a key share one load", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLoads()
			flights := make(chan *freshness.Flight[int64], 10)
			for range cap(flights) {
				go func() { flights <- l.do(t.Context(), "a") }()
			}
			synctest.Wait()
			close(l.release)
			for range cap(flights) {
				assert.Equal(t, int64(1), result(t, <-flights))
			}
			assert.Equal(t, int64(2), result(t, l.do(t.Context(), "a")), "a result is not cached")
		})
	})

	t.Run("keys are loaded independently", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLoads()
			a, b := l.do(t.Context(), "a"), l.do(t.Context(), "b")
			synctest.Wait()
			close(l.release)
			assert.NotEqual(t, result(t, a), result(t, b))
		})
	})

	t.Run("a detached load answers its waiters alone", func(t *testing.T) {
		t.Parallel()
		for name, detach := range map[string]func(*loads){
			"its key":  func(l *loads) { l.group.Detach("other", "a") },
			"all keys": func(l *loads) { l.group.DetachAll() },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					l := newLoads()
					before := l.do(t.Context(), "a")
					synctest.Wait()
					detach(l)
					after := l.do(t.Context(), "a")
					synctest.Wait()
					l.release <- struct{}{}
					l.release <- struct{}{}
					assert.Equal(t, int64(1), result(t, before))
					assert.Equal(t, int64(2), result(t, after))
				})
			})
		}
	})

	t.Run("the end of a detached load leaves the new one joinable", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLoads()
			before := l.group.Do(t.Context(), "a", time.Minute, func(context.Context) int64 { <-l.release; return 0 })
			l.group.Detach("a")
			open := make(chan struct{})
			after := l.group.Do(t.Context(), "a", time.Minute, func(context.Context) int64 { <-open; return 1 })
			close(l.release)
			result(t, before)
			assert.Same(t, after, l.do(t.Context(), "a"))
			close(open)
			assert.Equal(t, int64(1), result(t, after))
		})
	})

	t.Run("a load outlives its callers and ends with its timeout", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLoads()
			ctx, cancel := context.WithCancel(t.Context())
			f := l.do(ctx, "a")
			cancel()
			_, landed := f.Await(ctx)
			assert.False(t, landed)
			_, landed = f.AwaitFor(ctx, time.Hour)
			assert.False(t, landed)
			began := time.Now()
			_, landed = f.AwaitFor(t.Context(), time.Second)
			assert.False(t, landed)
			assert.Equal(t, time.Second, time.Since(began))
			assert.Equal(t, int64(-1), result(t, f))
			assert.Equal(t, time.Minute, time.Since(began))
			got, landed := f.AwaitFor(t.Context(), time.Second)
			assert.True(t, landed)
			assert.Equal(t, int64(-1), got)
		})
	})
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	stale, fresh := func() bool { return true }, func() bool { return false }

	t.Run("as many loads as there are slots are admitted, others wait", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := freshness.NewLimiter(1)
			release, err := l.Acquire(t.Context(), stale)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err = l.Acquire(ctx, stale)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			release()
			release, err = l.Acquire(t.Context(), stale)
			require.NoError(t, err)
			release()
		})
	})

	t.Run("while the store is unavailable one load is the trial, others are rejected at once", func(t *testing.T) {
		t.Parallel()
		l := freshness.NewLimiter(2)
		l.Record(0, true)
		assert.True(t, l.Active(0))
		release, err := l.Acquire(t.Context(), stale)
		require.NoError(t, err)
		_, err = l.Acquire(t.Context(), stale)
		require.ErrorIs(t, err, freshness.ErrTrialInFlight)
		l.Record(time.Second, false)
		release()
		for range 2 {
			_, err = l.Acquire(t.Context(), stale)
			require.NoError(t, err, "a load that succeeds ends that")
		}
	})

	t.Run("after a failure a replica that follows the feed is not limited to a trial", func(t *testing.T) {
		t.Parallel()
		l := freshness.NewLimiter(2)
		l.Record(0, true)
		for range 2 {
			_, err := l.Acquire(t.Context(), fresh)
			require.NoError(t, err)
		}
	})

	t.Run("a load that waited for a slot while the store became unavailable is rejected", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := freshness.NewLimiter(1)
			release, err := l.Acquire(t.Context(), stale)
			require.NoError(t, err)
			errs := make(chan error, 2)
			for range cap(errs) {
				go func() {
					_, err := l.Acquire(t.Context(), stale)
					errs <- err
				}()
			}
			synctest.Wait()
			l.Record(0, true)
			release()
			synctest.Wait()
			require.ErrorIs(t, errors.Join(<-errs, <-errs), freshness.ErrTrialInFlight)
		})
	})
}

func TestRefresher(t *testing.T) {
	t.Parallel()
	type bundle struct {
		*freshness.Refresher

		now   atomic.Int64
		loads atomic.Int64
		load  func(context.Context) error
	}
	setup := func() *bundle {
		b := &bundle{}
		b.Refresher = freshness.NewRefresher(func() time.Duration { return time.Duration(b.now.Load()) }, time.Minute,
			func(ctx context.Context) error {
				b.loads.Add(1)
				return b.load(ctx)
			})
		return b
	}

	t.Run("callers share one load, and a failure is not repeated during the back-off", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup()
			b.load = func(context.Context) error { time.Sleep(time.Millisecond); return errStore }
			for range 10 {
				go b.Refresh(t.Context())
			}
			b.Refresh(t.Context())
			b.Refresh(t.Context())
			assert.EqualValues(t, 1, b.loads.Load())
			b.now.Store(int64(time.Second))
			b.Refresh(t.Context())
			assert.EqualValues(t, 2, b.loads.Load())
		})
	})

	t.Run("a success may be followed by another load at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup()
			b.load = func(context.Context) error { return nil }
			b.Refresh(t.Context())
			b.Refresh(t.Context())
			assert.EqualValues(t, 2, b.loads.Load())
		})
	})

	t.Run("no caller waits longer than RefreshWait or its own context", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup()
			b.load = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
			began := time.Now()
			b.Refresh(t.Context())
			assert.Equal(t, freshness.RefreshWait, time.Since(began))
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			b.Refresh(ctx)
			assert.Equal(t, freshness.RefreshWait+time.Millisecond, time.Since(began))
			assert.EqualValues(t, 1, b.loads.Load())
			time.Sleep(time.Minute) // of the bubble: the load ends
		})
	})
}
