package contract

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/signalbox-hq/signalbox/ports"
)

// CacheBudget is the budget in bytes of a local cache under test.
const CacheBudget = 10_000

// LocalCache tests implementations of ports.LocalCache, on empty ones with CacheBudget
// that fresh returns.
func LocalCache(t *testing.T, fresh func(*testing.T) ports.LocalCache[string, int], without Without) {
	t.Helper()
	run(t, localCacheSuite(), fresh, without)
}

func localCacheSuite() []behaviour[ports.LocalCache[string, int]] {
	return []behaviour[ports.LocalCache[string, int]]{
		{"a value is cached until it is replaced or invalidated", localCacheInvalidates},
		{"values are evicted to stay within the budget", localCacheEvicts},
		{"a value larger than the budget is not cached, and its former value is removed", localCacheTooLarge},
		{"clearing removes all values", localCacheClears},
		{"concurrent use is safe", localCacheConcurrent},
	}
}

func localCacheInvalidates(t *testing.T, c ports.LocalCache[string, int]) {
	_, cached := c.Get("a")
	assert.False(t, cached)
	c.Put("a", 1, 100)
	c.Put("b", 2, 100)
	c.Put("a", 3, 100)
	got, cached := c.Get("a")
	assert.True(t, cached)
	assert.Equal(t, 3, got)
	c.Invalidate("a")
	_, cached = c.Get("a")
	assert.False(t, cached)
	c.Invalidate("a")
	_, cached = c.Get("b")
	assert.True(t, cached)
}

func localCacheEvicts(t *testing.T, c ports.LocalCache[string, int]) {
	const each = 1000
	for i := range 100 {
		c.Put(strconv.Itoa(i), i, each)
	}
	cached := func() (n int) {
		for i := range 100 {
			if _, ok := c.Get(strconv.Itoa(i)); ok {
				n++
			}
		}
		return n
	}
	assert.Eventually(t, func() bool { return cached() <= CacheBudget/each }, patience, time.Millisecond)
	assert.Positive(t, cached())
}

func localCacheTooLarge(t *testing.T, c ports.LocalCache[string, int]) {
	c.Put("a", 1, 10)
	c.Put("a", 2, CacheBudget+1)
	_, cached := c.Get("a")
	assert.False(t, cached)
}

func localCacheClears(t *testing.T, c ports.LocalCache[string, int]) {
	c.Put("a", 1, 10)
	c.Put("b", 2, 10)
	c.Clear()
	for _, key := range []string{"a", "b"} {
		_, cached := c.Get(key)
		assert.False(t, cached)
	}
	c.Put("a", 3, 10)
	_, cached := c.Get("a")
	assert.True(t, cached)
}

func localCacheConcurrent(t *testing.T, c ports.LocalCache[string, int]) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				key := strconv.Itoa(i % 20)
				c.Put(key, i%20, 100)
				if got, cached := c.Get(key); cached && got != i%20 {
					t.Errorf("%s has %d", key, got)
				}
				if i%50 == 0 {
					c.Invalidate(key)
				}
			}
		})
	}
	all.Wait()
}
