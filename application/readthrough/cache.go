package readthrough

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
)

// Feed tells how far cached state follows the change feed.
type Feed interface {
	// Age returns since when there may be changes that were not delivered.
	Age() time.Duration
	// Position returns how far all cached state is in the feed.
	Position() ports.FeedHead
}

const (
	// LoadTimeout bounds a load.
	loadTimeout = 5 * time.Second
	// How long an invalidation waits for the shared cache.
	invalidateTimeout = 250 * time.Millisecond
	// MaxLoads bounds the loads in flight, maxShares the values that are being shared.
	maxLoads  = 64
	maxShares = 64
)

// Entry is a cached value, or the cached absence of one. It never changes.
type Entry[V any] struct {
	Value V
	// Version is the value's, 0 where there never was one.
	Version int64
	// Prepared is a response made of the value; it is removed with it.
	Prepared atomic.Pointer[ports.Representation]
	// expires is when an absence is to be loaded again, by the stopwatch.
	expires time.Duration
}

// Options says what a cache is made of.
type Options[K comparable, V any] struct {
	Local ports.LocalCache[K, *Entry[V]]
	// Shared is nil where replicas share nothing.
	Shared ports.SharedCache[K, V]
	// Lifetime is how long a shared value lives at most.
	Lifetime  time.Duration
	Feed      Feed
	Stopwatch ports.Stopwatch
	// Size is about how many bytes a value takes.
	Size func(V) int
	// Event returns the id of the event that made a value's version, or "".
	Event func(V) string
}

// Cache holds the current values of keys. Local hits are lock-free. It is safe for
// concurrent use.
type Cache[K comparable, V any] struct {
	o Options[K, V]
	// mu guards versions. Local is filled under it, so that a cached value is never older
	// than the recorded version; loads are started and detached under it, too.
	mu       sync.Mutex
	versions versions[K]
	loads    freshness.Group[flightKey[K], loaded[V]]
	limiter  *freshness.Limiter
	// sharing has one element for each value that is being shared.
	sharing chan struct{}
}

// New returns an empty cache.
func New[K comparable, V any](o Options[K, V]) *Cache[K, V] {
	c := &Cache[K, V]{o: o, limiter: freshness.NewLimiter(maxLoads), sharing: make(chan struct{}, maxShares)}
	c.versions.reset(o.Stopwatch.Elapsed())
	return c
}

// Recall returns the cached entry, or nil when it is missing or stale.
func (c *Cache[K, V]) Recall(key K) *Entry[V] {
	e, cached := c.o.Local.Get(key)
	if !cached || c.stale() || e.Version == 0 && e.expires < c.o.Stopwatch.Elapsed() {
		return nil
	}
	return e
}

func (c *Cache[K, V]) stale() bool { return freshness.Stale(c.o.Feed.Age()) }

// Saved caches a value that this process has saved, here and for all replicas.
func (c *Cache[K, V]) Saved(key K, value V, version int64) {
	shared := c.sharedValue(value, version)
	// The record has no revision: only the feed tells it.
	c.mu.Lock()
	c.detach(key)
	saved := c.recordOf(value, version)
	c.add(key, saved)
	before, cached := c.o.Local.Get(key)
	current := !c.versions.rejects(key, saved) && (!cached || before.Version <= version)
	if current {
		c.put(key, &Entry[V]{Value: value, Version: version})
	}
	c.mu.Unlock()
	if current {
		c.share(key, shared)
	}
}

// SaveFailed invalidates a key after a failed save, because the cached value may have been
// stale or the save may have been committed. Where the store was not reached the value
// stays.
func (c *Cache[K, V]) SaveFailed(ctx context.Context, key K, err error) {
	if change.OutcomeUnknown(err) {
		c.Invalidate(ctx, key)
		return
	}
	if errors.Is(err, fault.ErrUnavailable) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.detach(key)
	c.o.Local.Invalidate(key)
}

// Invalidate removes a key after a write whose outcome is unknown, here and from the
// shared cache. In-flight loads are not cached. Where the shared value cannot be removed
// it is rejected: only a value from a replica that was further in the feed than this one
// is now, or from the store, is accepted from now on.
func (c *Cache[K, V]) Invalidate(ctx context.Context, key K) {
	c.mu.Lock()
	c.detach(key)
	c.o.Local.Invalidate(key)
	c.rotate()
	c.versions.invalidate(key, c.o.Feed.Position().Revision+1)
	c.mu.Unlock()
	if c.o.Shared == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), invalidateTimeout)
	defer cancel()
	c.o.Shared.Invalidate(ctx, key)
}

// Changed records that a revision of the feed made a version of a key, by an event. A
// cached value of the same version by another event was never stored, or was lost, and
// is invalidated.
func (c *Cache[K, V]) Changed(key K, version, revision int64, event string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.detach(key)
	c.add(key, record{version: version, event: event, revision: revision})
	before, cached := c.o.Local.Get(key)
	if cached && c.versions.rejects(key, c.recordOf(before.Value, before.Version)) {
		c.o.Local.Invalidate(key)
	}
}

// Clear invalidates all keys.
func (c *Cache[K, V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.versions.reset(c.o.Stopwatch.Elapsed())
	c.loads.DetachAll()
	c.o.Local.Clear()
}

// detach detaches in-flight loads of a key from new callers.
func (c *Cache[K, V]) detach(key K) {
	c.loads.Detach(flightKey[K]{key: key}, flightKey[K]{key: key, storeOnly: true})
}

// recordOf returns the record of a value's version.
func (c *Cache[K, V]) recordOf(value V, version int64) record {
	r := record{version: version}
	if version > 0 && c.o.Event != nil {
		r.event = c.o.Event(value)
	}
	return r
}

func (c *Cache[K, V]) add(key K, r record) {
	c.rotate()
	c.versions.add(key, r)
}

func (c *Cache[K, V]) rotate() {
	c.versions.rotate(c.o.Stopwatch.Elapsed(), c.confirmed(), c.o.Lifetime)
}

// confirmed is when the replica was last known to be at the feed's end, by the
// stopwatch.
func (c *Cache[K, V]) confirmed() time.Duration {
	age := c.o.Feed.Age()
	if age == math.MaxInt64 {
		return -1
	}
	return c.o.Stopwatch.Elapsed() - age
}

func (c *Cache[K, V]) put(key K, e *Entry[V]) {
	const overhead = 1024
	c.o.Local.Put(key, e, overhead+c.o.Size(e.Value))
}

// fill caches the result of a load, unless it is known to be stale.
func (c *Cache[K, V]) fill(key K, e *Entry[V], start loadStart) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.recordOf(e.Value, e.Version)
	if !c.versions.covers(key, start) || c.versions.rejects(key, r) {
		return
	}
	if before, cached := c.o.Local.Get(key); cached && before.Version > e.Version {
		return
	}
	if e.Version > 0 {
		c.add(key, r)
	}
	c.put(key, e)
}
