package relay

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// Drain publishes one batch of changes, and returns how many need no further attempt. Of
// 0 there is nothing to do now; otherwise there may be more. The changes of an aggregate
// are published in their order, each at least once: what was published before a failure
// may be published again, with the same id.
//
// Each aggregate type is a stream with a topic and a position of its own. A stream that
// cannot be published is paused while others continue: one whose topic is unwritable
// (ports.TopicError) is no error, and Conditions names it. A change that the broker
// refuses permanently parks its aggregate, and nothing else. Changes of an unknown
// aggregate type are left to a newer version. Another relay that was faster is
// ports.ErrOvertaken.
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
// It returns the aggregate types of which nothing could be published, so that others may
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
	w, found, err := s.next(ctx, from, head, tried)
	if err != nil || !found {
		return nil, 0, err
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
	parked, err := s.parkedAmong(ctx, from, w.types, changes)
	if err != nil {
		return nil, 0, err
	}
	outcomes, err := s.publish(ctx, w, parked, changes)
	if err != nil {
		return nil, 0, err
	}
	failpoint.Hit("after-publish")
	r := s.evaluate(changes, outcomes)
	streams := s.moved(from, w, end, r)
	if len(streams) > 0 {
		if err := s.deps.Deliveries.Advance(ctx, from, streams, r.parked...); err != nil {
			return nil, 0, errors.Join(r.failure(), err)
		}
	}
	s.pauses.note(w.types, r)
	if r.done == 0 && len(r.failures) == 0 {
		r.done = 1 // the streams have moved past changes of other types
	}
	return r.stuck(), r.done, r.failure()
}

// moved returns the streams that a step changes.
func (s *Service) moved(from ports.Delivered, w work, end int64, r result) (streams []ports.Stream) {
	for _, t := range w.types {
		was := from.Of(t)
		now := ports.Stream{AggregateType: t, Revision: end}
		if failed, isFailed := r.failures[t]; isFailed {
			now = was
			now.Revision = max(was.Revision, failed.revision-1)
			if topic, paused := errors.AsType[ports.TopicError](failed.err); paused {
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

// retry publishes a batch of a parked aggregate's changes, up to the position of its
// stream.
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
	r := s.evaluate(changes, outcomes)
	s.pauses.note(w.types, r)
	if stuck := r.stuck(); len(stuck) > 0 && r.done == 0 {
		return stuck, 0, r.failure()
	}
	if err := s.deps.Deliveries.Resume(ctx, from, was, nextParked(was, changes, r)); err != nil {
		return nil, 0, errors.Join(r.failure(), err)
	}
	return nil, max(1, r.done), r.failure()
}

// nextParked returns how an aggregate is parked after an attempt, or nil where it no
// longer is.
func nextParked(was ports.Parked, changes []ports.Change, r result) *ports.Parked {
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
