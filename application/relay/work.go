package relay

import (
	"context"
	"slices"

	"github.com/signalbox-hq/signalbox/ports"
)

// work is what one step publishes: the changes of some aggregate types that follow a
// revision, up to another one. Parked is the aggregate that alone is meant, or nil.
type work struct {
	types       []string
	after, upTo int64
	parked      *ports.Parked
	epoch       string
}

// query selects the changes of one step. Where all streams are at one place they share
// what is read, whatever else is in between.
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

// delivered reads how far the changes were published, and remembers it.
func (s *Service) delivered(ctx context.Context) (ports.Delivered, error) {
	at, err := s.deps.Deliveries.Delivered(ctx)
	if err == nil {
		s.last.Store(&at)
	}
	return at, err
}

// next returns what is to be published next, if there is anything: what somebody asked
// for, then the streams that are furthest behind, as far as the next one. Streams that
// rest come after the others, and not at all before their time where their topic takes
// no messages.
func (s *Service) next(from ports.Delivered, head ports.FeedHead, tried map[string]bool) (work, bool) {
	for _, resting := range []bool{false, true} {
		var ready []string
		for _, t := range s.deps.Modules.AggregateTypes() {
			if !tried[t] && s.rests.ready(t, resting) {
				ready = append(ready, t)
			}
		}
		w, found := asked(from, ready)
		if !found {
			w, found = behind(from, head, ready)
		}
		if found {
			w.epoch = head.Epoch
			return w, true
		}
	}
	return work{}, false
}

// asked returns the first of the parked that somebody wants to be tried again.
func asked(from ports.Delivered, ready []string) (work, bool) {
	for _, p := range from.Parked {
		if p.Asked && slices.Contains(ready, p.AggregateType) {
			return work{
				types: []string{p.AggregateType}, after: p.Revision - 1, upTo: from.Of(p.AggregateType).Revision,
				parked: &p,
			}, true
		}
	}
	return work{}, false
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
