package relay

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// Retention is how much of the feed is kept beyond what is not published yet.
type Retention struct {
	Age  time.Duration
	Rows int64
}

// unclaimedFor is how much longer than others changes are kept of which this version
// does not know whether they were published: long enough to return to the version that
// does.
const unclaimedFor = 7 * 24 * time.Hour

// Purge deletes the oldest changes beyond the retention, by the store's clock, and
// returns how many. What is not published, or is parked, is kept. Of PurgeBatch there
// may be more.
func (s *Service) Purge(ctx context.Context, keep Retention) (int, error) {
	at, err := s.delivered(ctx)
	if err != nil {
		return 0, err
	}
	published := map[string]int64{}
	for _, t := range s.deps.Modules.AggregateTypes() {
		if published[t], err = s.publishedOf(ctx, at, t); err != nil {
			return 0, err
		}
	}
	return s.deps.Feed.Purge(ctx, ports.Retention{
		Age: keep.Age, Rows: keep.Rows, Published: published, Unclaimed: unclaimedFor,
	}, PurgeBatch)
}

// publishedOf returns the last revision up to which changes of an aggregate type were
// published, and none is parked.
func (s *Service) publishedOf(ctx context.Context, at ports.Delivered, aggregateType string) (int64, error) {
	published := at.Of(aggregateType).Revision
	if !at.HasParked {
		return published, nil
	}
	first, err := s.deps.Deliveries.Parked(ctx, ports.ParkedQuery{AggregateTypes: []string{aggregateType}, Limit: 1})
	if err != nil || len(first) == 0 {
		return published, err
	}
	return min(published, first[0].Revision-1), nil
}
