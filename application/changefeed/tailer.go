package changefeed

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
)

// Subscriber keeps something in memory up to date with what is stored.
type Subscriber interface {
	// Apply applies changes in their order, before watchers are notified of them. It may
	// apply more than they contain. After an error the same changes come again.
	Apply(ctx context.Context, changes []ports.Change) error
	// Resync discards what is in memory and loads what is stored.
	Resync(ctx context.Context) error
}

// Tailer follows the feed for one replica: it has subscribers apply changes, then
// notifies watchers. Its steps are made by one caller; everything else is safe for
// concurrent use.
type Tailer struct {
	feed        ports.Feed
	modules     ports.Modules
	stopwatch   ports.Stopwatch
	subscribers []Subscriber

	position atomic.Pointer[ports.FeedHead]
	// confirmed is when the tailer was last known to be at the feed's end, by the
	// stopwatch; negative before the first time.
	confirmed atomic.Int64
	recent    recent
	hub       hub
	unknown   unknownTypes
}

// NewTailer returns a tailer before its first step, which resyncs the subscribers.
func NewTailer(feed ports.Feed, modules ports.Modules, stopwatch ports.Stopwatch) *Tailer {
	t := &Tailer{feed: feed, modules: modules, stopwatch: stopwatch}
	t.position.Store(&ports.FeedHead{})
	t.confirmed.Store(-1)
	t.hub.selections = map[selection]map[*Watch]struct{}{}
	return t
}

// Subscribe adds subscribers. It is called before the first step.
func (t *Tailer) Subscribe(subscribers ...Subscriber) {
	t.subscribers = append(t.subscribers, subscribers...)
}

const (
	// SequenceBatch is how many events get their revisions in one step.
	SequenceBatch = 1000
	// ApplyBatch is how many changes are applied in one step.
	ApplyBatch = 1000
)

// Sequence gives committed events their revisions, and returns how many. Of
// SequenceBatch there may be more.
func (t *Tailer) Sequence(ctx context.Context) (int, error) {
	return t.feed.Sequence(ctx, SequenceBatch)
}

// Position returns how far the replica has applied the feed: Revision is the last
// change that all subscribers have applied. Before the first step the epoch is empty.
func (t *Tailer) Position() ports.FeedHead { return *t.position.Load() }

// Age returns for how long there may have been changes that the replica has not
// applied; the longest duration before the first step.
func (t *Tailer) Age() time.Duration {
	confirmed := t.confirmed.Load()
	if confirmed < 0 {
		return time.Duration(1<<63 - 1)
	}
	return max(0, t.stopwatch.Elapsed()-time.Duration(confirmed))
}

// Step applies changes that have a revision, and returns how many. All subscribers have
// applied a change before its revision is the position, and before watchers are
// notified. Where the feed cannot be continued (another epoch, a lower head, or missed
// changes are compacted) the subscribers are resynced.
//
// The caller sequences first: then the age covers what was committed, too.
func (t *Tailer) Step(ctx context.Context) (int, error) {
	began := t.stopwatch.Elapsed()
	head, err := t.feed.Head(ctx)
	if err != nil {
		return 0, err
	}
	at := t.Position()
	if at.Epoch != head.Epoch || head.Revision < at.Revision || head.Oldest > at.Revision+1 {
		if err := t.resync(ctx, head); err != nil {
			return 0, err
		}
		at = t.Position()
	}
	n := 0
	if head.Revision > at.Revision {
		if n, err = t.apply(ctx, head, at); err != nil {
			return 0, err
		}
	}
	if t.Position().Revision >= head.Revision {
		t.confirmed.Store(int64(began))
	}
	return n, nil
}

// resync continues at the head, which was read before.
func (t *Tailer) resync(ctx context.Context, head ports.FeedHead) error {
	for _, s := range t.subscribers {
		if err := s.Resync(ctx); err != nil {
			return err
		}
	}
	t.recent.reset(head.Revision)
	t.position.Store(&ports.FeedHead{Epoch: head.Epoch, Revision: head.Revision, Oldest: head.Oldest})
	t.hub.notifyAll()
	return nil
}

func (t *Tailer) apply(ctx context.Context, head, at ports.FeedHead) (int, error) {
	changes, err := t.feed.Changes(ctx, ports.ChangeQuery{After: at.Revision, Limit: ApplyBatch})
	if err != nil || len(changes) == 0 {
		return 0, err
	}
	notifications := t.notifications(changes)
	for _, s := range t.subscribers {
		if err := s.Apply(ctx, changes); err != nil {
			return 0, err
		}
	}
	t.unknown.note(t.modules, changes)
	t.recent.add(notifications)
	last := changes[len(changes)-1].Revision
	t.position.Store(&ports.FeedHead{Epoch: head.Epoch, Revision: last, Oldest: head.Oldest})
	t.hub.notify(notifications)
	return len(changes), nil
}

// Await returns nil when the replica has reached a revision, and an error when ctx ends
// before.
func (t *Tailer) Await(ctx context.Context, revision int64) error {
	if t.Position().Revision >= revision {
		return nil
	}
	w := t.open(Filter{}, access.Caller{}, "")
	defer w.Close()
	for {
		if t.Position().Revision >= revision {
			return nil
		}
		select {
		case <-w.Notified():
		case <-ctx.Done():
			return fault.ErrUnavailable.WithCause(context.Cause(ctx))
		}
	}
}

// Conditions names the aggregate types that this version does not know, of changes
// since the start.
func (t *Tailer) Conditions() []ports.Condition {
	types, count := t.unknown.types()
	if count == 0 {
		return nil
	}
	return []ports.Condition{{
		Name: "unknown_event_types", Count: count,
		Message: "Changes of types that this version does not know were met: " + strings.Join(types, ", ") +
			". A newer version has made them; bring all replicas to it. Until then it publishes them.",
	}}
}
