package localcache

import (
	"context"
	"math"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

var _ registry.Leases = (*Store)(nil)

// batchSize bounds the leases that are changed under one lock: some 0.1 ms.
const batchSize = 250

// never is later than all time that passes.
const never = registry.Instant(math.MaxInt64)

func (s *Store) now() registry.Instant { return registry.Instant(0).Add(s.stopwatch.Elapsed()) }

// Grant begins leases.
func (s *Store) Grant(ctx context.Context, grants ...registry.Grant) error {
	if err := s.begin(ctx, "grant leases"); err != nil {
		return err
	}
	var current []registry.LeaseKey
	for batch := range slices.Chunk(grants, batchSize) {
		current = append(current, s.grant(batch)...)
	}
	if len(current) > 0 {
		return &registry.RefusedError{Current: current}
	}
	return nil
}

// grant returns the leases that are stored under higher epochs.
func (s *Store) grant(grants []registry.Grant) (current []registry.LeaseKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for i := range grants {
		g := &grants[i]
		r := s.record(g.Key)
		if r.leased() && g.Epoch < r.epoch {
			current = append(current, registry.LeaseKey{Key: g.Key, Epoch: r.epoch})
			continue
		}
		if r.leased() && g.IfAbsent && g.Epoch == r.epoch {
			continue
		}
		r.epoch, r.ttl, r.removal = g.Epoch, g.TTL, g.Removal
		if g.Expired {
			s.expire(r, now.Add(g.Removal), never)
		} else {
			s.run(r, now.Add(g.TTL))
		}
	}
	return current
}

// Renew extends leases, and notes the observations of the renewals.
func (s *Store) Renew(ctx context.Context, renewals ...registry.Renewal) ([]registry.Renewed, error) {
	if err := s.begin(ctx, "renew leases"); err != nil {
		return nil, err
	}
	now, at := s.now(), s.clock.Now().UnixMicro()
	renewed := make([]registry.Renewed, len(renewals))
	for i := range renewals {
		if !s.renewRunning(&renewals[i], now, at, &renewed[i]) {
			s.renewExpired(&renewals[i], at, &renewed[i])
		}
	}
	return renewed, nil
}

// renewRunning renews a lease that runs, or sets why there is none. It returns false for
// an expired lease.
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

// renewExpired renews an expired lease, or what has become of it meanwhile.
func (s *Store) renewExpired(renewal *registry.Renewal, at int64, out *registry.Renewed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[renewal.Key]
	out.Outcome = r.outcome(renewal.Epoch)
	if out.Outcome != registry.LeaseRenewed {
		return
	}
	out.TTL, out.HadExpired = r.ttl, r.state == expired
	s.run(r, s.now().Add(r.ttl))
	r.reading.observe(&renewal.Observation, at)
	r.service.observe(&renewal.Observation, at)
}

// Expire records that leases have expired. Recording the same expiry again succeeds.
func (s *Store) Expire(ctx context.Context, leases ...registry.Lease) ([]bool, error) {
	if err := s.begin(ctx, "expire leases"); err != nil {
		return nil, err
	}
	done := make([]bool, 0, len(leases))
	for batch := range slices.Chunk(leases, batchSize) {
		done = s.expireBatch(batch, done)
	}
	return done, nil
}

func (s *Store) expireBatch(leases []registry.Lease, done []bool) []bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range leases {
		e := &leases[i]
		r := s.records[e.Key]
		expires := r.expiresAs(e)
		if expires {
			s.expire(r, e.Ends.Add(r.removal), e.Ends)
		}
		done = append(done, expires)
	}
	return done
}

// Remove removes leases and their readings.
func (s *Store) Remove(ctx context.Context, leases ...registry.LeaseKey) error {
	if err := s.begin(ctx, "remove leases"); err != nil {
		return err
	}
	for batch := range slices.Chunk(leases, batchSize) {
		s.removeBatch(batch)
	}
	return nil
}

func (s *Store) removeBatch(leases []registry.LeaseKey) {
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
