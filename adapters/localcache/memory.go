package localcache

import (
	"math"

	"github.com/maypok86/otter/v2"

	"github.com/signalbox-hq/signalbox/ports"
)

// Memory holds values up to a number of bytes, and lets go of those that are least
// likely to be asked for again (W-TinyLFU).
type Memory[K comparable, V any] struct {
	cache  *otter.Cache[K, weighed[V]]
	budget uint32
}

var _ ports.Memory[string, string] = (*Memory[string, string])(nil)

type weighed[V any] struct {
	value V
	bytes uint32
}

// NewMemory returns an empty memory with a budget of 1 to 2^32-1 bytes.
func NewMemory[K comparable, V any](budget int) *Memory[K, V] {
	return &Memory[K, V]{
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

// Get returns what is held.
func (m *Memory[K, V]) Get(key K) (V, bool) {
	w, held := m.cache.GetIfPresent(key)
	return w.value, held
}

// Put holds a value.
func (m *Memory[K, V]) Put(key K, value V, bytes int) {
	if bytes > int(m.budget) {
		m.Drop(key)
		return
	}
	m.cache.Set(key, weighed[V]{value: value, bytes: cost(bytes)})
}

// Drop lets go of a value.
func (m *Memory[K, V]) Drop(key K) { m.cache.Invalidate(key) }

// Clear lets go of all.
func (m *Memory[K, V]) Clear() { m.cache.InvalidateAll() }
