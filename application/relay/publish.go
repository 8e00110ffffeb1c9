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
	// key is the message's, empty where none was sent because the aggregate waits.
	key string
	err error
}

// aggregate names one.
type aggregate struct {
	kind string
	id   int64
}

func aggregateOf(c ports.Change) aggregate {
	return aggregate{kind: c.AggregateType, id: c.AggregateID}
}

// publish publishes the changes of the types that the work is about whose aggregates
// do not wait, and returns what became of each.
func (s *Service) publish(
	ctx context.Context, w work, parked []ports.Parked, changes []ports.Change,
) ([]outcome, error) {
	outcomes := make([]outcome, len(changes))
	messages, places := make([]ports.Message, 0, len(changes)), make([]int, 0, len(changes))
	waiting := map[aggregate]bool{}
	for _, p := range parked {
		waiting[aggregate{kind: p.AggregateType, id: p.AggregateID}] = true
	}
	for i, c := range changes {
		if waiting[aggregateOf(c)] || !slices.Contains(w.types, c.AggregateType) {
			continue
		}
		m, err := s.message(c, w.epoch)
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

// reckoning is what has come of a batch.
type reckoning struct {
	// done is how many changes need not be taken up again.
	done int
	// parked are the aggregates that wait from now on.
	parked []ports.Parked
	// failures are the first ones, by aggregate type.
	failures map[string]failed
}

// failed is a change that has to be taken up again.
type failed struct {
	revision int64
	err      error
}

// failure joins the failures but those of topics that wait alone, or is nil.
func (r reckoning) failure() error {
	var err error
	for _, f := range r.failures {
		if _, alone := errors.AsType[ports.TopicError](f.err); !alone {
			err = errors.Join(err, f.err)
		}
	}
	return err
}

// stuck returns the aggregate types with a failure.
func (r reckoning) stuck() []string { return slices.Sorted(maps.Keys(r.failures)) }

// reckon finds out how far each aggregate type has come, and which aggregates are to
// be parked.
func (s *Service) reckon(changes []ports.Change, outcomes []outcome) reckoning {
	r := reckoning{failures: map[string]failed{}}
	waiting := map[aggregate]bool{}
	for i, c := range changes {
		if _, stopped := r.failures[c.AggregateType]; stopped {
			continue
		}
		about := aggregateOf(c)
		refused, isRefused := errors.AsType[ports.RefusedError](outcomes[i].err)
		switch {
		case outcomes[i].err == nil, waiting[about]:
			r.done++
		case isRefused:
			r.done++
			waiting[about] = true
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
