package ports

import "context"

// Shared holds values that replicas share, for a while. It may be away or slow, and
// hold what it should not: what it returns is for the caller to judge. No call takes
// longer than a tenth of a second, and none fails: what cannot be had is not there.
// It is safe for concurrent use.
type Shared[K comparable, V any] interface {
	// Get returns what was put at a key, or false; also for what nobody can have put.
	Get(ctx context.Context, key K) (Kept[V], bool)
	// Put holds a value for all, unless one of the same epoch is held whose version is
	// higher, or the same with a higher revision. That there is none (version 0) is
	// held for two seconds.
	Put(ctx context.Context, key K, kept Kept[V])
	// Drop forgets a value, if it can be reached; it does not say whether it did.
	Drop(ctx context.Context, key K)
}

// Kept is a value as it was when somebody asked the store.
type Kept[V any] struct {
	Value V
	// Version is the value's, from 1; 0 says that there is no value.
	Version int64
	// Epoch and Revision are how far whoever put it was in the feed before it asked the
	// store: what was changed up to there is in the value.
	Epoch    string
	Revision int64
}
