package readthrough

import (
	"context"

	"github.com/signalbox-hq/signalbox/ports"
)

// recallShared returns the value of the shared cache, or nil where there is none or it
// may be stale.
func (c *Cache[K, V]) recallShared(ctx context.Context, key K) *Entry[V] {
	if c.o.Shared == nil {
		return nil
	}
	shared, found := c.o.Shared.Get(ctx, key)
	if !found || !c.accepts(key, shared) {
		return nil
	}
	return c.entryOf(shared)
}

// accepts reports whether no record contradicts a shared value.
func (c *Cache[K, V]) accepts(key K, shared ports.SharedValue[V]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	confirmed := c.confirmed()
	position := c.o.Feed.Position()
	if c.versions.incomplete && confirmed >= c.versions.since {
		c.versions.incomplete, c.versions.floor = false, max(c.versions.floor, position.Revision)
	}
	return !c.versions.incomplete && shared.Epoch == position.Epoch &&
		shared.Revision >= max(c.versions.floor, c.versions.of(key).minRevision) &&
		!c.versions.rejects(key, c.recordOf(shared.Value, shared.Version))
}

// sharedValue returns a value as it is shared, with the replica's present position in
// the feed. The store has to be queried after that.
func (c *Cache[K, V]) sharedValue(value V, version int64) ports.SharedValue[V] {
	position := c.o.Feed.Position()
	return ports.SharedValue[V]{Value: value, Version: version, Epoch: position.Epoch, Revision: position.Revision}
}

// share puts a value into the shared cache, unless too many are being put already.
func (c *Cache[K, V]) share(key K, shared ports.SharedValue[V]) {
	if c.o.Shared == nil || shared.Epoch == "" {
		return
	}
	select {
	case c.sharing <- struct{}{}:
	default:
		return
	}
	go func() {
		defer func() { <-c.sharing }()
		c.o.Shared.Put(context.Background(), key, shared)
	}()
}
