package localcache

import (
	"context"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

var _ registry.Readings = (*Store)(nil)

// weight is that of the last measurement in an average.
const weight = 0.2

// reading is the recent observations of an instance or a service.
type reading struct {
	// at is in microseconds since 1970, 0 for never.
	at            int64
	last, average float64
	reports       int64
	failures      int32
	measured      bool
}

// observe adds an observation.
func (r *reading) observe(o *registry.Observation, at int64) {
	r.at = max(r.at, at)
	if o.Status != nil {
		r.count(*o.Status, o.Reported)
	}
	if o.ResponseTime == nil {
		return
	}
	if !r.measured {
		r.measured, r.average = true, *o.ResponseTime
	}
	r.last = *o.ResponseTime
	r.average += weight * (r.last - r.average)
}

func (r *reading) count(status health.Status, reported bool) {
	if status == health.Critical {
		r.failures++
	} else {
		r.failures = 0
	}
	if reported {
		r.reports++
	}
}

func (r *reading) public() registry.Reading {
	var at time.Time
	if r.at != 0 {
		at = time.UnixMicro(r.at).UTC()
	}
	return registry.Reading{
		At: at, ResponseTime: r.last, Average: r.average, Measured: r.measured,
		Failures: int(r.failures), Reports: r.reports,
	}
}

// tally is the reading of a service.
type tally struct {
	mu      sync.Mutex
	reading reading
}

func (t *tally) observe(o *registry.Observation, at int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reading.observe(o, at)
}

func (t *tally) public() registry.Reading {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.reading.public()
	r.Failures = 0
	return r
}

// tally returns the reading of a service, and adds one where there is none.
func (s *Store) tally(name scope.ServiceName) *tally {
	t := s.services[name]
	if t == nil {
		t = &tally{}
		s.services[name] = t
	}
	return t
}

// Note adds observations of instances, with a lease or without.
func (s *Store) Note(ctx context.Context, notes ...registry.Note) error {
	if err := s.begin(ctx, "note observations"); err != nil {
		return err
	}
	at := s.clock.Now().UnixMicro()
	for i := range notes {
		if !s.noteRecorded(&notes[i], at) {
			s.noteNew(&notes[i], at)
		}
	}
	return nil
}

// noteRecorded returns false where there is no record yet.
func (s *Store) noteRecorded(n *registry.Note, at int64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.records[n.Key]
	if r == nil {
		return false
	}
	r.mu.Lock()
	r.reading.observe(&n.Observation, at)
	r.mu.Unlock()
	r.service.observe(&n.Observation, at)
	return true
}

func (s *Store) noteNew(n *registry.Note, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.record(n.Key)
	r.reading.observe(&n.Observation, at)
	r.service.observe(&n.Observation, at)
}

// Instances returns a reading for each of the instances.
func (s *Store) Instances(ctx context.Context, keys ...registry.Key) ([]registry.Reading, error) {
	if err := s.begin(ctx, "read readings of instances"); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	readings := make([]registry.Reading, len(keys))
	for i, key := range keys {
		if r := s.records[key]; r != nil {
			r.mu.Lock()
			readings[i] = r.reading.public()
			r.mu.Unlock()
		}
	}
	return readings, nil
}

// Services returns a reading for each of the services.
func (s *Store) Services(ctx context.Context, names ...string) ([]registry.Reading, error) {
	if err := s.begin(ctx, "read readings of services"); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	readings := make([]registry.Reading, len(names))
	for i, text := range names {
		// Invalid names have no readings.
		if name, err := scope.ParseServiceName(text); err == nil && s.services[name] != nil {
			readings[i] = s.services[name].public()
		}
	}
	return readings, nil
}

// Forget resets readings.
func (s *Store) Forget(ctx context.Context, services []string, instances ...registry.Key) error {
	if err := s.begin(ctx, "reset readings"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range services {
		if name, err := scope.ParseServiceName(text); err == nil && s.services[name] != nil {
			s.services[name].reset()
		}
	}
	for _, key := range instances {
		if r := s.records[key]; r != nil {
			r.mu.Lock()
			r.reading = reading{}
			r.mu.Unlock()
		}
	}
	return nil
}

func (t *tally) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reading = reading{}
}
