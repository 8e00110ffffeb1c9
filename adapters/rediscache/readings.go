package rediscache

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

var (
	_ registry.Readings  = (*Store)(nil)
	_ registry.Members   = (*Store)(nil)
	_ registry.Directory = (*Store)(nil)
)

// Note adds observations of instances.
func (s *Store) Note(ctx context.Context, notes ...registry.Note) error {
	space, err := s.space()
	if err != nil {
		return err
	}
	calls := make([]call, len(notes))
	for i := range notes {
		n := &notes[i]
		status, reported, responseTime := observed(&n.Observation)
		calls[i] = call{
			script: s.scripts.note,
			keys:   []string{space.lease(n.Key), space.reading(n.Service.String())},
			args:   []any{status, reported, responseTime},
		}
	}
	results := s.runAll(ctx, calls)
	markOutdated(&s.projection, notes, func(n *registry.Note) registry.Key { return n.Key })
	return translate(firstError(results), "note observations")
}

// Instances returns a reading for each of the instances.
func (s *Store) Instances(ctx context.Context, keys ...registry.Key) ([]registry.Reading, error) {
	space, err := s.space()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = space.lease(k)
	}
	return s.read(ctx, names)
}

// Services returns a reading for each of the services.
func (s *Store) Services(ctx context.Context, names ...string) ([]registry.Reading, error) {
	space, err := s.space()
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = space.reading(name)
	}
	return s.read(ctx, keys)
}

func (s *Store) read(ctx context.Context, keys []string) ([]registry.Reading, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	pipe := s.client.Pipeline()
	results := make([]*redis.SliceCmd, len(keys))
	for i, key := range keys {
		results[i] = pipe.HMGet(ctx, key, "a", "l", "v", "f", "c")
	}
	// Each result has its own error.
	_, _ = pipe.Exec(ctx)
	readings := make([]registry.Reading, len(keys))
	for i, r := range results {
		switch err := r.Err(); {
		case err == nil:
			readings[i] = parseReading(r.Val())
		case !hasCode(err, "WRONGTYPE"):
			return nil, translate(err, "read readings")
		}
	}
	return readings, nil
}

// parseReading reads the fields of a hash; missing ones are zero.
func parseReading(fields []any) registry.Reading {
	text := func(i int) string { t, _ := fields[i].(string); return t }
	var r registry.Reading
	if at, err := strconv.ParseInt(text(0), 10, 64); err == nil {
		r.At = time.UnixMicro(at).UTC()
	}
	last, lastErr := strconv.ParseFloat(text(1), 64)
	average, averageErr := strconv.ParseFloat(text(2), 64)
	if lastErr == nil && averageErr == nil {
		r.ResponseTime, r.Average, r.Measured = last, average, true
	}
	r.Failures, _ = strconv.Atoi(text(3))
	r.Reports, _ = strconv.ParseInt(text(4), 10, 64)
	return r
}

// Forget resets readings.
func (s *Store) Forget(ctx context.Context, services []string, instances ...registry.Key) error {
	space, err := s.space()
	if err != nil || len(services)+len(instances) == 0 {
		return err
	}
	pipe := s.client.Pipeline()
	for _, name := range services {
		pipe.Del(ctx, space.reading(name))
	}
	for _, k := range instances {
		pipe.HDel(ctx, space.lease(k), "a", "l", "v", "f", "c")
	}
	if _, err := pipe.Exec(ctx); err != nil && !hasCode(err, "WRONGTYPE") {
		return translate(err, "reset readings")
	}
	return nil
}
