package ports

import "context"

// SharedCache caches values for all replicas, for a limited time. It may be unavailable
// or slow, and may return stale values: the caller decides what it accepts. No call takes
// longer than a tenth of a second, and none fails: a value that cannot be read is a miss.
// It is safe for concurrent use.
type SharedCache[K comparable, V any] interface {
	// Get returns the value of a key, or false, also where the value is malformed.
	Get(ctx context.Context, key K) (SharedValue[V], bool)
	// Put caches a value, unless one of the same epoch is cached whose version is higher,
	// or the same with a higher revision. A negative entry (version 0) lives for the
	// maximum staleness.
	Put(ctx context.Context, key K, value SharedValue[V])
	// Invalidate removes the value of a key on a best effort: it does not report whether
	// the cache was reached.
	Invalidate(ctx context.Context, key K)
}

// SharedValue is a value as a query to the store returned it.
type SharedValue[V any] struct {
	Value V
	// Version is the value's, from 1; 0 says that there is no value.
	Version int64
	// Epoch and Revision are the position in the feed that the replica had before it
	// queried the store: the value includes all changes up to it.
	Epoch    string
	Revision int64
}
