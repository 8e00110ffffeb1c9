package change

import (
	"context"
	"fmt"
	"sync"
)

// Locks serializes the writes to each key, in the order they came. It spares writers
// of one process the conflicts that they would only retry; conflicts with other
// processes are found by optimistic locking. The zero value is ready.
type Locks[K comparable] struct {
	mu    sync.Mutex
	locks map[K]*lock
}

// lock is one key's: sending to slot takes it.
type lock struct {
	slot chan struct{}
	// users counts the holder and the waiters.
	users int
}

// Lock waits for the key's lock and returns its release, or ctx's error.
func (l *Locks[K]) Lock(ctx context.Context, key K) (release func(), err error) {
	k := l.join(key)
	select {
	case k.slot <- struct{}{}:
		return func() { <-k.slot; l.leave(key, k) }, nil
	case <-ctx.Done():
		l.leave(key, k)
		return nil, fmt.Errorf("wait for the lock: %w", context.Cause(ctx))
	}
}

func (l *Locks[K]) join(key K) *lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.locks == nil {
		l.locks = map[K]*lock{}
	}
	k, ok := l.locks[key]
	if !ok {
		k = &lock{slot: make(chan struct{}, 1)}
		l.locks[key] = k
	}
	k.users++
	return k
}

func (l *Locks[K]) leave(key K, k *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.locks, key)
	}
}
