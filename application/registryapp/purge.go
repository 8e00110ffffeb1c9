package registryapp

import (
	"context"
	"time"
)

// HistoryRetention is the retention of transitions.
const HistoryRetention = 30 * 24 * time.Hour

// purgeLimit is the maximum number of rows of each kind that one step deletes.
const purgeLimit = 1000

// Purge deletes some of the transitions that are older than HistoryRetention, and some of
// the instances and services that were removed long ago. It reports whether there are
// more. The next Refresh of each replica removes them from its catalogue.
func (s *Service) Purge(ctx context.Context) (more bool, err error) {
	now := s.deps.Clock.Now()
	transitions, err := s.deps.History.Purge(ctx, now.Add(-HistoryRetention), purgeLimit)
	if err != nil {
		return false, err
	}
	removed, err := s.deps.History.PurgeRemoved(ctx, now, purgeLimit)
	return transitions == purgeLimit || removed > 0, err
}
