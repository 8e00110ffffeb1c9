package localcache

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// members are the announced replicas: this one alone.
type members struct {
	mu sync.Mutex
	// until is when each is no longer alive without an announcement.
	until map[string]time.Duration
}

func (m *members) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.until = map[string]time.Duration{}
}

var _ registry.Members = (*Store)(nil)

// Announce says that a replica is alive, and returns all that are. It fails with its
// context alone.
func (s *Store) Announce(ctx context.Context, replica string, ttl time.Duration) ([]string, error) {
	if err := s.begin(ctx, "announce a replica"); err != nil {
		return nil, err
	}
	m := &s.members
	m.mu.Lock()
	defer m.mu.Unlock()
	now := s.stopwatch.Elapsed()
	m.until[replica] = now + ttl
	maps.DeleteFunc(m.until, func(_ string, until time.Duration) bool { return until <= now })
	return slices.Sorted(maps.Keys(m.until)), nil
}
