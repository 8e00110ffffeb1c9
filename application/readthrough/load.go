package readthrough

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// Loader queries the store for the current value of a key. Version 0 says that there
// never was one.
type Loader[V any] func(ctx context.Context) (value V, version int64, err error)

// flightKey identifies an in-flight load.
type flightKey[K comparable] struct {
	key K
	// storeOnly says that the shared cache is bypassed.
	storeOnly bool
}

// loaded is the result of a load.
type loaded[V any] struct {
	entry *Entry[V]
	// stale is the entry's age, where the store could not be queried.
	stale time.Duration
	err   error
}

// Load returns the current value of a key that Recall has not returned: from the shared
// cache or the store, or, while the store is unavailable, the cached one with its age.
// Where at least some version is wanted the shared cache is bypassed.
func (c *Cache[K, V]) Load(
	ctx context.Context, key K, minVersion int64, query Loader[V],
) (*Entry[V], time.Duration, error) {
	flight := flightKey[K]{key: key, storeOnly: minVersion > 0}
	older, cached := c.o.Local.Get(key)
	if !cached {
		l, landed := c.start(ctx, flight, query).Await(ctx)
		if !landed {
			return nil, 0, fault.ErrUnavailable.WithCause(context.Cause(ctx))
		}
		return l.entry, l.stale, l.err
	}
	if c.backingOff() {
		return older, c.o.Feed.Age(), nil
	}
	wait := freshness.RefreshWait
	if flight.storeOnly {
		wait = freshness.CatchUp
	}
	l, landed := c.start(ctx, flight, query).AwaitFor(ctx, wait)
	switch {
	case landed && damaged(l.err):
		return nil, 0, l.err
	case landed && l.err == nil && (l.stale == 0 || l.entry.Version >= older.Version):
		return l.entry, l.stale, nil
	}
	return older, c.o.Feed.Age(), nil
}

// backingOff reports whether the store is not queried because it has just failed.
func (c *Cache[K, V]) backingOff() bool { return c.limiter.Active(c.o.Stopwatch.Elapsed()) }

// start joins an in-flight load, or starts one.
func (c *Cache[K, V]) start(
	ctx context.Context, flight flightKey[K], query Loader[V],
) *freshness.Flight[loaded[V]] {
	c.mu.Lock()
	defer c.mu.Unlock()
	start := c.versions.start()
	return c.loads.Do(ctx, flight, loadTimeout, func(ctx context.Context) loaded[V] {
		return c.load(ctx, flight, query, start)
	})
}

// load finds the current value.
func (c *Cache[K, V]) load(ctx context.Context, flight flightKey[K], query Loader[V], start loadStart) loaded[V] {
	var shared *Entry[V]
	if !flight.storeOnly {
		shared = c.recallShared(ctx, flight.key)
	}
	age := c.o.Feed.Age()
	switch {
	case shared != nil && !freshness.Stale(age):
		c.fill(flight.key, shared, start)
		return loaded[V]{entry: shared}
	case shared != nil && c.backingOff():
		return loaded[V]{entry: shared, stale: age}
	case shared != nil:
		bounded, cancel := context.WithTimeout(ctx, freshness.RefreshWait)
		defer cancel()
		ctx = bounded
	}
	value, err := c.query(ctx, query)
	failpoint.Hit("before-keep")
	switch {
	case err == nil:
		entry := c.entryOf(value)
		c.fill(flight.key, entry, start)
		c.share(flight.key, value)
		return loaded[V]{entry: entry}
	case shared != nil && !damaged(err):
		return loaded[V]{entry: shared, stale: c.o.Feed.Age()}
	}
	return loaded[V]{err: err}
}

func (c *Cache[K, V]) entryOf(shared ports.SharedValue[V]) *Entry[V] {
	return &Entry[V]{
		Value: shared.Value, Version: shared.Version,
		expires: c.o.Stopwatch.Elapsed() + freshness.NegativeLifetime,
	}
}

// damaged reports whether a store has answered that its row is unreadable. That is an
// answer: no older value replaces it, and it is not cached.
func damaged(err error) bool { return errors.Is(err, scope.ErrDamaged) }

// query queries the store, when the limiter admits it.
func (c *Cache[K, V]) query(ctx context.Context, query Loader[V]) (ports.SharedValue[V], error) {
	release, err := c.limiter.Acquire(ctx, c.stale)
	if err != nil {
		return ports.SharedValue[V]{}, fault.ErrUnavailable.WithCause(err)
	}
	defer release()
	var none V
	value := c.sharedValue(none, 0)
	value.Value, value.Version, err = query(ctx)
	c.limiter.Record(c.o.Stopwatch.Elapsed(), err != nil && !damaged(err))
	return value, err
}
