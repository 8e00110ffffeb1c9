package relay

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
)

// Follower holds something in memory that changes with what is stored.
type Follower interface {
	// Follow takes in changes, in their order, before anybody else is told of them. It
	// may take in more than they tell. After an error they come again.
	Follow(ctx context.Context, changes []ports.Change) error
	// Renew forgets what is held, and takes in what is stored.
	Renew(ctx context.Context) error
}

// Tail follows the feed for one replica: it brings what is in memory up to date and
// then tells who watches. Its steps are made by one caller; everything else is safe
// for concurrent use.
type Tail struct {
	feed      ports.Feed
	stopwatch ports.Stopwatch
	followers []Follower

	position atomic.Pointer[ports.FeedHead]
	// confirmed is when the tail was last known to be at the feed's end, by the
	// stopwatch; less than 0 before it ever was.
	confirmed atomic.Int64
	recent    recent
	watchers  watchers
	unknown   unknown
}

// NewTail returns a tail that has not begun: its first step renews the followers.
func NewTail(feed ports.Feed, stopwatch ports.Stopwatch) *Tail {
	t := &Tail{feed: feed, stopwatch: stopwatch}
	t.position.Store(&ports.FeedHead{})
	t.confirmed.Store(-1)
	t.watchers.interests = map[interest]map[*Watch]struct{}{}
	return t
}

// Lead makes followers follow; it is called before the first step.
func (t *Tail) Lead(followers ...Follower) { t.followers = append(t.followers, followers...) }

// TailBatch is how many changes one step takes in.
const TailBatch = 1000

// Position returns how far the replica is: Revision is the last change that everything
// in memory has. Before the first step the epoch is empty.
func (t *Tail) Position() ports.FeedHead { return *t.position.Load() }

// Age returns since when there may be changes that the replica does not have; a
// very long time before the first step.
func (t *Tail) Age() time.Duration {
	confirmed := t.confirmed.Load()
	if confirmed < 0 {
		return time.Duration(1<<63 - 1)
	}
	return max(0, t.stopwatch.Elapsed()-time.Duration(confirmed))
}

// Step takes in what has been given its revision, and returns how many changes that
// were. Followers have all of a change before its revision is the position, and
// before anybody is told. Where the feed is another one than it was (another epoch,
// less than there was, or what was missed is no longer kept) they are renewed.
//
// The caller sequences first: then the tail's age covers what was committed, too.
func (t *Tail) Step(ctx context.Context) (int, error) {
	asked := t.stopwatch.Elapsed()
	head, err := t.feed.Head(ctx)
	if err != nil {
		return 0, err
	}
	at := t.Position()
	if at.Epoch != head.Epoch || head.Revision < at.Revision || head.Oldest > at.Revision+1 {
		if err := t.renew(ctx, head); err != nil {
			return 0, err
		}
		at = t.Position()
	}
	n := 0
	if head.Revision > at.Revision {
		if n, err = t.follow(ctx, head, at); err != nil {
			return 0, err
		}
	}
	if t.Position().Revision >= head.Revision {
		t.confirmed.Store(int64(asked))
	}
	return n, nil
}

// renew begins anew at the head, which was read before.
func (t *Tail) renew(ctx context.Context, head ports.FeedHead) error {
	for _, f := range t.followers {
		if err := f.Renew(ctx); err != nil {
			return err
		}
	}
	t.recent.begin(head.Revision)
	t.position.Store(&ports.FeedHead{Epoch: head.Epoch, Revision: head.Revision, Oldest: head.Oldest})
	t.watchers.wakeAll()
	return nil
}

func (t *Tail) follow(ctx context.Context, head, at ports.FeedHead) (int, error) {
	changes, err := t.feed.Changes(ctx, ports.ChangeQuery{After: at.Revision, Limit: TailBatch})
	if err != nil || len(changes) == 0 {
		return 0, err
	}
	notices := noticesOf(changes)
	for _, f := range t.followers {
		if err := f.Follow(ctx, changes); err != nil {
			return 0, err
		}
	}
	t.unknown.note(changes)
	t.recent.add(notices)
	last := changes[len(changes)-1].Revision
	t.position.Store(&ports.FeedHead{Epoch: head.Epoch, Revision: last, Oldest: head.Oldest})
	t.watchers.wake(notices)
	return len(changes), nil
}

// Await returns nil when the replica has a revision, or why it has not when ctx
// ends.
func (t *Tail) Await(ctx context.Context, revision int64) error {
	if t.Position().Revision >= revision {
		return nil
	}
	w := t.Watch(Filter{})
	defer w.Close()
	for {
		if t.Position().Revision >= revision {
			return nil
		}
		select {
		case <-w.Woken():
		case <-ctx.Done():
			return fault.ErrUnavailable.WithCause(context.Cause(ctx))
		}
	}
}

// Holds reports whether what follows a revision is held in memory.
func (t *Tail) Holds(revision int64) bool {
	_, held := t.recent.after(revision)
	return held
}

// Conditions names the aggregate types that this version does not know, of changes
// since the start.
func (t *Tail) Conditions() []ports.Condition {
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

// recent holds the last changes, for those who follow closely.
type recent struct {
	mu sync.RWMutex
	// since is the revision before the first notice.
	since   int64
	notices []*Notice
}

// recentMost is how many changes are held.
const recentMost = 4096

func (r *recent) begin(revision int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since, r.notices = revision, nil
}

// add holds more, and lets go of the oldest. What readers hold is never changed.
func (r *recent) add(notices []*Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notices = append(r.notices, notices...)
	if over := len(r.notices) - recentMost; over > 0 {
		r.since = r.notices[over-1].Revision
		r.notices = r.notices[over:]
	}
}

// after returns what follows a revision, or false where that is no longer held.
func (r *recent) after(revision int64) ([]*Notice, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if revision < r.since {
		return nil, false
	}
	return r.notices[min(int(revision-r.since), len(r.notices)):], true
}
