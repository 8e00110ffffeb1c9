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

// nobody is a store that is not to be asked.
func nobody(tb testing.TB) readthrough.Loader[int64] {
	tb.Helper()
	return func(context.Context) (int64, int64, error) {
		tb.Error("the store was asked")
		return 0, 0, fault.ErrUnavailable
	}
}

func TestShared(t *testing.T) {
	t.Parallel()

	t.Run("what one replica read or wrote, another one need not ask the store for", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := fixture.NewShared[string, int64]()
			one, other := newReplica(shared), newReplica(shared)
			one.reads(t, "a", says(3))
			one.Saved("b", 2, 2)
			synctest.Wait()
			assert.Equal(t, int64(3), other.reads(t, "a", nobody(t)))
			assert.Equal(t, int64(2), other.reads(t, "b", nobody(t)))
		})
	})

	t.Run("what is known to be older is not believed", func(t *testing.T) {
		t.Parallel()
		for name, know := range map[string]func(*replica){
			"told":           func(r *replica) { r.Changed("a", 2, 1, "") },
			"written":        func(r *replica) { r.Saved("a", 2, 2); r.local.Drop("a") },
			"read before":    func(r *replica) { r.reads(t, "a", says(2)); r.local.Drop("a") },
			"another epoch":  func(r *replica) { r.tail.Move(0); r.tail.Begin("fedcba9876543210") },
			"begins anew":    func(r *replica) { r.watch.Move(time.Second); r.tail.Grow(1); r.Clear() },
			"told long ago":  func(r *replica) { r.Changed("a", 2, 1, ""); r.turn(2) },
			"behind at once": func(r *replica) { r.tail.Move(5); r.Clear(); r.watch.Move(1) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				shared := fixture.NewShared[string, int64]()
				r := newReplica(shared)
				know(r)
				shared.Hold("a", kept(1, 0))
				assert.Equal(t, int64(2), r.reads(t, "a", says(2)))
			})
		}
	})

	t.Run("memory that began anew believes what was shared since", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewShared[string, int64]()
		r := newReplica(shared)
		r.watch.Move(time.Second)
		r.tail.Move(7)
		r.Clear()
		r.watch.Move(1)
		shared.Hold("a", kept(4, 7))
		assert.Equal(t, int64(4), r.reads(t, "a", nobody(t)))
	})

	t.Run("that there is none is shared, until there is one", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := fixture.NewShared[string, int64]()
			one, other := newReplica(shared), newReplica(shared)
			one.reads(t, "a", says(0))
			synctest.Wait()
			assert.Zero(t, other.reads(t, "a", nobody(t)))
			other.Changed("a", 1, 1, "")
			assert.Equal(t, int64(1), other.reads(t, "a", says(1)))
		})
	})

	t.Run("a filler that was overtaken leaves nothing old behind", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := fixture.NewShared[string, int64]()
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
			got, held := shared.Get(t.Context(), "a")
			assert.True(t, held)
			assert.Equal(t, int64(2), got.Version)
			assert.Nil(t, one.Recall("a"))
			shared.Flush()
			shared.Put(t.Context(), "a", kept(1, 0))
			assert.Equal(t, int64(2), one.reads(t, "a", says(2)))
		})
	})

	t.Run("at least a version is asked of the store", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewShared[string, int64]()
		shared.Hold("a", kept(1, 0))
		r := newReplica(shared)
		h, _, err := r.Load(t.Context(), "a", 2, says(2))
		require.NoError(t, err)
		assert.Equal(t, int64(2), h.Version)
	})
}

func TestSharedWithoutStore(t *testing.T) {
	t.Parallel()
	away := func(asked *int) readthrough.Loader[int64] {
		return func(ctx context.Context) (int64, int64, error) {
			*asked++
			<-ctx.Done()
			return 0, 0, fault.ErrUnavailable
		}
	}

	t.Run("what is shared is used while the store is away, and says how old it may be", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			shared := fixture.NewShared[string, int64]()
			shared.Hold("a", kept(1, 0))
			r := newReplica(shared)
			r.watch.Move(time.Second) // and the tail was there
			r.tail.Grow(10 * time.Second)
			r.watch.Move(10 * time.Second)
			asked := 0
			for range 3 {
				began := time.Now()
				h, stale, err := r.Load(t.Context(), "a", 0, away(&asked))
				require.NoError(t, err)
				assert.Equal(t, int64(1), h.Version)
				assert.Equal(t, 10*time.Second, stale)
				assert.LessOrEqual(t, time.Since(began), 250*time.Millisecond)
				assert.Nil(t, r.Recall("a"))
			}
			assert.Equal(t, 1, asked, "a store that has failed is left alone for a second")
			_, _, err := r.Load(t.Context(), "b", 0, away(&asked))
			require.ErrorIs(t, err, fault.ErrUnavailable)
		})
	})
}

// TestStoreAway has many ask for what nobody holds, while the store hangs.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newReplica(nil)
		r.tail.Grow(10 * time.Second)
		asked := 0
		var mu sync.Mutex
		hangs := func(ctx context.Context) (int64, int64, error) {
			mu.Lock()
			asked++
			mu.Unlock()
			<-ctx.Done()
			return 0, 0, fault.ErrUnavailable
		}
		many := func(ask readthrough.Loader[int64]) (failed int, took time.Duration) {
			began := time.Now()
			errs := make(chan error, 100)
			for n := range cap(errs) {
				go func() {
					_, _, err := r.Load(t.Context(), strconv.Itoa(n), 0, ask)
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
		assert.Less(t, asked, 100, "who waited for another one's answer does not ask after it failed")
		asked = 0
		failed, took := many(hangs)
		assert.Equal(t, 100, failed)
		assert.Zero(t, took, "all but one do not wait")
		assert.Equal(t, 1, asked)

		_, _, err := r.Load(t.Context(), "it", 0, says(1))
		require.NoError(t, err, "one finds out that it is back")
		failed, _ = many(says(1))
		assert.Zero(t, failed)
	})
	synctest.Test(t, func(t *testing.T) {
		r := newReplica(nil)
		_, _, err := r.Load(t.Context(), "a", 0, func(context.Context) (int64, int64, error) { return 0, 0, fault.ErrUnavailable })
		require.Error(t, err)
		enough := make(chan struct{})
		for n := range 2 {
			go func() {
				_, _, err := r.Load(t.Context(), strconv.Itoa(n), 0, func(context.Context) (int64, int64, error) {
					<-enough
					return 1, 1, nil
				})
				assert.NoError(t, err, "who answers the tail is not away")
			}()
		}
		synctest.Wait()
		close(enough)
		synctest.Wait()
	})
}

func TestForgetting(t *testing.T) {
	t.Parallel()

	t.Run("too much to note is forgotten without believing what is old", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewShared[string, int64]()
		r := newReplica(shared)
		r.Changed("a", 2, 1, "")
		for i := range int64(40_000) {
			r.Changed(strconv.FormatInt(i, 10), 1, 2+i, "")
		}
		r.tail.Move(40_001)
		shared.Hold("a", kept(1, 0))
		assert.Equal(t, int64(2), r.reads(t, "a", says(2)))
		shared.Hold("b", kept(1, 40_001))
		assert.Equal(t, int64(1), r.reads(t, "b", nobody(t)), "who was as far is believed")
	})

	t.Run("a load that began longer ago than is remembered is not kept", func(t *testing.T) {
		t.Parallel()
		r := newReplica(nil)
		r.reads(t, "a", func(context.Context) (int64, int64, error) {
			r.Changed("a", 2, 1, "")
			r.turn(3)
			return 1, 1, nil
		})
		assert.Nil(t, r.Recall("a"))
	})

	t.Run("what was loaded and never told of is doubted with all else", func(t *testing.T) {
		t.Parallel()
		shared := fixture.NewShared[string, int64]()
		r := newReplica(shared)
		r.watch.Move(time.Second)
		r.reads(t, "a", says(2))
		r.local.Drop("a")
		// The tail stands still.
		for range 3 {
			r.watch.Move(lifetime)
			r.tail.Grow(lifetime)
			r.Changed("b", 1, 1, "")
		}
		shared.Hold("a", kept(1, 0))
		h, _, err := r.Load(t.Context(), "a", 0, says(2))
		require.NoError(t, err)
		assert.Equal(t, int64(2), h.Version)
	})
}

// turn lets so many generations pass, in which the tail is at the feed's end.
func (r *replica) turn(n int) {
	for range n {
		r.watch.Move(lifetime)
		r.Changed("other", 1, 0, "")
	}
}
