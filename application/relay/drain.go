package relay

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// Drain publishes one batch of changes, and returns how many it is done with. Of 0
// there is nothing to do; otherwise there may be more. The changes of an aggregate
// go out in their order, each at least once: what was published before a failure
// may be published again, with the same id.
//
// A change that the broker refuses for good parks its aggregate, and nothing else.
// Another relay that was faster is ports.ErrOvertaken.
func (s *Service) Drain(ctx context.Context) (int, error) {
	from, err := s.deps.Deliveries.Delivered(ctx)
	if err != nil {
		return 0, err
	}
	for _, p := range from.Parked {
		if p.Asked {
			return s.retry(ctx, from, p)
		}
	}
	changes, err := s.deps.Feed.After(ctx, from.Revision, DrainBatch)
	if err != nil || len(changes) == 0 {
		return 0, err
	}
	outcomes, err := s.publish(ctx, from, changes)
	if err != nil {
		return 0, err
	}
	failpoint.Hit("after-publish")
	done, parked, failure := s.reckon(changes, outcomes)
	if done == 0 {
		return 0, failure
	}
	err = s.deps.Deliveries.Advance(ctx, from, changes[done-1].Revision, parked...)
	if err != nil {
		return 0, errors.Join(failure, err)
	}
	return done, failure
}

// outcome is what became of one change.
type outcome struct {
	// key is the message's, empty where none was sent because the aggregate waits.
	key string
	err error
}

// publish publishes the changes whose aggregates do not wait, and returns what
// became of each.
func (s *Service) publish(ctx context.Context, from ports.Delivered, changes []ports.Change) ([]outcome, error) {
	outcomes := make([]outcome, len(changes))
	messages, places := make([]ports.Message, 0, len(changes)), make([]int, 0, len(changes))
	epoch, err := s.epoch(ctx)
	if err != nil {
		return nil, err
	}
	waiting := map[aggregate]bool{}
	for _, p := range from.Parked {
		waiting[aggregate{kind: p.AggregateType, id: p.AggregateID}] = true
	}
	for i, c := range changes {
		if waiting[aggregateOf(c)] {
			continue
		}
		m, err := s.message(c, epoch)
		if err != nil {
			return nil, err
		}
		messages, places = append(messages, m), append(places, i)
	}
	for i, err := range s.deps.Publisher.Publish(ctx, messages) {
		outcomes[places[i]] = outcome{key: messages[i].Key, err: err}
	}
	return outcomes, nil
}

func (s *Service) epoch(ctx context.Context) (string, error) {
	head, err := s.deps.Feed.Head(ctx)
	return head.Epoch, err
}

// reckon returns how many changes from the beginning are done with, which
// aggregates are to be parked of those, and why the next one is not.
func (s *Service) reckon(
	changes []ports.Change, outcomes []outcome,
) (done int, parked []ports.Parked, failure error) {
	waiting := map[aggregate]bool{}
	for i, c := range changes {
		about := aggregateOf(c)
		refused, isRefused := errors.AsType[ports.RefusedError](outcomes[i].err)
		switch {
		case outcomes[i].err == nil, waiting[about]:
		case isRefused:
			waiting[about] = true
			parked = append(parked, ports.Parked{
				AggregateType: c.AggregateType, AggregateID: c.AggregateID, Revision: c.Revision,
				Key: outcomes[i].key, Reason: refused.Cause.Error(), At: s.deps.Clock.Now(),
			})
		default:
			return i, parked, outcomes[i].err
		}
	}
	return len(changes), parked, nil
}

// aggregate names one.
type aggregate struct {
	kind string
	id   int64
}

func aggregateOf(c ports.Change) aggregate {
	return aggregate{kind: c.AggregateType, id: c.AggregateID}
}

// retry publishes a batch of what waits, up to where the relay is.
func (s *Service) retry(ctx context.Context, from ports.Delivered, was ports.Parked) (int, error) {
	changes, err := s.deps.Deliveries.Backlog(ctx, was, from.Revision, DrainBatch)
	if err != nil {
		return 0, err
	}
	outcomes, err := s.publish(ctx, ports.Delivered{}, changes)
	if err != nil {
		return 0, err
	}
	done, parked, failure := s.reckon(changes, outcomes)
	if done == 0 {
		if failure != nil {
			return 0, failure
		}
		return 1, s.deps.Deliveries.Resume(ctx, from, was, nil)
	}
	next := &was
	switch {
	case len(parked) > 0:
		next = &parked[0]
	case done < len(changes):
		next.Revision = changes[done].Revision
	case done == DrainBatch:
		next.Revision = changes[done-1].Revision + 1
	default:
		next = nil
	}
	if err := s.deps.Deliveries.Resume(ctx, from, was, next); err != nil {
		return 0, errors.Join(failure, err)
	}
	return done, failure
}
