package localcache

import (
	"context"
	"slices"
	"sync"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// turn says who sweeps. Its lock is held for a whole sweep, so that a sweeper that
// calls twice at the same time finds all that is due in both.
type turn struct {
	mu      sync.Mutex
	sweeper string
	last    registry.Instant
	swept   bool
}

// take begins a sweep, with Turn false where another sweeper has it.
func (t *turn) take(sweeper string, now registry.Instant) registry.DueLeases {
	if t.swept && t.sweeper != sweeper && now < t.last.Add(registry.ElectionTerm) {
		return registry.DueLeases{}
	}
	begun := registry.DueLeases{Elected: true, Now: now, Emptied: !t.swept}
	if t.swept {
		begun.Since = now.Sub(t.last)
	}
	t.sweeper, t.last, t.swept = sweeper, now, true
	return begun
}

// Due returns what is due. It fails with its context alone.
func (s *Store) Due(ctx context.Context, sweeper string, limit int) (registry.DueLeases, error) {
	if err := s.begin(ctx, "sweep leases"); err != nil {
		return registry.DueLeases{}, err
	}
	s.turn.mu.Lock()
	defer s.turn.mu.Unlock()
	found := s.turn.take(sweeper, s.now())
	if found.Elected {
		found.Overdue = s.due(running, found.Now, limit)
		found.Removable = s.due(waiting, found.Now, limit)
	}
	return found, nil
}

// due returns the leases of a state that are due by now, the earliest first. They
// are taken out of their queue, some at a time, and put back.
func (s *Store) due(of state, now registry.Instant, limit int) []registry.Lease {
	var found []*record
	var leases []registry.Lease
	for more := true; more; {
		found, leases, more = s.takeDue(of, now, limit, found, leases)
	}
	for some := range slices.Chunk(found, atOnce) {
		s.putBack(of, some)
	}
	return leases
}

// takeDue goes on taking from a queue, and reports whether there may be more.
func (s *Store) takeDue(
	of state, now registry.Instant, limit int, found []*record, leases []registry.Lease,
) ([]*record, []registry.Lease, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue(of)
	for range atOnce {
		r := q.front()
		switch {
		case len(found) >= limit || r == nil || r.due > now:
			return found, leases, false
		case r.ends > r.due:
			q.correct()
		default:
			q.take(r)
			found, leases = append(found, r), append(leases, r.lease())
		}
	}
	return found, leases, true
}

// putBack puts records back, but for those that something was done about.
func (s *Store) putBack(of state, found []*record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range found {
		if r.state == of && r.place < 0 {
			s.queue(of).put(r)
		}
	}
}
