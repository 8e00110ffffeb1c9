package registryapp

import (
	"context"
	"time"
)

// HistoryKept is the retention of transitions.
const HistoryKept = 30 * 24 * time.Hour

// purgeLimit bounds what one step deletes of each kind.
const purgeLimit = 1000

// Purge deletes some of the transitions that are older than HistoryKept, and some of the
// instances and services that were removed long ago, and reports whether there are more.
// The catalogue of every replica follows with the next Refresh.
func (s *Service) Purge(ctx context.Context) (more bool, err error) {
	now := s.deps.Clock.Now()
	transitions, err := s.deps.History.Purge(ctx, now.Add(-HistoryKept), purgeLimit)
	if err != nil {
		return false, err
	}
	removed, err := s.deps.History.PurgeRemoved(ctx, now, purgeLimit)
	return transitions == purgeLimit || removed > 0, err
}
