package localcache

import (
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// state is what a record is of.
type state uint8

const (
	// No lease: a reading alone, or what was dropped.
	none state = iota
	// A lease that runs, overdue or not.
	running
	// A lease that has ended, and waits for its removal.
	waiting
)

// record is a lease, with the reading of its instance. All but what mu guards is
// written under the store's lock.
type record struct {
	key     registry.Key
	service *tally
	epoch   registry.Epoch
	ttl     time.Duration
	removal time.Duration
	// ended is the end that End recorded for one that waits; else never.
	ended registry.Instant
	// due is by when the record is looked at in its queue: never later than ends.
	due registry.Instant
	// place is where in its queue it is; -1 for in none.
	place int
	state state

	// mu guards what follows between those who hold the store's lock for reading.
	mu sync.Mutex
	// ends is the end of one that runs, and the removal of one that waits.
	ends    registry.Instant
	reading reading
}

func (r *record) held() bool { return r.state != none }

// outcome returns what becomes of a renewal; r may be nil.
func (r *record) outcome(epoch registry.Epoch) registry.Outcome {
	switch {
	case r == nil || !r.held() || epoch > r.epoch:
		return registry.LeaseUnknown
	case epoch < r.epoch:
		return registry.LeaseLost
	}
	return registry.LeaseRenewed
}

// endsAs reports whether the lease still is, or has ended, as a sweep saw it; r may
// be nil.
func (r *record) endsAs(seen *registry.Lease) bool {
	if r == nil || r.epoch != seen.Epoch {
		return false
	}
	return r.state == running && r.ends == seen.Ends || r.state == waiting && r.ended == seen.Ends
}

func (r *record) lease() registry.Lease {
	return registry.Lease{LeaseKey: registry.LeaseKey{Key: r.key, Epoch: r.epoch}, Ends: r.ends}
}

// record returns the one of a key, and makes it where there is none.
func (s *Store) record(key registry.Key) *record {
	r := s.records[key]
	if r == nil {
		r = &record{key: key, service: s.tally(key.Service), place: -1}
		s.records[key] = r
	}
	return r
}

// run has a lease run until an end.
func (s *Store) run(r *record, ends registry.Instant) {
	s.unqueue(r)
	r.state, r.ended, r.ends = running, never, ends
	s.running.put(r)
}

// wait has a lease that has ended, as End recorded it, wait until its removal.
func (s *Store) wait(r *record, removal, ended registry.Instant) {
	s.unqueue(r)
	r.state, r.ended, r.ends = waiting, ended, removal
	s.ended.put(r)
}

// unqueue takes a record out of the queue that it is in, if it is in one.
func (s *Store) unqueue(r *record) {
	if r.place < 0 {
		return
	}
	s.queue(r.state).take(r)
}

// queue returns the queue of those of a state.
func (s *Store) queue(of state) *queue {
	if of == waiting {
		return &s.ended
	}
	return &s.running
}
