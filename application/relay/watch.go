package relay

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/ports"
)

// Notice is a change as watchers are told of it. It never changes.
type Notice struct {
	// Prepared is for what others make of the notice; it goes with it.
	Prepared atomic.Value

	ports.Change
	Told Told
}

func noticesOf(changes []ports.Change) []*Notice {
	notices := make([]*Notice, len(changes))
	for i, c := range changes {
		notices[i] = &Notice{Change: c, Told: Tell(c)}
	}
	return notices
}

// Filter says which changes somebody wants. Empty fields are for any.
type Filter struct {
	// Environment takes changes of services, too, which have none.
	Environment string
	// ServiceName is that of a service, or of a configuration.
	ServiceName string
	// ResourceType is ResourceConfiguration, ResourceFlag or ResourceService.
	ResourceType string
	// May tells what may be shown; nil for everything.
	May func(*Notice) bool
}

// takes reports whether a notice is wanted and may be shown.
func (f Filter) takes(n *Notice) bool {
	service := n.Told.ResourceType == ResourceService
	return (f.ResourceType == "" || f.ResourceType == n.Told.ResourceType) &&
		(f.ServiceName == "" || f.ServiceName == n.ServiceName) &&
		(f.Environment == "" || service || f.Environment == n.Environment) &&
		(f.May == nil || f.May(n))
}

// Failures of watching.
var (
	// ErrGone is a place in the feed that is not there any more: of another epoch, or
	// older than what is kept. What stands has to be read anew.
	ErrGone = fault.New(fault.Gone, "revision_gone",
		"What followed that revision is not kept any more. Read what stands, and watch from the revision given here.")
	// ErrFuture is a place that the feed has not reached, on a replica that knows its
	// end.
	ErrFuture = fault.New(fault.Invalid, "revision_in_future",
		"There is no such revision yet. Use the last one that an answer named, with its epoch.")
	// ErrNotReached is a revision that this replica has not reached; others may have.
	ErrNotReached = fault.New(fault.Stale, "revision_not_reached",
		"This replica has not reached that revision. Try again shortly.")
	// ErrBehind is a revision that a replica has not reached that cannot follow the feed.
	ErrBehind = fault.New(fault.Unavailable, "replica_behind",
		"This replica does not hear of changes right now, and has not reached that revision. Try again shortly.")
)

// Check returns nil where the feed can be followed from a revision of an epoch, of
// any if that is empty. A replica that has not heard of the revision yet waits for it
// until ctx ends. Then it is ErrFuture where the replica has meanwhile been at the end
// of the feed, so that there is no such revision; ErrBehind where the replica is stale;
// else ErrNotReached. A place that is no longer there is ErrGone.
func (t *Tail) Check(ctx context.Context, epoch string, revision int64) error {
	asked := int64(t.stopwatch.Elapsed())
	if revision > t.Position().Revision && (epoch == "" || epoch == t.Position().Epoch) {
		if t.Await(ctx, revision) != nil {
			return t.missing(asked)
		}
	}
	at := t.Position()
	if epoch != "" && epoch != at.Epoch || revision < at.Oldest-1 {
		return t.gone()
	}
	return nil
}

// missing says why a revision is not here that was asked for at a time.
func (t *Tail) missing(asked int64) error {
	switch {
	case t.confirmed.Load() > asked:
		return ErrFuture
	case freshness.Stale(t.Age()):
		return ErrBehind
	}
	return ErrNotReached.WithDetail("current_revision", t.Position().Revision)
}

// gone is ErrGone, with where the feed can be followed from.
func (t *Tail) gone() error {
	at := t.Position()
	return ErrGone.WithDetail("epoch", at.Epoch).WithDetail("oldest", at.Oldest).WithDetail("revision", at.Revision)
}

// Since returns at most limit changes after a revision that a filter takes, and how
// far it has looked: everything up to there that the filter takes is in the answer
// or before. Where that is less than the position, and the limit was not reached, there
// is more to look through: whoever asks goes on from there. It is ErrGone where changes
// in between are no longer kept.
func (t *Tail) Since(ctx context.Context, revision int64, limit int, f Filter) ([]*Notice, int64, error) {
	end := t.Position().Revision
	if notices, held := t.recent.after(revision); held {
		list, upTo := pick(notices, end, limit, f)
		return list, max(revision, upTo), nil
	}
	if revision >= end {
		return nil, revision, nil
	}
	return t.sinceStored(ctx, revision, min(end, revision+lookThrough), limit, f)
}

// lookThrough is how many revisions one question to the store looks through at most.
const lookThrough = 20_000

// sinceStored is Since over what the store has, up to a revision.
func (t *Tail) sinceStored(
	ctx context.Context, revision, end int64, limit int, f Filter,
) ([]*Notice, int64, error) {
	changes, err := t.feed.Changes(ctx, f.query(revision, end))
	if err != nil {
		return nil, revision, err
	}
	// Asked afterwards, so that nothing was missing when the changes were read.
	head, err := t.feed.Head(ctx)
	if err != nil {
		return nil, revision, err
	}
	if head.Oldest > revision+1 {
		return nil, revision, t.gone()
	}
	list, upTo := pick(noticesOf(changes), end, limit, f)
	if len(list) < limit && len(changes) < TailBatch {
		upTo = end
	}
	return list, upTo, nil
}

// query selects what a filter may take of a range.
func (f Filter) query(after, upTo int64) ports.ChangeQuery {
	q := ports.ChangeQuery{
		After: after, UpTo: upTo, Limit: TailBatch, Environment: f.Environment, ServiceName: f.ServiceName,
		Everywhere: []string{registry.AggregateType},
	}
	switch f.ResourceType {
	case ResourceConfiguration:
		q.AggregateTypes = []string{configuration.AggregateType}
	case ResourceFlag:
		q.AggregateTypes = []string{flag.AggregateType}
	case ResourceService:
		q.AggregateTypes = []string{registry.AggregateType}
	}
	return q
}

// pick returns what a filter takes up to the end, and how far it has looked.
func pick(notices []*Notice, end int64, limit int, f Filter) (list []*Notice, upTo int64) {
	for _, n := range notices {
		if n.Revision > end || len(list) == limit {
			break
		}
		upTo = n.Revision
		if f.takes(n) {
			list = append(list, n)
		}
	}
	return list, upTo
}

// Watch is somebody who waits for changes.
type Watch struct {
	watchers *watchers
	interest interest
	woken    chan struct{}
}

// interest is what one or more watchers wait for.
type interest struct{ environment, service, resource string }

func (i interest) takes(n *Notice) bool {
	return Filter{Environment: i.environment, ServiceName: i.service, ResourceType: i.resource}.takes(n)
}

// watchers wakes who waits for what has changed.
type watchers struct {
	mu        sync.Mutex
	interests map[interest]map[*Watch]struct{}
}

// Watch begins to wait for changes that a filter takes. Whoever watches closes it.
func (t *Tail) Watch(f Filter) *Watch {
	w := &Watch{
		watchers: &t.watchers, woken: make(chan struct{}, 1),
		interest: interest{environment: f.Environment, service: f.ServiceName, resource: f.ResourceType},
	}
	t.watchers.mu.Lock()
	defer t.watchers.mu.Unlock()
	if t.watchers.interests[w.interest] == nil {
		t.watchers.interests[w.interest] = map[*Watch]struct{}{}
	}
	t.watchers.interests[w.interest][w] = struct{}{}
	return w
}

// Woken delivers once there may be more than when it delivered last.
func (w *Watch) Woken() <-chan struct{} { return w.woken }

// Close ends the waiting.
func (w *Watch) Close() {
	w.watchers.mu.Lock()
	defer w.watchers.mu.Unlock()
	waiting := w.watchers.interests[w.interest]
	delete(waiting, w)
	if len(waiting) == 0 {
		delete(w.watchers.interests, w.interest)
	}
}

func (w *Watch) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// wake wakes who waits for one of the changes.
func (w *watchers) wake(notices []*Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, waiting := range w.interests {
		if slices.ContainsFunc(notices, i.takes) {
			wakeThese(waiting)
		}
	}
}

func (w *watchers) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, waiting := range w.interests {
		wakeThese(waiting)
	}
}

func wakeThese(waiting map[*Watch]struct{}) {
	for one := range waiting {
		one.wake()
	}
}
