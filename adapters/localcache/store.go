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

// Store stores leases, readings and members. Its time is a stopwatch's; the clock only
// stamps observations. It is safe for concurrent use. Use New.
//
// A heartbeat only writes the lease's end. Due reorders the queues of due leases, in
// batches under the lock, so that a heartbeat waits for one batch at most.
type Store struct {
	clock     ports.Clock
	stopwatch ports.Stopwatch
	epoch     ports.Epoch
	// current is the epoch of the stored leases.
	current atomic.Pointer[string]

	// mu is locked for writing by changes of the set or the state of records, and for
	// reading by other changes of a record.
	mu       sync.RWMutex
	records  map[registry.Key]*record
	services map[scope.ServiceName]*tally
	running  queue
	expired  queue

	election election
	members  members
}

// New returns an empty store. When another epoch begins it is emptied.
func New(clock ports.Clock, stopwatch ports.Stopwatch, epoch ports.Epoch) *Store {
	s := &Store{clock: clock, stopwatch: stopwatch, epoch: epoch}
	s.current.Store(new(string))
	s.clear()
	return s
}

// begin returns an error where the context has ended, or the epoch is not known yet. It
// empties the store where another epoch has begun.
func (s *Store) begin(ctx context.Context, doing string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	epoch := s.epoch()
	if epoch == "" {
		return registry.ErrLeasesUnavailable.WithCause(errNoEpoch)
	}
	if epoch != *s.current.Load() {
		s.enter(epoch)
	}
	return nil
}

// enter empties the store for another epoch.
func (s *Store) enter(epoch string) {
	s.election.mu.Lock()
	defer s.election.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch != *s.current.Load() {
		s.clear()
		s.current.Store(&epoch)
	}
}

// errNoEpoch is the cause of calls that fail before the process has read the feed.
var errNoEpoch = errors.New("feed epoch unknown: the database was not read since the start")

// clear empties the store; the locks of the store and of the election are held.
func (s *Store) clear() {
	s.records, s.services = map[registry.Key]*record{}, map[scope.ServiceName]*tally{}
	s.running, s.expired = queue{}, queue{}
	s.election.reset()
	s.members.clear()
}
