package localcache

import (
	"context"
	"slices"
	"sync"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// election decides which replica gets the due leases. Its lock is held for a complete
// call of Due, so that concurrent calls of one replica both get all that is due.
type election struct {
	mu      sync.Mutex
	elected string
	last    registry.Instant
	called  bool
}

func (e *election) reset() { e.elected, e.last, e.called = "", 0, false }

// enter elects a replica, or returns a result with Elected false where another one is
// elected.
func (e *election) enter(replica string, now registry.Instant) registry.DueLeases {
	if e.called && e.elected != replica && now < e.last.Add(registry.ElectionTerm) {
		return registry.DueLeases{}
	}
	found := registry.DueLeases{Elected: true, Now: now, Emptied: !e.called}
	if e.called {
		found.Since = now.Sub(e.last)
	}
	e.elected, e.last, e.called = replica, now, true
	return found
}

// Due returns the leases that are due. It fails with its context alone.
func (s *Store) Due(ctx context.Context, replica string, limit int) (registry.DueLeases, error) {
	if err := s.begin(ctx, "read due leases"); err != nil {
		return registry.DueLeases{}, err
	}
	s.election.mu.Lock()
	defer s.election.mu.Unlock()
	found := s.election.enter(replica, s.now())
	if found.Elected {
		found.Overdue = s.due(running, found.Now, limit)
		found.Removable = s.due(expired, found.Now, limit)
	}
	return found, nil
}

// due returns the leases of a state that are due by now, the earliest first. They are
// popped from their queue in batches, and pushed back.
func (s *Store) due(of state, now registry.Instant, limit int) []registry.Lease {
	var found []*record
	var leases []registry.Lease
	for more := true; more; {
		found, leases, more = s.popDue(of, now, limit, found, leases)
	}
	for batch := range slices.Chunk(found, batchSize) {
		s.pushBack(of, batch)
	}
	return leases
}

// popDue pops a batch of due records, and reports whether there may be more.
func (s *Store) popDue(
	of state, now registry.Instant, limit int, found []*record, leases []registry.Lease,
) ([]*record, []registry.Lease, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue(of)
	for range batchSize {
		r := q.front()
		switch {
		case len(found) >= limit || r == nil || r.due > now:
			return found, leases, false
		case r.ends > r.due:
			q.correct()
		default:
			q.remove(r)
			found, leases = append(found, r), append(leases, r.lease())
		}
	}
	return found, leases, true
}

// pushBack puts records back into their queue, except those that have changed meanwhile.
func (s *Store) pushBack(of state, found []*record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range found {
		if r.state == of && r.index < 0 {
			s.queue(of).push(r)
		}
	}
}
