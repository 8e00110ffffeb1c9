package localcache

import (
	"context"
	"math"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

var _ registry.Leases = (*Store)(nil)

// atOnce is how many leases are worked on under one lock: some 0.1 ms.
const atOnce = 250

// never is later than all time that passes.
const never = registry.Instant(math.MaxInt64)

func (s *Store) now() registry.Instant { return registry.Instant(0).Add(s.stopwatch.Elapsed()) }

// Grant begins leases as the grants say.
func (s *Store) Grant(ctx context.Context, grants ...registry.Grant) error {
	if err := s.begin(ctx, "grant leases"); err != nil {
		return err
	}
	var kept []registry.LeaseKey
	for some := range slices.Chunk(grants, atOnce) {
		kept = append(kept, s.grant(some)...)
	}
	if len(kept) > 0 {
		return &registry.RefusedError{Current: kept}
	}
	return nil
}

// grant returns the leases that are kept under higher epochs.
func (s *Store) grant(grants []registry.Grant) (kept []registry.LeaseKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for i := range grants {
		g := &grants[i]
		r := s.record(g.Key)
		if r.held() && g.Epoch < r.epoch {
			kept = append(kept, registry.LeaseKey{Key: g.Key, Epoch: r.epoch})
			continue
		}
		if r.held() && g.IfAbsent && g.Epoch == r.epoch {
			continue
		}
		r.epoch, r.ttl, r.removal = g.Epoch, g.TTL, g.Removal
		if g.Expired {
			s.wait(r, now.Add(g.Removal), never)
		} else {
			s.run(r, now.Add(g.TTL))
		}
	}
	return kept
}

// Renew makes leases run on, and takes in what the renewals observed.
func (s *Store) Renew(ctx context.Context, renewals ...registry.Renewal) ([]registry.Renewed, error) {
	if err := s.begin(ctx, "renew leases"); err != nil {
		return nil, err
	}
	now, at := s.now(), s.clock.Now().UnixMicro()
	renewed := make([]registry.Renewed, len(renewals))
	for i := range renewals {
		if !s.renewRunning(&renewals[i], now, at, &renewed[i]) {
			s.renewEnded(&renewals[i], at, &renewed[i])
		}
	}
	return renewed, nil
}

// renewRunning renews a lease that runs, or says why there is none to renew. It
// returns false for one that has ended.
func (s *Store) renewRunning(
	renewal *registry.Renewal, now registry.Instant, at int64, out *registry.Renewed,
) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.records[renewal.Key]
	out.Outcome = r.outcome(renewal.Epoch)
	if out.Outcome != registry.LeaseRenewed {
		return true
	}
	if r.state != running {
		return false
	}
	r.mu.Lock()
	r.ends = max(r.ends, now.Add(r.ttl))
	r.reading.observe(&renewal.Observation, at)
	r.mu.Unlock()
	r.service.observe(&renewal.Observation, at)
	out.TTL = r.ttl
	return true
}

// renewEnded renews a lease that has ended, or whatever became of it meanwhile.
func (s *Store) renewEnded(renewal *registry.Renewal, at int64, out *registry.Renewed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[renewal.Key]
	out.Outcome = r.outcome(renewal.Epoch)
	if out.Outcome != registry.LeaseRenewed {
		return
	}
	out.TTL, out.HadExpired = r.ttl, r.state == waiting
	s.run(r, s.now().Add(r.ttl))
	r.reading.observe(&renewal.Observation, at)
	r.service.observe(&renewal.Observation, at)
}

// Expire records that leases have ended. One that the same ending has ended before
// is ended by it once more.
func (s *Store) Expire(ctx context.Context, leases ...registry.Lease) ([]bool, error) {
	if err := s.begin(ctx, "end leases"); err != nil {
		return nil, err
	}
	done := make([]bool, 0, len(leases))
	for some := range slices.Chunk(leases, atOnce) {
		done = s.end(some, done)
	}
	return done, nil
}

func (s *Store) end(leases []registry.Lease, done []bool) []bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range leases {
		e := &leases[i]
		r := s.records[e.Key]
		so := r.endsAs(e)
		if so {
			s.wait(r, e.Ends.Add(r.removal), e.Ends)
		}
		done = append(done, so)
	}
	return done
}

// Remove forgets leases and their readings; where there is no lease, the reading.
func (s *Store) Remove(ctx context.Context, leases ...registry.LeaseKey) error {
	if err := s.begin(ctx, "drop leases"); err != nil {
		return err
	}
	for some := range slices.Chunk(leases, atOnce) {
		s.drop(some)
	}
	return nil
}

func (s *Store) drop(leases []registry.LeaseKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, lease := range leases {
		r := s.records[lease.Key]
		if r == nil || r.epoch > lease.Epoch {
			continue
		}
		s.unqueue(r)
		r.state = none
		delete(s.records, lease.Key)
	}
}
