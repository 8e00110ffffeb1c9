package localcache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

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
	epoch     ports.Epoch
	// present is the epoch of what is kept.
	present atomic.Pointer[string]

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

// New returns an empty store: nothing in it was ever swept. When another epoch begins
// it is empty again.
func New(clock ports.Clock, stopwatch ports.Stopwatch, epoch ports.Epoch) *Store {
	s := &Store{clock: clock, stopwatch: stopwatch, epoch: epoch}
	s.present.Store(new(string))
	s.clear()
	return s
}

// begin returns why a call is not made: its context is over, or the epoch is not known
// yet. It forgets what is kept of another epoch.
func (s *Store) begin(ctx context.Context, doing string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	epoch := s.epoch()
	if epoch == "" {
		return registry.ErrLeasesUnavailable.WithCause(errNoEpoch)
	}
	if epoch != *s.present.Load() {
		s.enter(epoch)
	}
	return nil
}

// enter forgets what is kept of another epoch.
func (s *Store) enter(epoch string) {
	s.turn.mu.Lock()
	defer s.turn.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch != *s.present.Load() {
		s.clear()
		s.present.Store(&epoch)
	}
}

// errNoEpoch is a process that has not read the feed yet.
var errNoEpoch = errors.New("the feed's epoch is not known yet: the database was not read since the start")

// clear forgets all; the locks of the store and of the turn are held.
func (s *Store) clear() {
	s.records, s.services = map[registry.Key]*record{}, map[scope.ServiceName]*tally{}
	s.running, s.ended = queue{}, queue{}
	s.turn.sweeper, s.turn.last, s.turn.swept = "", 0, false
	s.members.clear()
}
