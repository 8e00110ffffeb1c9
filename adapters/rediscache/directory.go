package rediscache

import (
	"context"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// Announce says that a replica lives, and returns all that do.
func (s *Store) Announce(ctx context.Context, replica string, ttl time.Duration) ([]string, error) {
	results, err := s.runAll(ctx, []call{{
		script: s.scripts.announce, keys: []string{s.prefix + "registry:members"},
		args: []any{replica, ttl.Microseconds()},
	}})
	if err != nil {
		return nil, translate(err, "announce a replica")
	}
	live, err := results[0].StringSlice()
	slices.Sort(live)
	return live, translate(err, "announce a replica")
}

// Show makes the entries what readers of Redis see.
func (s *Store) Show(ctx context.Context, ttl time.Duration, entries ...registry.Entry) error {
	calls := make([]call, len(entries))
	for i, e := range entries {
		calls[i] = call{
			script: s.scripts.show,
			keys: []string{
				s.prefix + "registry:shown", s.prefix + "service_info:" + e.Name,
				s.prefix + "service:" + e.Name + ":active", s.prefix + "healthy_services",
			},
			args: []any{e.Name, e.Version, ttl.Milliseconds(), string(e.Info), bit(e.Active), bit(e.Healthy)},
		}
	}
	_, err := s.runAll(ctx, calls)
	return translate(err, "show services")
}
