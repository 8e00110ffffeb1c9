package relay

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// Status is how far the relay is behind the feed.
type Status struct {
	// Epoch and Head are the feed's. Published is the last revision up to which everything
	// was published or parked: the lowest of the topics'.
	Epoch           string
	Head, Published int64
	// OldestAge is the age of the oldest pending change; 0 where none is pending.
	OldestAge time.Duration
	// Topics are in the order of their aggregate types.
	Topics []TopicStatus
	// Parked is how many aggregates are parked; Service.Parked lists them.
	Parked int64
}

// TopicStatus is how far the changes of one aggregate type were published.
type TopicStatus struct {
	// Topic is empty where it is unknown.
	Topic, AggregateType string
	// Published is the last revision up to which they were published or parked.
	Published int64
	// Pending is how many are neither, at most ports.PendingMost; OldestAge is the age of
	// the oldest.
	Pending   int64
	OldestAge time.Duration
	// Reason says why the topic is unwritable since a time; empty where it is writable.
	Reason string
	Since  time.Time
}

// Pending returns how many changes of all topics are neither published nor parked.
func (s Status) Pending() int64 {
	var n int64
	for _, t := range s.Topics {
		n += t.Pending
	}
	return n
}

// Status returns how far the relay is behind.
func (s *Service) Status(ctx context.Context) (Status, error) {
	at, err := s.delivered(ctx)
	if err != nil {
		return Status{}, err
	}
	head, err := s.deps.Feed.Head(ctx)
	if err != nil {
		return Status{}, err
	}
	status := Status{Epoch: head.Epoch, Head: head.Revision, Published: head.Revision}
	if at.HasParked {
		if status.Parked, err = s.deps.Deliveries.CountParked(ctx); err != nil {
			return Status{}, err
		}
	}
	for _, t := range s.deps.Modules.AggregateTypes() {
		topic, err := s.topicStatus(ctx, at.Of(t), head)
		if err != nil {
			return Status{}, err
		}
		status.Topics = append(status.Topics, topic)
		status.Published = min(status.Published, topic.Published)
		status.OldestAge = max(status.OldestAge, topic.OldestAge)
	}
	return status, nil
}

// topicStatus returns how far one stream is. Changes of other streams do not count.
func (s *Service) topicStatus(ctx context.Context, at ports.Stream, head ports.FeedHead) (TopicStatus, error) {
	status := TopicStatus{
		Topic: s.deps.Topics[at.AggregateType], AggregateType: at.AggregateType, Published: at.Revision,
		Reason: at.Reason, Since: at.Since,
	}
	if at.Revision >= head.Revision {
		return status, nil
	}
	pending, err := s.deps.Deliveries.Pending(ctx, at)
	if err != nil {
		return TopicStatus{}, err
	}
	if status.Pending = pending.Count; pending.Count == 0 {
		status.Published = head.Revision
		return status, nil
	}
	status.OldestAge = max(0, s.deps.Clock.Now().Sub(pending.Oldest))
	return status, nil
}

// Conditions names the topics that are unwritable, as the store had them when it was
// last queried.
func (s *Service) Conditions() []ports.Condition {
	at := s.last.Load()
	if at == nil {
		return nil
	}
	var unwritable []string
	for _, t := range at.Streams {
		if topic := s.deps.Topics[t.AggregateType]; topic != "" && t.Reason != "" {
			unwritable = append(unwritable, fmt.Sprintf("%s (%s)", topic, t.Reason))
		}
	}
	if len(unwritable) == 0 {
		return nil
	}
	return []ports.Condition{{
		Name: "topics_not_writable", Count: int64(len(unwritable)),
		Message: "Kafka accepts no messages for these topics: " + strings.Join(unwritable, "; ") +
			". Their changes are pending, and are published when the topics exist and are writable.",
	}}
}

// Parked lists at most ParkedPage parked aggregates that follow another one, in their
// order: the first ones after the zero value.
func (s *Service) Parked(ctx context.Context, after ports.Parked) ([]ports.Parked, error) {
	return s.deps.Deliveries.Parked(ctx, ports.ParkedQuery{After: after, Limit: ParkedPage})
}

// Retry requests another attempt of the changes parked at a revision.
func (s *Service) Retry(ctx context.Context, revision int64) error {
	return s.deps.Deliveries.RequestRetry(ctx, revision, false)
}

// Skip gives up the change that is parked at a revision, and requests an attempt of
// those that follow it.
func (s *Service) Skip(ctx context.Context, revision int64) error {
	return s.deps.Deliveries.RequestRetry(ctx, revision, true)
}
