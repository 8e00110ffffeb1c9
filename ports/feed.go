package ports

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Change is an event with its position in the feed.
type Change struct {
	// Revision is that of the feed: 1, 2, 3, … without a gap.
	Revision int64
	// EventID is a UUID that the event keeps wherever it goes.
	EventID string
	// EventType is "<aggregate>.<past tense>", such as "configuration.created".
	EventType string
	// AggregateType is "configuration", "flag" or "service", or what a newer version
	// stores.
	AggregateType string
	// AggregateID is the store's, AggregateVersion the version that the event made. Each
	// is 0 where the stored change is damaged and it cannot be read.
	AggregateID, AggregateVersion int64
	// Environment is empty for what lives in none, ServiceName for what belongs to no
	// service.
	Environment, ServiceName string
	// Data holds further facts as a JSON object, and never a value.
	Data []byte
	// Actor did it, in the request of that id.
	Actor      scope.Actor
	RequestID  string
	OccurredAt time.Time
	// TraceParent is the trace that the change belongs to (W3C Trace Context), or empty.
	TraceParent string
	// Source is the address of the client, or empty. It is for the audit log, and never
	// delivered.
	Source string
}

// ChangeQuery selects changes of the feed. A zero field selects all, but for After
// and Limit.
type ChangeQuery struct {
	// After is the revision before the first that is selected, UpTo the last one.
	After, UpTo int64
	// Limit is how many changes are returned at most.
	Limit          int
	AggregateTypes []string
	// AggregateID is of any of the AggregateTypes.
	AggregateID int64
	// Environment is that of the change. Changes of the aggregate types in Everywhere
	// are selected whatever their environment.
	Environment string
	Everywhere  []string
	ServiceName string
}

// Retention says which changes are kept. One that is not in the audit log is always kept.
type Retention struct {
	// Age is how long changes are kept, by the store's clock.
	Age time.Duration
	// Rows is how many changes are kept at most.
	Rows int64
	// Published is, by aggregate type, the last revision that need not be kept for
	// publishing. Changes of other types are kept for Unclaimed longer than Age,
	// however many there are: a newer version may have to publish them.
	Published map[string]int64
	Unclaimed time.Duration
}

// Keeps reports whether a change is kept in a feed that goes to a revision, now by
// the store's clock.
func (r Retention) Keeps(c Change, head int64, now time.Time) bool {
	published, claimed := r.Published[c.AggregateType]
	if !claimed {
		return !c.OccurredAt.Before(now.Add(-r.Age - r.Unclaimed))
	}
	return c.Revision > published || c.Revision > head-r.Rows && !c.OccurredAt.Before(now.Add(-r.Age))
}

// FeedHead is the end of the feed.
type FeedHead struct {
	// Epoch names the feed's history: 16 hexadecimal digits. Revisions of different
	// epochs cannot be compared.
	Epoch string
	// Revision is the last one given; 0 before the first.
	Revision int64
	// Oldest is the first revision that is kept; one more than Revision where none is.
	Oldest int64
}

// Feed is the one ordered list of all that has changed. A store that cannot be
// reached is fault.ErrUnavailable from every method.
type Feed interface {
	// Sequence gives at most limit stored events without a revision their revisions, and
	// returns how many. Those of one aggregate follow its versions. Concurrent calls are
	// serialized. A reader that sees a revision sees all lower ones.
	Sequence(ctx context.Context, limit int) (int, error)
	// Head returns how far the feed goes.
	Head(ctx context.Context) (FeedHead, error)
	// Changes returns the first changes that a query selects, ordered by revision. Fewer
	// than its limit are all that it selects. Purged ones are missing at the beginning: see
	// FeedHead.Oldest. A damaged change is returned at its position, with the fields that
	// can be read.
	Changes(ctx context.Context, q ChangeQuery) ([]Change, error)
	// Listen calls notify whenever another process may have given events their revisions,
	// until ctx ends; then it returns nil. A store without notifications returns nil at
	// once, and a lost connection is an error. Notify must not block. Notifications may be
	// lost.
	Listen(ctx context.Context, notify func()) error
	// Purge deletes at most limit changes before the first one that is kept, and returns
	// how many.
	Purge(ctx context.Context, keep Retention, limit int) (int, error)
	// BeginEpoch begins a new epoch, because what is stored went back in time, and
	// returns it. Revisions continue from the last one that is stored, and lease epochs of
	// services above all that were drawn before (registry.RestoreStep).
	BeginEpoch(ctx context.Context) (string, error)
}
