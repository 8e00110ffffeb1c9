package change

import (
	"context"
	"fmt"
	"sync"
)

// Turns lets one at a time work on each key, in the order they came. It spares
// writers of one process the conflicts that they would only retry; writers of
// other processes are met by optimistic locking. The zero value is ready.
type Turns[K comparable] struct {
	mu     sync.Mutex
	queues map[K]*queue
}

// queue is one key's: whoever can send to turn is at work.
type queue struct {
	turn    chan struct{}
	members int
}

// Take waits for the key's turn and returns how to give it back, or ctx's error.
func (t *Turns[K]) Take(ctx context.Context, key K) (release func(), err error) {
	q := t.join(key)
	select {
	case q.turn <- struct{}{}:
		return func() { <-q.turn; t.leave(key, q) }, nil
	case <-ctx.Done():
		t.leave(key, q)
		return nil, fmt.Errorf("wait for the turn: %w", context.Cause(ctx))
	}
}

func (t *Turns[K]) join(key K) *queue {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.queues == nil {
		t.queues = map[K]*queue{}
	}
	q, ok := t.queues[key]
	if !ok {
		q = &queue{turn: make(chan struct{}, 1)}
		t.queues[key] = q
	}
	q.members++
	return q
}

func (t *Turns[K]) leave(key K, q *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.members--; q.members == 0 {
		delete(t.queues, key)
	}
}
