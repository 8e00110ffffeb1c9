package limit_test

import (
	"encoding/binary"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/limit"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestBuckets(t *testing.T) {
	t.Parallel()

	t.Run("a burst is accepted, then as many per second as the rate says", func(t *testing.T) {
		t.Parallel()
		b := limit.NewBuckets[string]("key", limit.Rate{PerSecond: 2, Burst: 3}, nil)
		now := fixture.Noon()
		assert.Equal(t, 3, accepted(b, "a", now, 10))
		assert.Equal(t, 0, accepted(b, "a", now.Add(499*time.Millisecond), 10))
		assert.Equal(t, 1, accepted(b, "a", now.Add(500*time.Millisecond), 10))
		assert.Equal(t, 3, accepted(b, "a", now.Add(time.Hour), 10))
	})
	t.Run("a key takes nothing from another one", func(t *testing.T) {
		t.Parallel()
		b := limit.NewBuckets[string]("key", limit.Rate{PerSecond: 5}, nil)
		assert.Equal(t, 5, accepted(b, "noisy", fixture.Noon(), 100))
		assert.Equal(t, 5, accepted(b, "quiet", fixture.Noon(), 5))
	})
	t.Run("without a rate there are no buckets", func(t *testing.T) {
		t.Parallel()
		assert.Nil(t, limit.NewBuckets[string]("key", limit.Rate{Burst: 7}, nil))
	})
	t.Run("each replica enforces an equal share, and at least a burst of one", func(t *testing.T) {
		t.Parallel()
		var replicas atomic.Int64
		replicas.Store(2)
		b := limit.NewBuckets[string]("key", limit.Rate{PerSecond: 10}, func() int { return int(replicas.Load()) })
		now := fixture.Noon()
		assert.Equal(t, 5, accepted(b, "a", now, 100))
		replicas.Store(1)
		assert.Equal(t, 5, accepted(b, "a", now.Add(time.Second), 5), "what was saved at the earlier rate")
		assert.Equal(t, 10, accepted(b, "a", now.Add(10*time.Second), 100))
		replicas.Store(100)
		assert.Equal(t, 1, accepted(b, "a", now.Add(20*time.Second), 100))
		assert.Equal(t, 0, accepted(b, "a", now.Add(29*time.Second), 100))
		assert.Equal(t, 1, accepted(b, "a", now.Add(30*time.Second), 100))
	})
	t.Run("a clock that is set back gives no tokens", func(t *testing.T) {
		t.Parallel()
		b := limit.NewBuckets[string]("key", limit.Rate{PerSecond: 1}, nil)
		assert.Equal(t, 1, accepted(b, "a", fixture.Noon(), 10))
		assert.Equal(t, 0, accepted(b, "a", fixture.Noon().Add(-time.Hour), 10))
	})
}

func TestBucketTable(t *testing.T) {
	t.Parallel()

	t.Run("any number of addresses stays within the bound, and does not free a noisy one", func(t *testing.T) {
		t.Parallel()
		b := limit.NewBuckets[netip.Addr]("address", limit.Rate{PerSecond: 0.001, Burst: 5}, nil)
		now, noisy := fixture.Noon(), netip.MustParseAddr("192.0.2.1")
		assert.Equal(t, 5, accepted(b, noisy, now, 100))
		for n := range uint32(3 * limit.MaxBuckets) {
			require.True(t, b.Take(address(n), now).Accepted)
		}
		assert.LessOrEqual(t, b.Len(), limit.MaxBuckets)
		assert.Zero(t, accepted(b, noisy, now, 100), "the emptiest buckets are kept")
	})
	t.Run("full buckets are removed while others are added", func(t *testing.T) {
		t.Parallel()
		b := limit.NewBuckets[netip.Addr]("address", limit.Rate{PerSecond: 10}, nil)
		now := fixture.Noon()
		for n := range uint32(50_000) {
			b.Take(address(n), now)
		}
		assert.Equal(t, 50_000, b.Len())
		for n := range uint32(50_000) {
			b.Take(address(50_000+n), now.Add(time.Minute+time.Duration(n)*time.Millisecond))
		}
		assert.Less(t, b.Len(), 2_000)
	})
}

func TestFields(t *testing.T) {
	t.Parallel()
	keys := limit.NewBuckets[string]("key", limit.Rate{PerSecond: 100}, nil)
	addresses := limit.NewBuckets[string]("address", limit.Rate{PerSecond: 0.5, Burst: 2}, nil)
	now, h := fixture.Noon(), http.Header{}

	keys.Take("a", now).Send(h)
	assert.Equal(t, `"key";q=100;w=1`, h.Get("RateLimit-Policy"))
	assert.Equal(t, `"key";r=99;t=1`, h.Get("RateLimit"))
	addresses.Take("b", now)
	last := addresses.Take("b", now)
	last.Send(h)
	assert.Equal(t, []string{`"key";q=100;w=1, "address";q=2;w=4`}, h.Values("RateLimit-Policy"))
	assert.Equal(t, []string{`"key";r=99;t=1, "address";r=0;t=4`}, h.Values("RateLimit"))
	assert.True(t, last.Accepted)

	refused := addresses.Take("b", now.Add(500*time.Millisecond))
	assert.False(t, refused.Accepted)
	assert.EqualValues(t, 2, refused.Wait)
}

// FuzzBuckets checks that no sequence of requests gets more than the burst and the rate, and
// that clients which wait as long as they have to are accepted.
func FuzzBuckets(f *testing.F) {
	f.Add(1.0, 1, []byte{0, 0, 10, 200})
	f.Add(0.25, 3, []byte("hostile"))
	f.Add(1e6, 0, []byte{255, 255})
	f.Fuzz(func(t *testing.T, perSecond float64, burst int, pauses []byte) {
		if !(perSecond > 1e-3 && perSecond < 1e6) || burst < 0 || burst > 1e6 {
			t.Skip()
		}
		b := limit.NewBuckets[string]("key", limit.Rate{PerSecond: perSecond, Burst: burst}, nil)
		now, passed := fixture.Noon(), 0
		for i, pause := range pauses {
			now = now.Add(time.Duration(pause) * 10 * time.Millisecond)
			result := b.Take("a", now)
			if result.Accepted {
				passed++
				continue
			}
			require.Positive(t, result.Wait)
			other := strconv.Itoa(i)
			require.True(t, b.Take(other, now).Accepted)
			now = now.Add(time.Duration(result.Wait) * time.Second)
			require.True(t, b.Take("a", now).Accepted)
			passed++
		}
		most := float64(max(burst, int(perSecond)+1)) + perSecond*now.Sub(fixture.Noon()).Seconds() + 1
		require.LessOrEqual(t, float64(passed), most)
	})
}

// accepted returns how many of so many requests are accepted.
func accepted[K comparable](b *limit.Buckets[K], key K, now time.Time, requests int) int {
	n := 0
	for range requests {
		if b.Take(key, now).Accepted {
			n++
		}
	}
	return n
}

func address(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 10<<24+n)))
}
