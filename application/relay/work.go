package relay

import (
	"context"

	"github.com/signalbox-hq/signalbox/ports"
)

// work is what one step publishes: the changes of some aggregate types after one
// revision, up to another one. Parked is the only aggregate that is selected, or nil for
// all.
type work struct {
	types       []string
	after, upTo int64
	parked      *ports.Parked
	epoch       string
}

// query selects the changes of one step. Streams at the same position share one query.
func (s *Service) query(w work) ports.ChangeQuery {
	q := ports.ChangeQuery{After: w.after, UpTo: w.upTo, Limit: DrainBatch}
	if w.parked != nil {
		q.AggregateID = w.parked.AggregateID
	}
	if len(w.types) < len(s.deps.Modules) {
		q.AggregateTypes = w.types
	}
	return q
}

// delivered loads what was published, and remembers it.
func (s *Service) delivered(ctx context.Context) (ports.Delivered, error) {
	at, err := s.deps.Deliveries.Delivered(ctx)
	if err == nil {
		s.last.Store(&at)
	}
	return at, err
}

// next returns what to publish next, if there is anything: retries that were requested,
// then the streams that are furthest behind, as far as the next one. Paused streams come
// after the others, and not before their time where their topic is unwritable.
func (s *Service) next(
	ctx context.Context, from ports.Delivered, head ports.FeedHead, tried map[string]bool,
) (w work, found bool, err error) {
	for _, idle := range []bool{false, true} {
		var ready []string
		for _, t := range s.deps.Modules.AggregateTypes() {
			if !tried[t] && s.pauses.ready(t, idle) {
				ready = append(ready, t)
			}
		}
		w, found, err = s.requested(ctx, from, ready)
		if err != nil {
			return work{}, false, err
		}
		if !found {
			w, found = behind(from, head, ready)
		}
		if found {
			w.epoch = head.Epoch
			return w, true, nil
		}
	}
	return work{}, false, nil
}

// requested returns the first parked aggregate for which a retry was requested.
func (s *Service) requested(ctx context.Context, from ports.Delivered, ready []string) (work, bool, error) {
	if !from.HasParked || len(ready) == 0 {
		return work{}, false, nil
	}
	list, err := s.deps.Deliveries.Parked(ctx, ports.ParkedQuery{RetryRequested: true, AggregateTypes: ready, Limit: 1})
	if err != nil || len(list) == 0 {
		return work{}, false, err
	}
	p := list[0]
	return work{
		types: []string{p.AggregateType}, after: p.Revision - 1, upTo: from.Of(p.AggregateType).Revision, parked: &p,
	}, true, nil
}

// behind returns the streams that are furthest behind the head.
func behind(from ports.Delivered, head ports.FeedHead, ready []string) (work, bool) {
	w := work{after: head.Revision}
	for _, t := range ready {
		switch at := from.Of(t).Revision; {
		case at < w.after:
			w = work{types: []string{t}, after: at, upTo: w.after}
		case at == w.after && at < head.Revision:
			w.types = append(w.types, t)
		case at < w.upTo:
			w.upTo = at
		}
	}
	return w, len(w.types) > 0
}
