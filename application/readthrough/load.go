package readthrough

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// Load asks the store what stands at a place. Version 0 says that there never was
// anything.
type Load[V any] func(ctx context.Context) (value V, version int64, err error)

// question is what is asked about a place; store says that nobody else will do.
type question[K comparable] struct {
	at    K
	store bool
}

// load is one answer, for all who ask the same.
type load[V any] struct {
	done chan struct{}
	held *Held[V]
	// stale is how old it may be, where the store could not be asked.
	stale time.Duration
	err   error
}

// Present returns what stands at a place of which nothing that may be relied upon is
// in memory: what replicas share or the store says, or, while the store cannot be
// asked, what is known and how old that may be. Where at least some version is wanted
// the store is asked.
func (c *Cache[K, V]) Present(ctx context.Context, at K, least int64, ask Load[V]) (*Held[V], time.Duration, error) {
	q := question[K]{at: at, store: least > 0}
	older, held := c.o.Local.Get(at)
	if !held {
		l := c.fetch(ctx, q, ask)
		select {
		case <-l.done:
			return l.held, l.stale, l.err
		case <-ctx.Done():
			return nil, 0, fault.ErrUnavailable.WithCause(context.Cause(ctx))
		}
	}
	if c.rests() {
		return older, c.o.Freshness.Age(), nil
	}
	wait := loadPatience
	if q.store {
		wait = storePatience
	}
	patience := time.NewTimer(wait)
	defer patience.Stop()
	l := c.fetch(ctx, q, ask)
	select {
	case <-l.done:
		if damaged(l.err) {
			return nil, 0, l.err
		}
		if l.err == nil && (l.stale == 0 || l.held.Version >= older.Version) {
			return l.held, l.stale, nil
		}
	case <-patience.C:
	case <-ctx.Done():
	}
	return older, c.o.Freshness.Age(), nil
}

// rests reports whether the store is left alone, because it has failed just now.
func (c *Cache[K, V]) rests() bool { return int64(c.o.Stopwatch.Elapsed()) < c.resting.Load() }

// fetch asks once for all who want to know.
func (c *Cache[K, V]) fetch(ctx context.Context, q question[K], ask Load[V]) *load[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.loads[q]; l != nil {
		return l
	}
	l := &load[V]{done: make(chan struct{})}
	c.loads[q] = l
	asked := c.known.now()
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		c.answer(ctx, q, ask, l, asked)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.loads[q] == l {
			delete(c.loads, q)
		}
		close(l.done)
	}()
	return l
}

// answer finds out what stands.
func (c *Cache[K, V]) answer(ctx context.Context, q question[K], ask Load[V], l *load[V], asked moment) {
	var known *Held[V]
	if !q.store {
		known = c.shared(ctx, q.at)
	}
	age := c.o.Freshness.Age()
	switch {
	case known != nil && age <= Tolerated:
		l.held = known
		c.keep(q.at, known, asked)
		return
	case known != nil && c.rests():
		l.held, l.stale = known, age
		return
	case known != nil:
		patient, cancel := context.WithTimeout(ctx, loadPatience)
		defer cancel()
		ctx = patient
	}
	kept, err := c.load(ctx, ask)
	failpoint.Hit("before-keep")
	switch {
	case err == nil:
		l.held = c.held(kept)
		c.keep(q.at, l.held, asked)
		c.share(q.at, kept)
	case damaged(err):
		l.err = err
	case known != nil:
		l.held, l.stale = known, c.o.Freshness.Age()
	default:
		l.err = err
	}
}

func (c *Cache[K, V]) held(kept ports.Kept[V]) *Held[V] {
	return &Held[V]{Value: kept.Value, Version: kept.Version, until: c.o.Stopwatch.Elapsed() + NoneFor}
}

// shared returns what replicas share of a place, if nothing contradicts it.
func (c *Cache[K, V]) shared(ctx context.Context, at K) *Held[V] {
	if c.o.Shared == nil {
		return nil
	}
	kept, held := c.o.Shared.Get(ctx, at)
	if !held || !c.believes(at, kept) {
		return nil
	}
	return c.held(kept)
}

// damaged reports whether a store has answered that what it holds cannot be read.
// That is an answer: nothing older is given in its place, and nothing is kept.
func damaged(err error) bool { return errors.Is(err, scope.ErrDamaged) }

// load asks the store, if it may be asked now.
func (c *Cache[K, V]) load(ctx context.Context, ask Load[V]) (ports.Kept[V], error) {
	leave, err := c.admit(ctx)
	if err != nil {
		return ports.Kept[V]{}, err
	}
	defer leave()
	var none V
	kept := c.kept(none, 0)
	kept.Value, kept.Version, err = ask(ctx)
	failed := err != nil && !damaged(err)
	c.failed.Store(failed)
	if failed {
		c.resting.Store(int64(c.o.Stopwatch.Elapsed() + loadPause))
	}
	return kept, err
}

// admit lets only so many ask the store at once, and one alone while it does not
// answer: the others are told so instead of waiting with it.
func (c *Cache[K, V]) admit(ctx context.Context) (leave func(), err error) {
	if !c.away() {
		select {
		case c.slots <- struct{}{}:
			if !c.away() {
				return func() { <-c.slots }, nil
			}
			<-c.slots
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return nil, fault.ErrUnavailable.WithCause(context.Cause(ctx))
	}
	select {
	case c.alone <- struct{}{}:
		return func() { <-c.alone }, nil
	default:
		return nil, fault.ErrUnavailable.WithCause(errAway)
	}
}

// errAway is why the store is not asked.
var errAway = errors.New("the last question was not answered, and another one is under way")

// away reports whether the store answered neither the last question nor the tail.
func (c *Cache[K, V]) away() bool { return c.failed.Load() && c.o.Freshness.Age() > Tolerated }
