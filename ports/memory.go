package ports

// Memory holds values in this process, as many as fit a budget of bytes. Which ones
// it lets go of is its own affair. It is safe for concurrent use.
type Memory[K comparable, V any] interface {
	// Get returns what is held, or false.
	Get(key K) (V, bool)
	// Put holds a value in place of what was held, and counts it as so many bytes. One
	// that is larger than the whole budget is not held.
	Put(key K, value V, bytes int)
	// Drop lets go of a value.
	Drop(key K)
	// Clear lets go of all.
	Clear()
}
