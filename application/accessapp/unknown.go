package accessapp

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Ids that were never seen here are looked up together, so that any number of wrong keys
// costs the store a fixed number of queries, and delays a right one by little.
const (
	// MaxQueries is how many queries for unknown ids are in flight.
	maxQueries = 4
	// FreeQueries begin at once in a second; each further one waits for queryPause, in which
	// ids gather. So there are at most 100 queries per second.
	freeQueries = 20
	queryPause  = 50 * time.Millisecond
	// MaxWaiting is how many ids wait for a query, and how many one query has.
	maxWaiting = 1000
)

// unknowns are ids that are not among the known keys.
type unknowns struct {
	// absent are ids without a key, with the time of the query.
	absent map[string]time.Time
	// waiting are look-ups that no query has begun, by their ids.
	waiting map[string]*lookup
	// queries counts those in flight.
	queries int
	// begun counts those of the second that began at since.
	begun int
	since time.Time
}

// begin counts a query, and reports whether it has to wait.
func (u *unknowns) begin(now time.Time) (busy bool) {
	if age := now.Sub(u.since); age < 0 || age >= time.Second {
		u.since, u.begun = now, 0
	}
	u.begun++
	return u.begun > freeQueries
}

// isAbsent reports whether the store recently had no key of an id.
func (u *unknowns) isAbsent(id string, now time.Time) bool {
	queried, ok := u.absent[id]
	age := now.Sub(queried)
	return ok && 0 <= age && age < freshness.NegativeLifetime
}

// setAbsent notes that the store had no key of an id.
func (u *unknowns) setAbsent(id string, queried time.Time) {
	if u.absent == nil || len(u.absent) >= maxKnown {
		u.absent = map[string]time.Time{}
	}
	u.absent[id] = queried
}

// findUnknown returns the key of an id that is not cached. An id that was absent within
// freshness.NegativeLifetime is access.ErrKeyNotFound, and one for which too many others
// wait fault.ErrRateLimited.
func (s *Service) findUnknown(ctx context.Context, id string) (*access.APIKey, error) {
	l, err := s.lookUpUnknown(ctx, id)
	if err != nil {
		return nil, err
	}
	return l.await(ctx)
}

// lookUpUnknown joins the in-flight look-up of an id, or adds one to the next query.
func (s *Service) lookUpUnknown(ctx context.Context, id string) (*lookup, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &s.unknowns
	switch l := s.lookups[id]; {
	case l != nil:
		return l, nil
	case u.isAbsent(id, s.deps.Clock.Now()):
		return nil, access.ErrKeyNotFound
	case len(u.waiting) >= maxWaiting:
		return nil, fault.ErrRateLimited
	}
	l := &lookup{done: make(chan struct{})}
	s.lookups[id] = l
	if u.waiting == nil {
		u.waiting = map[string]*lookup{}
	}
	u.waiting[id] = l
	if u.queries < maxQueries {
		u.queries++
		go s.queryUnknown(context.WithoutCancel(ctx))
	}
	return l, nil
}

// queryUnknown looks up the ids that wait, until there are none.
func (s *Service) queryUnknown(ctx context.Context) {
	for {
		s.mu.Lock()
		waiting := len(s.unknowns.waiting) > 0
		if !waiting {
			s.unknowns.queries--
		}
		busy := waiting && s.unknowns.begin(s.deps.Clock.Now())
		s.mu.Unlock()
		if !waiting {
			return
		}
		if busy {
			<-time.After(queryPause)
		}
		s.lookUpAll(ctx, s.nextBatch())
	}
}

// nextBatch takes the ids that wait.
func (s *Service) nextBatch() map[string]*lookup {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.unknowns.waiting
	s.unknowns.waiting = nil
	now := s.deps.Clock.Now()
	for _, l := range batch {
		l.queried = now
	}
	return batch
}

// lookUpAll looks up a batch by one query, and caches the results. Another query may have
// taken the ids: then there is none.
func (s *Service) lookUpAll(ctx context.Context, batch map[string]*lookup) {
	if len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	ids := make([]string, 0, len(batch))
	for id := range batch {
		ids = append(ids, id)
	}
	keys, err := keysAndTokens{s}.findAll(ctx, ids)
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, l := range batch {
		delete(s.lookups, id)
		switch l.key, l.err = keys[id], err; {
		case err != nil:
		case l.key == nil:
			l.err = access.ErrKeyNotFound
			s.unknowns.setAbsent(id, l.queried)
			s.record(id, nil, l.queried)
		default:
			s.record(id, l.key, l.queried)
		}
		close(l.done)
	}
}
