package relay

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// Retention says how much of the feed is kept beyond what was not published yet.
type Retention struct {
	Age  time.Duration
	Rows int64
}

// Purge forgets the oldest changes that are not to be kept, and returns how many.
// Of PurgeBatch there may be more.
func (s *Service) Purge(ctx context.Context, keep Retention) (int, error) {
	since := s.deps.Clock.Now().Add(-keep.Age)
	return s.deps.Feed.Purge(ctx, ports.Retention{Since: since, Rows: keep.Rows}, PurgeBatch)
}
