package accessapp

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// reading is what is trusted, as it was read.
type reading struct {
	policy trust.Policy
	at     time.Time
	err    error
}

// trusted caches the last reading.
type trusted struct {
	last  reading
	loads freshness.Group[struct{}, reading]
}

// within reports whether the reading is at most that old. One from the future, because the
// clock was set back, is not.
func (r reading) within(limit time.Duration, now time.Time) bool {
	age := now.Sub(r.at)
	return !r.at.IsZero() && 0 <= age && age < limit
}

// policyWithin returns what is trusted, by a reading that is at most that old. A store that
// cannot be reached is fault.ErrUnavailable.
func (s *Service) policyWithin(ctx context.Context, limit time.Duration) (reading, error) {
	if s.deps.Trust == nil {
		return reading{at: s.deps.Clock.Now()}, nil
	}
	s.mu.Lock()
	last := s.trusted.last
	s.mu.Unlock()
	if last.within(limit, s.deps.Clock.Now()) {
		return last, nil
	}
	loaded, landed := s.trusted.loads.Do(ctx, struct{}{}, lookupTimeout, s.loadPolicy).Await(ctx)
	if !landed {
		return reading{}, fault.ErrUnavailable.WithCause(context.Cause(ctx))
	}
	return loaded, loaded.err
}

func (s *Service) loadPolicy(ctx context.Context) reading {
	r := reading{at: s.deps.Clock.Now()}
	if r.policy, r.err = s.deps.Trust.Load(ctx); r.err != nil {
		return r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.trusted.last.at.After(r.at) || s.trusted.last.at.After(s.deps.Clock.Now()) {
		s.trusted.last = r
	}
	return r
}

// forgetPolicy has the next caller read what is trusted.
func (s *Service) forgetPolicy() {
	s.trusted.loads.DetachAll()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trusted.last = reading{}
}
