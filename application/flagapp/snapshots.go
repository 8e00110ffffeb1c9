package flagapp

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// snapshots are those of all environments.
type snapshots struct {
	// cells are by the environment's name; the map is replaced, never changed.
	cells atomic.Pointer[map[string]*cell]
	// confirmation is of comparisons with the store, which come beside those of the feed.
	confirmation freshness.Confirmation
	refresher    *freshness.Refresher
}

// cell holds the current snapshot of one environment.
type cell struct {
	current atomic.Pointer[Snapshot]
	// earlier is the snapshot before a complete reload; nil for none.
	earlier *Snapshot
	// mu serializes the steps from one snapshot to the next, and guards replaced.
	mu sync.Mutex
	// replaced is closed when the current snapshot is replaced.
	replaced chan struct{}
}

func (n *snapshots) find(environment string) *cell {
	if cells := n.cells.Load(); cells != nil {
		return (*cells)[environment]
	}
	return nil
}

// newCells returns empty cells that are to replace the present ones.
func (n *snapshots) newCells(environments []scope.Environment) map[string]*cell {
	cells := map[string]*cell{}
	for _, e := range environments {
		c := &cell{replaced: make(chan struct{})}
		if before := n.find(e.String()); before != nil {
			c.earlier = before.current.Load()
		}
		c.current.Store(emptySnapshot(e))
		cells[e.String()] = c
	}
	return cells
}

// put updates the snapshot of a flag's environment, if there is one, with a flag
// that was loaded from the store or saved to it.
func (n *snapshots) put(f flag.State, loaded bool) {
	if c := n.find(f.Identity.Environment.String()); c != nil {
		c.update([]flag.State{f}, loaded)
	}
}

// update puts newer flags into the snapshot, and wakes those that await it.
func (c *cell) update(states []flag.State, loaded bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.current.Load().with(states, loaded, c.earlier)
	if next == c.current.Load() {
		return
	}
	c.current.Store(next)
	close(c.replaced)
	c.replaced = make(chan struct{})
}

func (c *cell) discardEarlier() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.earlier = nil
}

// await returns the first snapshot of at least that revision, or the current one when
// ctx ends first.
func (c *cell) await(ctx context.Context, revision int64) *Snapshot {
	for {
		c.mu.Lock()
		replaced, s := c.replaced, c.current.Load()
		c.mu.Unlock()
		if s.revision >= revision {
			return s
		}
		select {
		case <-replaced:
		case <-ctx.Done():
			return c.current.Load()
		}
	}
}
