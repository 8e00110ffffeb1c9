package ports

// LocalCache caches values in this process, within a budget of bytes. The
// implementation chooses what it evicts. It is safe for concurrent use.
type LocalCache[K comparable, V any] interface {
	// Get returns the cached value, or false.
	Get(key K) (V, bool)
	// Put caches a value in place of the key's former one, and counts it as so many
	// bytes. A value larger than the budget is not cached.
	Put(key K, value V, bytes int)
	// Invalidate removes the value of a key.
	Invalidate(key K)
	// Clear removes all values.
	Clear()
}
