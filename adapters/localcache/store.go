package localcache

import (
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Store keeps leases, readings and members. Its time is that of a stopwatch; a
// clock only says when something was observed. It is safe for concurrent use. Use
// New.
//
// A heartbeat writes an end and no more. The queues in which leases are due are
// put in order by whoever sweeps, and each time the lock is held for a few of
// them, so that no heartbeat waits for many.
type Store struct {
	clock     ports.Clock
	stopwatch ports.Stopwatch

	// mu is held for writing by whatever changes which records there are, or whether
	// they run; for reading by what changes a record otherwise.
	mu       sync.RWMutex
	records  map[registry.Key]*record
	services map[scope.ServiceName]*tally
	running  queue
	ended    queue

	turn    turn
	members members
}

// New returns an empty store: nothing in it was ever swept.
func New(clock ports.Clock, stopwatch ports.Stopwatch) *Store {
	return &Store{
		clock: clock, stopwatch: stopwatch,
		records: map[registry.Key]*record{}, services: map[scope.ServiceName]*tally{},
		members: members{until: map[string]time.Duration{}},
	}
}
