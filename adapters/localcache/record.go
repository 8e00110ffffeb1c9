package localcache

import (
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// state is that of a record's lease.
type state uint8

const (
	// No lease: a reading alone, or a removed lease.
	none state = iota
	// A lease that runs, overdue or not.
	running
	// A lease that has expired, and waits for its removal.
	expired
)

// record is a lease, with the reading of its instance. All fields but those that mu
// guards are written under the store's lock.
type record struct {
	key     registry.Key
	service *tally
	epoch   registry.Epoch
	ttl     time.Duration
	removal time.Duration
	// expiredAt is the end that Expire recorded for an expired lease; else never.
	expiredAt registry.Instant
	// due orders the record in its queue; it is never later than ends.
	due registry.Instant
	// index is the position in its queue; -1 for in none.
	index int
	state state

	// mu guards what follows between goroutines that have the store's lock for reading.
	mu sync.Mutex
	// ends is the end of a lease that runs, and the removal of an expired one.
	ends    registry.Instant
	reading reading
}

func (r *record) leased() bool { return r.state != none }

// outcome returns the outcome of a renewal; r may be nil.
func (r *record) outcome(epoch registry.Epoch) registry.Outcome {
	switch {
	case r == nil || !r.leased() || epoch > r.epoch:
		return registry.LeaseUnknown
	case epoch < r.epoch:
		return registry.LeaseLost
	}
	return registry.LeaseRenewed
}

// expiresAs reports whether the lease is unchanged since Due returned it, or was expired
// as that; r may be nil.
func (r *record) expiresAs(seen *registry.Lease) bool {
	if r == nil || r.epoch != seen.Epoch {
		return false
	}
	return r.state == running && r.ends == seen.Ends || r.state == expired && r.expiredAt == seen.Ends
}

func (r *record) lease() registry.Lease {
	return registry.Lease{LeaseKey: registry.LeaseKey{Key: r.key, Epoch: r.epoch}, Ends: r.ends}
}

// record returns the record of a key, and adds one where there is none.
func (s *Store) record(key registry.Key) *record {
	r := s.records[key]
	if r == nil {
		r = &record{key: key, service: s.tally(key.Service), index: -1}
		s.records[key] = r
	}
	return r
}

// run makes a lease run until an end.
func (s *Store) run(r *record, ends registry.Instant) {
	s.unqueue(r)
	r.state, r.expiredAt, r.ends = running, never, ends
	s.running.push(r)
}

// expire makes a lease expired since an end, and due for removal.
func (s *Store) expire(r *record, removal, expiredAt registry.Instant) {
	s.unqueue(r)
	r.state, r.expiredAt, r.ends = expired, expiredAt, removal
	s.expired.push(r)
}

// unqueue removes a record from its queue, if it is in one.
func (s *Store) unqueue(r *record) {
	if r.index < 0 {
		return
	}
	s.queue(r.state).remove(r)
}

// queue returns the queue of a state.
func (s *Store) queue(of state) *queue {
	if of == expired {
		return &s.expired
	}
	return &s.running
}
