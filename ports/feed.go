package ports

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Change is an event with its place in the feed.
type Change struct {
	// Revision is that of the feed: 1, 2, 3, … without a gap.
	Revision int64
	// EventID is a UUID that the event keeps wherever it goes.
	EventID string
	// EventType is "<aggregate>.<past tense>", such as "configuration.created".
	EventType string
	// AggregateType is "configuration", "flag" or "service".
	AggregateType string
	// AggregateID is the store's, AggregateVersion the version that the event made.
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
}

// Retention says which changes are kept.
type Retention struct {
	// Since keeps what has happened since then.
	Since time.Time
	// Rows is how many changes are kept at most.
	Rows int64
}

// FeedHead tells how far the feed goes.
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
	// Sequence gives at most limit of the events that are stored, and have none, their
	// revisions, and returns how many. Of one aggregate they follow its versions.
	// Several callers at once do it one after the other. Whoever sees a revision sees
	// all that are lower.
	Sequence(ctx context.Context, limit int) (int, error)
	// Head returns how far the feed goes.
	Head(ctx context.Context) (FeedHead, error)
	// After returns at most limit changes that follow a revision, in order. Those that
	// are no longer kept are missing at the beginning; FeedHead.Oldest tells.
	After(ctx context.Context, revision int64, limit int) ([]Change, error)
	// Listen calls hear whenever another process may have given events their revisions,
	// until ctx ends; then it returns nil. A store that cannot tell returns nil at once,
	// one that is lost an error. Hear must not wait. Some may go unheard.
	Listen(ctx context.Context, hear func()) error
	// Purge forgets at most limit of the oldest changes that are not to be kept, and
	// returns how many. What was not published, or is parked, is kept.
	Purge(ctx context.Context, keep Retention, limit int) (int, error)
	// BeginEpoch begins a new epoch, because what is stored went back in time, and
	// returns it. Revisions go on from the last one that is stored.
	BeginEpoch(ctx context.Context) (string, error)
}
