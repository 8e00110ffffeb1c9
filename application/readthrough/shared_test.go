package readthrough_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/readthrough"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// unqueried is a store that must not be queried.
func unqueried(tb testing.TB) readthrough.Loader[int64] {
	tb.Helper()
	return func(context.Context) (int64, int64, error) {
		tb.Error("the store was queried")
		return 0, 0, fault.ErrUnavailable
	}
}

func TestShared(t *testing.T) {
	t.Parallel()

	t.Run("a value that one replica loaded or saved is read by another without a query", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := fixture.NewSharedCache[string, int64]()
			one, other := newReplica(shared), newReplica(shared)
			one.reads(t, "a", stored(3))
			one.Saved("b", 2, 2)
			synctest.Wait()
			assert.Equal(t, int64(3), other.reads(t, "a", unqueried(t)))
			assert.Equal(t, int64(2), other.reads(t, "b", unqueried(t)))
		})
	})

	t.Run("stale shared values are rejected", func(t *testing.T) {
		t.Parallel()
		for name, prepare := range map[string]func(*replica){
			"changed":       func(r *replica) { r.Changed("a", 2, 1, "") },
			"saved":         func(r *replica) { r.Saved("a", 2, 2); r.local.Invalidate("a") },
			"loaded before": func(r *replica) { r.reads(t, "a", stored(2)); r.local.Invalidate("a") },
			"another epoch": func(r *replica) { r.tail.Move(0); r.tail.Begin("fedcba9876543210") },
			"cleared":       func(r *replica) { r.watch.Move(time.Second); r.tail.Grow(1); r.Clear() },
			"changed early": func(r *replica) { r.Changed("a", 2, 1, ""); r.rotate(2) },
			"just cleared":  func(r *replica) { r.tail.Move(5); r.Clear(); r.watch.Move(1) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				shared := fixture.NewSharedCache[string, int64]()
				r := newReplica(shared)
				prepare(r)
				shared.Force("a", sharedValue(1, 0))
				assert.Equal(t, int64(2), r.reads(t, "a", stored(2)))
			})
		}
	})

	t.Run("a cleared cache accepts values shared since", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewSharedCache[string, int64]()
		r := newReplica(shared)
		r.watch.Move(time.Second)
		r.tail.Move(7)
		r.Clear()
		r.watch.Move(1)
		shared.Force("a", sharedValue(4, 7))
		assert.Equal(t, int64(4), r.reads(t, "a", unqueried(t)))
	})

	t.Run("a negative entry is shared, until there is a value", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := fixture.NewSharedCache[string, int64]()
			one, other := newReplica(shared), newReplica(shared)
			one.reads(t, "a", stored(0))
			synctest.Wait()
			assert.Zero(t, other.reads(t, "a", unqueried(t)))
			other.Changed("a", 1, 1, "")
			assert.Equal(t, int64(1), other.reads(t, "a", stored(1)))
		})
	})

	t.Run("a load that was overtaken by a save is not cached, here or in the shared cache", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := fixture.NewSharedCache[string, int64]()
			one, other := newReplica(shared), newReplica(shared)
			paused := make(chan struct{})
			go func() {
				_, _ = one.answer(t.Context(), "a", func(context.Context) (int64, int64, error) {
					<-paused
					return 1, 1, nil
				})
			}()
			synctest.Wait()
			other.Saved("a", 2, 2)
			for _, r := range []*replica{one, other} {
				r.Changed("a", 2, 1, "")
				r.tail.Move(1)
			}
			synctest.Wait()
			close(paused)
			synctest.Wait()
			got, cached := shared.Get(t.Context(), "a")
			assert.True(t, cached)
			assert.Equal(t, int64(2), got.Version)
			assert.Nil(t, one.Recall("a"))
			shared.Flush()
			shared.Put(t.Context(), "a", sharedValue(1, 0))
			assert.Equal(t, int64(2), one.reads(t, "a", stored(2)))
		})
	})

	t.Run("a read with a minimum version bypasses the shared cache", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewSharedCache[string, int64]()
		shared.Force("a", sharedValue(1, 0))
		r := newReplica(shared)
		h, _, err := r.Load(t.Context(), "a", 2, stored(2))
		require.NoError(t, err)
		assert.Equal(t, int64(2), h.Version)
	})
}

func TestSharedWithoutStore(t *testing.T) {
	t.Parallel()
	unavailable := func(queries *int) readthrough.Loader[int64] {
		return func(ctx context.Context) (int64, int64, error) {
			*queries++
			<-ctx.Done()
			return 0, 0, fault.ErrUnavailable
		}
	}

	t.Run("shared values are served with their age while the store is unavailable", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := fixture.NewSharedCache[string, int64]()
			shared.Force("a", sharedValue(1, 0))
			r := newReplica(shared)
			r.watch.Move(time.Second) // with the replica at the feed's end
			r.tail.Grow(10 * time.Second)
			r.watch.Move(10 * time.Second)
			queries := 0
			for range 3 {
				began := time.Now()
				h, stale, err := r.Load(t.Context(), "a", 0, unavailable(&queries))
				require.NoError(t, err)
				assert.Equal(t, int64(1), h.Version)
				assert.Equal(t, 10*time.Second, stale)
				assert.LessOrEqual(t, time.Since(began), 250*time.Millisecond)
				assert.Nil(t, r.Recall("a"))
			}
			assert.Equal(t, 1, queries, "the back-off lasts for a second")
			_, _, err := r.Load(t.Context(), "b", 0, unavailable(&queries))
			require.ErrorIs(t, err, fault.ErrUnavailable)
		})
	})
}

// TestStoreUnavailable has concurrent reads of uncached keys while the store hangs.
func TestStoreUnavailable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newReplica(nil)
		r.tail.Grow(10 * time.Second)
		queries := 0
		var mu sync.Mutex
		hangs := func(ctx context.Context) (int64, int64, error) {
			mu.Lock()
			queries++
			mu.Unlock()
			<-ctx.Done()
			return 0, 0, fault.ErrUnavailable
		}
		many := func(query readthrough.Loader[int64]) (failed int, took time.Duration) {
			began := time.Now()
			errs := make(chan error, 100)
			for n := range cap(errs) {
				go func() {
					_, _, err := r.Load(t.Context(), strconv.Itoa(n), 0, query)
					errs <- err
				}()
			}
			for range cap(errs) {
				if errors.Is(<-errs, fault.ErrUnavailable) {
					failed++
				}
				if failed == cap(errs)-1 {
					took = time.Since(began)
				}
			}
			return failed, took
		}
		failed, _ := many(hangs)
		assert.Equal(t, 100, failed)
		assert.Less(t, queries, 100, "callers that waited for a slot do not query after a failure")
		queries = 0
		failed, took := many(hangs)
		assert.Equal(t, 100, failed)
		assert.Zero(t, took, "all but the trial fail at once")
		assert.Equal(t, 1, queries)

		_, _, err := r.Load(t.Context(), "it", 0, stored(1))
		require.NoError(t, err, "the trial succeeds")
		failed, _ = many(stored(1))
		assert.Zero(t, failed)
	})
	synctest.Test(t, func(t *testing.T) {
		r := newReplica(nil)
		_, _, err := r.Load(t.Context(), "a", 0, func(context.Context) (int64, int64, error) { return 0, 0, fault.ErrUnavailable })
		require.Error(t, err)
		release := make(chan struct{})
		for n := range 2 {
			go func() {
				_, _, err := r.Load(t.Context(), strconv.Itoa(n), 0, func(context.Context) (int64, int64, error) {
					<-release
					return 1, 1, nil
				})
				assert.NoError(t, err, "a store that the feed is read from is not unavailable")
			}()
		}
		synctest.Wait()
		close(release)
		synctest.Wait()
	})
}

func TestVersionRecords(t *testing.T) {
	t.Parallel()

	t.Run("discarded records do not make stale values acceptable", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewSharedCache[string, int64]()
		r := newReplica(shared)
		r.Changed("a", 2, 1, "")
		for i := range int64(40_000) {
			r.Changed(strconv.FormatInt(i, 10), 1, 2+i, "")
		}
		r.tail.Move(40_001)
		shared.Force("a", sharedValue(1, 0))
		assert.Equal(t, int64(2), r.reads(t, "a", stored(2)))
		shared.Force("b", sharedValue(1, 40_001))
		assert.Equal(t, int64(1), r.reads(t, "b", unqueried(t)), "a replica at the feed's end is accepted")
	})

	t.Run("a load that is older than the records is not cached", func(t *testing.T) {
		t.Parallel()
		r := newReplica(nil)
		r.reads(t, "a", func(context.Context) (int64, int64, error) {
			r.Changed("a", 2, 1, "")
			r.rotate(3)
			return 1, 1, nil
		})
		assert.Nil(t, r.Recall("a"))
	})

	t.Run("shared values are rejected after loads that the feed did not confirm were discarded", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewSharedCache[string, int64]()
		r := newReplica(shared)
		r.watch.Move(time.Second)
		r.reads(t, "a", stored(2))
		r.local.Invalidate("a")
		// The feed does not advance.
		for range 3 {
			r.watch.Move(lifetime)
			r.tail.Grow(lifetime)
			r.Changed("b", 1, 1, "")
		}
		shared.Force("a", sharedValue(1, 0))
		h, _, err := r.Load(t.Context(), "a", 0, stored(2))
		require.NoError(t, err)
		assert.Equal(t, int64(2), h.Version)
	})
}

// rotate lets so many generations pass, with the replica at the feed's end.
func (r *replica) rotate(n int) {
	for range n {
		r.watch.Move(lifetime)
		r.Changed("other", 1, 0, "")
	}
}
