package replicas

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/signalbox-hq/signalbox/ports"
)

// Announcer announces one replica. It is safe for concurrent use.
type Announcer struct {
	store     ports.Replicas
	self      ports.Replica
	differing atomic.Pointer[[]ports.Replica]
	others    atomic.Int64
}

// New returns an announcer of this replica.
func New(store ports.Replicas, self ports.Replica) *Announcer {
	return &Announcer{store: store, self: self}
}

// Announce makes one announcement, and compares the other replicas with this one.
// After an error the last comparison and number stay.
func (a *Announcer) Announce(ctx context.Context) error {
	others, err := a.store.Announce(ctx, a.self)
	if err != nil {
		return err
	}
	a.others.Store(int64(len(others)))
	var differing []ports.Replica
	for _, other := range others {
		if other.Environments != a.self.Environments {
			differing = append(differing, other)
		}
	}
	a.differing.Store(&differing)
	return nil
}

// Serving returns how many replicas serve, this one included, by the last announcement that
// was stored. Before the first one it is this one alone.
func (a *Announcer) Serving() int { return int(a.others.Load()) + 1 }

// Leave withdraws the announcement, so that a stopped replica is not compared with
// later ones.
func (a *Announcer) Leave(ctx context.Context) error { return a.store.Leave(ctx, a.self.ID) }

// Conditions returns "environments_differ" while another replica supports other
// environments than this one: one of them accepts a request that the other rejects.
func (a *Announcer) Conditions() []ports.Condition {
	differing := a.differing.Load()
	if differing == nil || len(*differing) == 0 {
		return nil
	}
	other := (*differing)[0]
	return []ports.Condition{{
		Name: "environments_differ",
		Message: fmt.Sprintf("SUPPORTED_ENVIRONMENTS is %q here and %q on replica %s (version %s). "+
			"Give all replicas the same value.", a.self.Environments, other.Environments, other.ID, other.Version),
		Count: int64(len(*differing)),
	}}
}
