package localcache

import (
	"math"

	"github.com/maypok86/otter/v2"

	"github.com/signalbox-hq/signalbox/ports"
)

// Cache caches values within a budget of bytes, and evicts those that are least likely
// to be read again (W-TinyLFU).
type Cache[K comparable, V any] struct {
	cache  *otter.Cache[K, weighed[V]]
	budget uint32
}

var _ ports.LocalCache[string, string] = (*Cache[string, string])(nil)

type weighed[V any] struct {
	value V
	bytes uint32
}

// NewCache returns an empty cache with a budget of 1 to 2^32-1 bytes.
func NewCache[K comparable, V any](budget int) *Cache[K, V] {
	return &Cache[K, V]{
		budget: cost(budget),
		cache: otter.Must(&otter.Options[K, weighed[V]]{
			MaximumWeight: uint64(cost(budget)),
			Weigher:       func(_ K, w weighed[V]) uint32 { return w.bytes },
		}),
	}
}

func cost(bytes int) uint32 {
	return uint32(min(max(bytes, 1), math.MaxUint32))
}

// Get returns the cached value.
func (c *Cache[K, V]) Get(key K) (V, bool) {
	w, cached := c.cache.GetIfPresent(key)
	return w.value, cached
}

// Put caches a value.
func (c *Cache[K, V]) Put(key K, value V, bytes int) {
	if bytes > int(c.budget) {
		c.Invalidate(key)
		return
	}
	c.cache.Set(key, weighed[V]{value: value, bytes: cost(bytes)})
}

// Invalidate removes a value.
func (c *Cache[K, V]) Invalidate(key K) { c.cache.Invalidate(key) }

// Clear removes all values.
func (c *Cache[K, V]) Clear() { c.cache.InvalidateAll() }
