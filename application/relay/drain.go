package relay

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// Drain publishes one batch of changes, and returns how many it is done with. Of 0
// there is nothing to do now; otherwise there may be more. The changes of an aggregate
// go out in their order, each at least once: what was published before a failure
// may be published again, with the same id.
//
// Each aggregate type is a stream with a topic and a position of its own. A stream that
// cannot be published rests while others go on: one whose topic takes no messages
// (ports.TopicError) is no error, and Conditions names it. A change that the broker
// refuses for good parks its aggregate, and nothing else. Changes of an aggregate type
// that this version does not know stay for a newer one. Another relay that was faster
// is ports.ErrOvertaken.
func (s *Service) Drain(ctx context.Context) (int, error) {
	tried := map[string]bool{}
	var failure error
	for ctx.Err() == nil {
		stuck, done, err := s.step(ctx, tried)
		if done > 0 {
			return done, err
		}
		failure = errors.Join(failure, err)
		if len(stuck) == 0 {
			return 0, failure
		}
		for _, t := range stuck {
			tried[t] = true
		}
	}
	return 0, errors.Join(failure, context.Cause(ctx))
}

// step publishes a batch of the streams that are next, without those that were tried.
// It returns the aggregate types that could not be published at all, so that others may
// be tried.
func (s *Service) step(ctx context.Context, tried map[string]bool) (stuck []string, done int, err error) {
	from, err := s.delivered(ctx)
	if err != nil {
		return nil, 0, err
	}
	head, err := s.deps.Feed.Head(ctx)
	if err != nil {
		return nil, 0, err
	}
	w, found := s.next(from, head, tried)
	if !found {
		return nil, 0, nil
	}
	if w.parked != nil {
		return s.retry(ctx, from, w)
	}
	return s.advance(ctx, from, w)
}

// advance publishes a batch of changes, and moves the streams that they belong to.
func (s *Service) advance(ctx context.Context, from ports.Delivered, w work) ([]string, int, error) {
	changes, err := s.deps.Feed.Changes(ctx, s.query(w))
	if err != nil {
		return nil, 0, err
	}
	end := w.upTo
	if len(changes) == DrainBatch {
		end = changes[DrainBatch-1].Revision
	}
	s.unclaimed.note(s.deps.Modules, changes)
	outcomes, err := s.publish(ctx, w, from.Parked, changes)
	if err != nil {
		return nil, 0, err
	}
	failpoint.Hit("after-publish")
	r := s.reckon(changes, outcomes)
	streams := s.moved(from, w, end, r)
	if len(streams) > 0 {
		if err := s.deps.Deliveries.Advance(ctx, from, streams, r.parked...); err != nil {
			return nil, 0, errors.Join(r.failure(), err)
		}
	}
	s.rests.note(w.types, r)
	if r.done == 0 && len(r.failures) == 0 {
		r.done = 1 // the streams have moved over what is not theirs
	}
	return r.stuck(), r.done, r.failure()
}

// moved returns the streams that stand otherwise after a step.
func (s *Service) moved(from ports.Delivered, w work, end int64, r reckoning) (streams []ports.Stream) {
	for _, t := range w.types {
		was := from.Of(t)
		now := ports.Stream{AggregateType: t, Revision: end}
		if failed, isFailed := r.failures[t]; isFailed {
			now = was
			now.Revision = max(was.Revision, failed.revision-1)
			if topic, waits := errors.AsType[ports.TopicError](failed.err); waits {
				now.Reason = topic.Cause.Error()
			}
			if was.Reason == "" && now.Reason != "" {
				now.Since = s.deps.Clock.Now()
			}
		}
		if now != was {
			streams = append(streams, now)
		}
	}
	return streams
}

// retry publishes a batch of what is parked, up to where its stream is.
func (s *Service) retry(ctx context.Context, from ports.Delivered, w work) ([]string, int, error) {
	was := *w.parked
	changes, err := s.deps.Feed.Changes(ctx, s.query(w))
	if err != nil {
		return nil, 0, err
	}
	outcomes, err := s.publish(ctx, w, nil, changes)
	if err != nil {
		return nil, 0, err
	}
	r := s.reckon(changes, outcomes)
	s.rests.note(w.types, r)
	if stuck := r.stuck(); len(stuck) > 0 && r.done == 0 {
		return stuck, 0, r.failure()
	}
	if err := s.deps.Deliveries.Resume(ctx, from, was, nextParked(was, changes, r)); err != nil {
		return nil, 0, errors.Join(r.failure(), err)
	}
	return nil, max(1, r.done), r.failure()
}

// nextParked returns how an aggregate waits after a try, or nil where it does not.
func nextParked(was ports.Parked, changes []ports.Change, r reckoning) *ports.Parked {
	switch {
	case len(r.parked) > 0:
		return &r.parked[0]
	case r.done < len(changes):
		was.Revision = changes[r.done].Revision
	case len(changes) == DrainBatch:
		was.Revision = changes[DrainBatch-1].Revision + 1
	default:
		return nil
	}
	return &was
}
