package freshness

import (
	"context"
	"sync"
	"time"
)

// Group coalesces concurrent loads by key: a singleflight whose in-flight loads can be
// detached from new callers. The zero value is ready; it is safe for concurrent use.
type Group[K comparable, R any] struct {
	mu      sync.Mutex
	flights map[K]*Flight[R]
}

// Flight is a load that is in flight, or its result.
type Flight[R any] struct {
	done   chan struct{}
	result R
}

// Do joins the in-flight load of a key, or starts one. The load outlives the caller: it
// ends by itself, or after the timeout.
func (g *Group[K, R]) Do(
	ctx context.Context, key K, timeout time.Duration, load func(context.Context) R,
) *Flight[R] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.flights[key]; f != nil {
		return f
	}
	f := &Flight[R]{done: make(chan struct{})}
	if g.flights == nil {
		g.flights = map[K]*Flight[R]{}
	}
	g.flights[key] = f
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		f.result = load(ctx)
		g.land(key, f)
	}()
	return f
}

// land removes a flight that has ended, unless it was detached, and wakes its waiters.
func (g *Group[K, R]) land(key K, f *Flight[R]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.flights[key] == f {
		delete(g.flights, key)
	}
	close(f.done)
}

// Detach begins a new generation of loads of the keys: in-flight loads still answer
// their waiters, and later callers start another one.
func (g *Group[K, R]) Detach(keys ...K) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, key := range keys {
		delete(g.flights, key)
	}
}

// DetachAll is Detach for all keys.
func (g *Group[K, R]) DetachAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.flights)
}

// Await returns the result, or false when ctx ends first.
func (f *Flight[R]) Await(ctx context.Context) (result R, landed bool) {
	select {
	case <-f.done:
		return f.result, true
	case <-ctx.Done():
		return result, false
	}
}

// AwaitFor is Await with a bound on the wait.
func (f *Flight[R]) AwaitFor(ctx context.Context, wait time.Duration) (result R, landed bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-f.done:
		return f.result, true
	case <-timer.C:
	case <-ctx.Done():
	}
	return result, false
}
