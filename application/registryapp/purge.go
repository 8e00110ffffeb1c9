package registryapp

import (
	"context"
	"time"
)

// HistoryKept is for how long transitions are kept.
const HistoryKept = 30 * 24 * time.Hour

// purgeLimit bounds the transitions that one step forgets.
const purgeLimit = 1000

// Purge forgets some of the transitions that are older than HistoryKept, and
// reports whether there are more.
func (s *Service) Purge(ctx context.Context) (more bool, err error) {
	n, err := s.deps.History.Purge(ctx, s.deps.Clock.Now().Add(-HistoryKept), purgeLimit)
	return n == purgeLimit, err
}
