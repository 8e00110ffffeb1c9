package limit

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// QueueTime is how long a request waits to be served at most.
	QueueTime = 100 * time.Millisecond
	// ReservedShare: a gate has a reserve of one in so many requests, and of a few at least.
	reservedShare, leastReserve = 8, 4
)

// Gate bounds how many requests are served at once. As many may wait, for QueueTime. Below
// the bound it takes no lock. It is safe for concurrent use.
type Gate struct {
	most, reserve int64
	inside        atomic.Int64
	// waiting counts the elements of queue, and those about to be one.
	waiting atomic.Int64

	mu sync.Mutex
	// queue has the waiters in their order, as channels that are closed to let them in.
	queue list.List
}

// NewGate returns a gate for so many requests at once.
func NewGate(most int) *Gate {
	return &Gate{most: int64(most), reserve: max(int64(most)/reservedShare, leastReserve)}
}

// TryEnter reports whether a request may be served at once, which then ends with Leave.
func (g *Gate) TryEnter() bool { return g.waiting.Load() == 0 && g.enter(g.most) }

// Enter waits until a request may be served, and reports whether it may: not if as many
// wait already, QueueTime passes or ctx ends. A reserved request may use the reserve. A
// request that may be served ends with Leave.
func (g *Gate) Enter(ctx context.Context, reserved bool) bool {
	if reserved && g.enter(g.most+g.reserve) {
		return true
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.most {
		return false
	}
	turn, entered := g.line()
	if entered {
		return true
	}
	late := time.NewTimer(QueueTime)
	defer late.Stop()
	select {
	case <-turn.Value.(chan struct{}): //nolint:forcetypeassert,errcheck // line stores nothing else
		return true
	case <-late.C:
	case <-ctx.Done():
	}
	return g.giveUp(turn)
}

// Leave ends a request that may have been served.
func (g *Gate) Leave() {
	g.inside.Add(-1)
	if g.waiting.Load() > 0 {
		g.admit()
	}
}

// Inside returns how many requests are served.
func (g *Gate) Inside() int { return int(g.inside.Load()) }

// enter counts a request, unless there are as many.
func (g *Gate) enter(most int64) bool {
	for {
		n := g.inside.Load()
		if n >= most {
			return false
		}
		if g.inside.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// line joins the queue, unless the gate is open. A request that leaves meanwhile sees it
// waiting, or was seen to leave.
func (g *Gate) line() (turn *list.Element, entered bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.queue.Len() == 0 && g.enter(g.most) {
		return nil, true
	}
	return g.queue.PushBack(make(chan struct{})), false
}

// admit lets in those that wait, as long as the gate is open.
func (g *Gate) admit() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for front := g.queue.Front(); front != nil && g.enter(g.most); front = g.queue.Front() {
		turn, _ := g.queue.Remove(front).(chan struct{})
		close(turn)
	}
}

// giveUp leaves the queue. It reports whether the request was let in before.
func (g *Gate) giveUp(turn *list.Element) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	admitted, _ := turn.Value.(chan struct{})
	select {
	case <-admitted:
		return true
	default:
		g.queue.Remove(turn)
		return false
	}
}
