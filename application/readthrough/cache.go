package readthrough

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
)

// Freshness tells how old what is in memory may be, as relay.Tail does.
type Freshness interface {
	// Age returns since when there may be changes that nobody was told of.
	Age() time.Duration
	// Position returns how far everything in memory is in the feed.
	Position() ports.FeedHead
}

// Tolerated is how old what is in memory may be before the store is asked instead.
const Tolerated = 2 * time.Second

// NoneFor is for how long it is remembered that there is none.
const NoneFor = 2 * time.Second

const (
	// What the store is given when there is something older to answer with, when that
	// is less than what is wanted, and else; and for how long it is left alone after it
	// has failed.
	loadPatience  = 250 * time.Millisecond
	storePatience = 2 * time.Second
	loadTimeout   = 5 * time.Second
	loadPause     = time.Second
	// How long a write whose outcome is unknown waits for what replicas share.
	doubtTimeout = 250 * time.Millisecond
	// MaxLoads bounds how many places are loaded at once, maxShares how many are being
	// shared.
	maxLoads  = 64
	maxShares = 64
)

// Held is what is known of a place: a value, or that there is none. It never changes.
type Held[V any] struct {
	Value V
	// Version is the value's, 0 where there never was one.
	Version int64
	// Prepared is for what others make of the value; it goes with it.
	Prepared atomic.Value
	// until is when it is asked again whether there is still none, by the stopwatch.
	until time.Duration
}

// Options says what a cache is made of.
type Options[K comparable, V any] struct {
	Local ports.Memory[K, *Held[V]]
	// Shared is nil where replicas share nothing.
	Shared ports.Shared[K, V]
	// Lifetime is how long a shared value lives at most.
	Lifetime  time.Duration
	Freshness Freshness
	Stopwatch ports.Stopwatch
	// Size is about how many bytes a value takes.
	Size func(V) int
	// Event returns the id of the event that made a value's version, or "".
	Event func(V) string
}

// Cache holds things as they stand, by K. Who only reads what is in memory takes no
// lock. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	o  Options[K, V]
	mu sync.Mutex
	// known and loads are guarded by mu. What is put into Local is put there under it,
	// so that it is never less than what is known.
	known known[K]
	loads map[question[K]]*load[V]
	// slots are those who ask the store, alone is the one who does while it is away.
	slots, alone chan struct{}
	// sharing are the values that are being shared.
	sharing chan struct{}
	// resting is until when the store is left alone, by the stopwatch.
	resting atomic.Int64
	// failed says that the store did not answer the last question.
	failed atomic.Bool
}

// New returns an empty cache.
func New[K comparable, V any](o Options[K, V]) *Cache[K, V] {
	c := &Cache[K, V]{
		o: o, loads: map[question[K]]*load[V]{},
		slots: make(chan struct{}, maxLoads), alone: make(chan struct{}, 1), sharing: make(chan struct{}, maxShares),
	}
	c.known.forget(o.Stopwatch.Elapsed())
	return c
}

// Recall returns what is in memory of a place and may be relied upon, or nil.
func (c *Cache[K, V]) Recall(at K) *Held[V] {
	h, held := c.o.Local.Get(at)
	if !held || c.o.Freshness.Age() > Tolerated || h.Version == 0 && h.until < c.o.Stopwatch.Elapsed() {
		return nil
	}
	return h
}

// Written takes in what this process has saved.
func (c *Cache[K, V]) Written(at K, value V, version int64) {
	kept := c.kept(value, version)
	// Told before is older; the revision of this change comes from the tail.
	c.mu.Lock()
	c.drop(at)
	made := c.made(value, version)
	c.note(at, made)
	before, held := c.o.Local.Get(at)
	stands := !c.known.contradicts(at, made) && (!held || before.Version <= version)
	if stands {
		c.put(at, &Held[V]{Value: value, Version: version})
	}
	c.mu.Unlock()
	if stands {
		c.share(at, kept)
	}
}

// Failed lets go of a place after a save that failed, because memory was behind or the
// save may have been stored all the same. Where the store was not reached it keeps it.
func (c *Cache[K, V]) Failed(ctx context.Context, at K, err error) {
	if change.Unknown(err) {
		c.Doubt(ctx, at)
		return
	}
	if errors.Is(err, fault.ErrUnavailable) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(at)
	c.o.Local.Drop(at)
}

// Doubt lets go of a place after a write whose outcome is unknown, here and in what
// replicas share. A load that has begun before keeps nothing. Where the shared value
// cannot be dropped it is not believed: only one that was put by a replica which was
// further in the feed than this one is now, or what the store says from now on.
func (c *Cache[K, V]) Doubt(ctx context.Context, at K) {
	c.mu.Lock()
	c.drop(at)
	c.o.Local.Drop(at)
	c.turn()
	c.known.doubt(at, c.o.Freshness.Position().Revision+1)
	c.mu.Unlock()
	if c.o.Shared == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), doubtTimeout)
	defer cancel()
	c.o.Shared.Drop(ctx, at)
}

// Told takes in that a revision made a version of a place, by an event. A value of the
// same version that another event made was never stored, or was lost.
func (c *Cache[K, V]) Told(at K, version, revision int64, event string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(at)
	c.note(at, mark{version: version, event: event, revision: revision})
	if before, held := c.o.Local.Get(at); held && c.known.contradicts(at, c.made(before.Value, before.Version)) {
		c.o.Local.Drop(at)
	}
}

// Clear lets go of all.
func (c *Cache[K, V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known.forget(c.o.Stopwatch.Elapsed())
	clear(c.loads)
	c.o.Local.Clear()
}

// drop makes loads that are under way be not for who asks from now on.
func (c *Cache[K, V]) drop(at K) {
	delete(c.loads, question[K]{at: at})
	delete(c.loads, question[K]{at: at, store: true})
}

// made returns which version of a place a value is.
func (c *Cache[K, V]) made(value V, version int64) mark {
	m := mark{version: version}
	if version > 0 && c.o.Event != nil {
		m.event = c.o.Event(value)
	}
	return m
}

func (c *Cache[K, V]) note(at K, m mark) {
	c.turn()
	c.known.note(at, m)
}

func (c *Cache[K, V]) turn() { c.known.turn(c.o.Stopwatch.Elapsed(), c.confirmed(), c.o.Lifetime) }

// confirmed is when the tail was last at the feed's end, by the stopwatch.
func (c *Cache[K, V]) confirmed() time.Duration {
	age := c.o.Freshness.Age()
	if age == math.MaxInt64 {
		return -1
	}
	return c.o.Stopwatch.Elapsed() - age
}

func (c *Cache[K, V]) put(at K, h *Held[V]) {
	const fixed = 1024
	c.o.Local.Put(at, h, fixed+c.o.Size(h.Value))
}

// keep holds what was asked for at a moment, unless it is known to be older than what
// stands.
func (c *Cache[K, V]) keep(at K, h *Held[V], asked moment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	made := c.made(h.Value, h.Version)
	if !c.known.remembers(at, asked) || c.known.contradicts(at, made) {
		return
	}
	if before, held := c.o.Local.Get(at); held && before.Version > h.Version {
		return
	}
	if h.Version > 0 {
		c.note(at, made)
	}
	c.put(at, h)
}

// kept is a value for all, of somebody who asks the store after this.
func (c *Cache[K, V]) kept(value V, version int64) ports.Kept[V] {
	position := c.o.Freshness.Position()
	return ports.Kept[V]{Value: value, Version: version, Epoch: position.Epoch, Revision: position.Revision}
}

// believes reports whether nothing is known that contradicts what somebody shared.
func (c *Cache[K, V]) believes(at K, kept ports.Kept[V]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	confirmed := c.confirmed()
	position := c.o.Freshness.Position()
	if c.known.doubts && confirmed >= c.known.since {
		c.known.doubts, c.known.floor = false, max(c.known.floor, position.Revision)
	}
	return !c.known.doubts && kept.Epoch == position.Epoch &&
		kept.Revision >= max(c.known.floor, c.known.at(at).least) &&
		!c.known.contradicts(at, c.made(kept.Value, kept.Version))
}

// share offers a value to all, if not too many are under way already.
func (c *Cache[K, V]) share(at K, kept ports.Kept[V]) {
	if c.o.Shared == nil || kept.Epoch == "" {
		return
	}
	select {
	case c.sharing <- struct{}{}:
	default:
		return
	}
	go func() {
		defer func() { <-c.sharing }()
		c.o.Shared.Put(context.Background(), at, kept)
	}()
}
