package rediscache

import (
	"context"
	"slices"
	"time"
)

// Announce says that a replica is alive, and returns all that are.
func (s *Store) Announce(ctx context.Context, replica string, ttl time.Duration) ([]string, error) {
	space, err := s.space()
	if err != nil {
		return nil, err
	}
	results := s.runAll(ctx, []call{{
		script: s.scripts.announce, keys: []string{space.members()},
		args: []any{replica, ttl.Microseconds()},
	}})
	live, err := results[0].StringSlice()
	slices.Sort(live)
	return live, translate(err, "announce a replica")
}
