package accessapp_test

import (
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// unknownKey returns the nth key that nobody has.
func unknownKey(tb testing.TB, n int) string {
	tb.Helper()
	token, err := access.NewToken("u"+strconv.Itoa(1_000_000+n), fixture.Long(access.SecretLength))
	require.NoError(tb, err)
	return token.Text().Reveal()
}

func TestUnknownKeys(t *testing.T) {
	t.Parallel()

	t.Run("an unknown id is looked up once in two seconds", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		for range 1000 {
			_, err := b.Authenticate(t.Context(), unknownKey(t, 1), nil)
			require.ErrorIs(t, err, access.ErrInvalidKey)
		}
		assert.EqualValues(t, 1, b.keys.finds.Load())
		b.clock.Move(freshness.NegativeLifetime)
		_, err := b.Authenticate(t.Context(), unknownKey(t, 1), nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
		assert.EqualValues(t, 2, b.keys.finds.Load())
	})
	t.Run("many unknown ids at once cost few queries, and a right key among them passes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := guarded(t)
			right, _ := b.issued(t, accessapp.Issue{})
			b.keys.slow.Store(int64(10 * time.Millisecond))
			var all sync.WaitGroup
			for n := range 900 {
				all.Go(func() {
					_, err := b.Authenticate(t.Context(), unknownKey(t, n), nil)
					assert.ErrorIs(t, err, access.ErrInvalidKey)
				})
			}
			synctest.Wait()
			began := time.Now()
			_, err := b.Authenticate(t.Context(), right, nil)
			require.NoError(t, err)
			assert.LessOrEqual(t, time.Since(began), 100*time.Millisecond)
			all.Wait()
			assert.LessOrEqual(t, b.keys.finds.Load(), int64(10))
		})
	})
	t.Run("keys one after the other cost at most 100 queries per second, too", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := guarded(t)
			began := time.Now()
			var all sync.WaitGroup
			for attacker := range 10 {
				all.Go(func() {
					for n := 0; time.Since(began) < 10*time.Second; n++ {
						b.clock.Move(time.Since(began) - b.clock.Now().Sub(fixture.Noon()))
						_, err := b.Authenticate(t.Context(), unknownKey(t, 10_000*attacker+n), nil)
						assert.ErrorIs(t, err, access.ErrInvalidKey)
					}
				})
			}
			all.Wait()
			assert.LessOrEqual(t, b.keys.finds.Load(), int64(10*100+20))
		})
	})
	t.Run("an unknown id for which too many others wait is refused; a cached key is not", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := guarded(t)
			right, _ := b.issued(t, accessapp.Issue{})
			_, err := b.Authenticate(t.Context(), right, nil)
			require.NoError(t, err)
			b.keys.slow.Store(int64(time.Second))
			var all sync.WaitGroup
			for _, ids := range [][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 1004}} {
				for n := ids[0]; n < ids[1]; n++ {
					all.Go(func() { _, _ = b.Authenticate(t.Context(), unknownKey(t, n), nil) })
				}
				synctest.Wait() // each of the first has a query of its own
			}
			_, err = b.Authenticate(t.Context(), unknownKey(t, 2000), nil)
			require.ErrorIs(t, err, fault.ErrRateLimited)
			_, err = b.Authenticate(t.Context(), right, nil)
			require.NoError(t, err)
			all.Wait()
		})
	})
	t.Run("an unavailable store says nothing about an id", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, _ := b.issued(t, accessapp.Issue{})
		b.keys.away.Store(true)
		_, err := b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, fault.ErrUnavailable)
		b.keys.away.Store(false)
		_, err = b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
	})
	t.Run("unknown ids do not grow memory without bound", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		for n := range 25_000 {
			b.clock.Move(time.Second / 20)
			_, err := b.Authenticate(t.Context(), unknownKey(t, n), nil)
			require.ErrorIs(t, err, access.ErrInvalidKey)
		}
		assert.LessOrEqual(t, b.AbsentForTest(), 10_000)
		assert.EqualValues(t, 25_000, b.keys.finds.Load())
	})
}
