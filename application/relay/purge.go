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

// unclaimedFor is how much longer than others changes are kept of which this version
// does not know whether they were published: long enough to come back to the version
// that does.
const unclaimedFor = 7 * 24 * time.Hour

// Purge forgets the oldest changes that are not to be kept, by the store's clock, and
// returns how many. What was not published, or is parked, is kept. Of PurgeBatch there
// may be more.
func (s *Service) Purge(ctx context.Context, keep Retention) (int, error) {
	at, err := s.delivered(ctx)
	if err != nil {
		return 0, err
	}
	published := map[string]int64{}
	for _, t := range s.deps.Modules.AggregateTypes() {
		published[t] = at.Of(t).Revision
	}
	for _, p := range at.Parked {
		if _, known := published[p.AggregateType]; known {
			published[p.AggregateType] = min(published[p.AggregateType], p.Revision-1)
		}
	}
	return s.deps.Feed.Purge(ctx, ports.Retention{
		Age: keep.Age, Rows: keep.Rows, Published: published, Unclaimed: unclaimedFor,
	}, PurgeBatch)
}
