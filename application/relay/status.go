package relay

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// Status is how far the relay is behind the feed.
type Status struct {
	// Epoch and Head are the feed's, Published is the last revision that was published
	// or parked.
	Epoch           string
	Head, Published int64
	// OldestAge is since when the oldest change waits that was neither; 0 where none
	// does.
	OldestAge time.Duration
	// Parked are the aggregates that wait, ordered by revision.
	Parked []ports.Parked
}

// Pending returns how many changes wait that are not parked.
func (s Status) Pending() int64 { return max(0, s.Head-s.Published) }

// Status returns how far the relay is behind.
func (s *Service) Status(ctx context.Context) (Status, error) {
	delivered, err := s.deps.Deliveries.Delivered(ctx)
	if err != nil {
		return Status{}, err
	}
	head, err := s.deps.Feed.Head(ctx)
	if err != nil {
		return Status{}, err
	}
	status := Status{
		Epoch: head.Epoch, Head: head.Revision, Published: delivered.Revision, Parked: delivered.Parked,
	}
	if status.Pending() == 0 {
		return status, nil
	}
	oldest, err := s.deps.Feed.After(ctx, delivered.Revision, 1)
	if err == nil && len(oldest) > 0 {
		status.OldestAge = max(0, s.deps.Clock.Now().Sub(oldest[0].OccurredAt))
	}
	return status, err
}

// Retry asks the relay to try again what is parked at a revision.
func (s *Service) Retry(ctx context.Context, revision int64) error {
	return s.deps.Deliveries.Ask(ctx, revision, false)
}

// Skip gives up the change that is parked at a revision, and asks the relay to go
// on with those that wait behind it.
func (s *Service) Skip(ctx context.Context, revision int64) error {
	return s.deps.Deliveries.Ask(ctx, revision, true)
}
