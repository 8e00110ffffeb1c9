package relay

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/signalbox-hq/signalbox/ports"
)

// outcome is what became of one change.
type outcome struct {
	// key is the message's; empty where none was sent because the aggregate is parked.
	key string
	err error
}

// aggregate identifies one.
type aggregate struct {
	aggregateType string
	id            int64
}

func aggregateOf(c ports.Change) aggregate {
	return aggregate{aggregateType: c.AggregateType, id: c.AggregateID}
}

// parkedAmong returns the aggregates of changes that are parked, of some types.
func (s *Service) parkedAmong(
	ctx context.Context, from ports.Delivered, types []string, changes []ports.Change,
) (map[aggregate]bool, error) {
	parked := map[aggregate]bool{}
	if !from.HasParked {
		return parked, nil
	}
	for _, t := range types {
		ids := map[int64]bool{}
		for _, c := range changes {
			if c.AggregateType == t {
				ids[c.AggregateID] = true
			}
		}
		if len(ids) == 0 {
			continue
		}
		list, err := s.deps.Deliveries.Parked(ctx, ports.ParkedQuery{
			AggregateTypes: []string{t}, AggregateIDs: slices.Sorted(maps.Keys(ids)), Limit: len(ids),
		})
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			parked[aggregate{aggregateType: p.AggregateType, id: p.AggregateID}] = true
		}
	}
	return parked, nil
}

// publish publishes the changes of the work's types whose aggregates are not parked, and
// returns what became of each.
func (s *Service) publish(
	ctx context.Context, w work, parked map[aggregate]bool, changes []ports.Change,
) ([]outcome, error) {
	outcomes := make([]outcome, len(changes))
	messages, indexes := make([]ports.Message, 0, len(changes)), make([]int, 0, len(changes))
	for i, c := range changes {
		if parked[aggregateOf(c)] || !slices.Contains(w.types, c.AggregateType) {
			continue
		}
		m, err := s.message(c, w.epoch)
		if err != nil {
			return nil, err
		}
		messages, indexes = append(messages, m), append(indexes, i)
	}
	for i, err := range s.deps.Publisher.Publish(ctx, messages) {
		outcomes[indexes[i]] = outcome{key: messages[i].Key, err: err}
	}
	return outcomes, nil
}

// result is what became of a batch.
type result struct {
	// done is how many changes need no further attempt.
	done int
	// parked are the aggregates to park.
	parked []ports.Parked
	// failures are the first ones, by aggregate type.
	failures map[string]failed
}

// failed is a change that needs a further attempt.
type failed struct {
	revision int64
	err      error
}

// failure joins the failures except those of single topics, or is nil.
func (r result) failure() error {
	var err error
	for _, f := range r.failures {
		if _, topic := errors.AsType[ports.TopicError](f.err); !topic {
			err = errors.Join(err, f.err)
		}
	}
	return err
}

// stuck returns the aggregate types with a failure.
func (r result) stuck() []string { return slices.Sorted(maps.Keys(r.failures)) }

// evaluate returns how far each aggregate type has come, and which aggregates to park.
func (s *Service) evaluate(changes []ports.Change, outcomes []outcome) result {
	r := result{failures: map[string]failed{}}
	parked := map[aggregate]bool{}
	for i, c := range changes {
		if _, stopped := r.failures[c.AggregateType]; stopped {
			continue
		}
		about := aggregateOf(c)
		refused, isRefused := errors.AsType[ports.RefusedError](outcomes[i].err)
		switch {
		case outcomes[i].err == nil, parked[about]:
			r.done++
		case isRefused:
			r.done++
			parked[about] = true
			r.parked = append(r.parked, ports.Parked{
				AggregateType: c.AggregateType, AggregateID: c.AggregateID, Revision: c.Revision,
				Key: outcomes[i].key, Reason: refused.Cause.Error(), At: s.deps.Clock.Now(),
			})
		default:
			r.failures[c.AggregateType] = failed{revision: c.Revision, err: outcomes[i].err}
		}
	}
	return r
}
