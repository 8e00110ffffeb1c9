package ports

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Parked is an aggregate whose changes are not published, because the broker has refused
// one permanently.
type Parked struct {
	AggregateType string
	AggregateID   int64
	// Revision is the first change that is parked. It identifies what is parked.
	Revision int64
	// Key is that of the messages, Reason the broker's.
	Key, Reason string
	At          time.Time
	// RetryRequested says that another attempt is requested.
	RetryRequested bool
}

// ParkedQuery selects parked aggregates. A zero field selects all, but for Limit.
type ParkedQuery struct {
	// After is the one before the first that is selected.
	After Parked
	// Limit is how many are returned at most.
	Limit int
	// RetryRequested selects those of which another attempt is requested.
	RetryRequested bool
	AggregateTypes []string
	// AggregateIDs are of any of the AggregateTypes.
	AggregateIDs []int64
}

// Stream is how far the changes of one aggregate type were published. Each has a topic
// of its own.
type Stream struct {
	AggregateType string
	// Revision is the last one up to which all of them were published or parked; 0
	// before the first.
	Revision int64
	// Reason says why the topic is unwritable; empty where it is writable. Since is when
	// that was found first.
	Reason string
	Since  time.Time
}

// Delivered is how far the changes were published.
type Delivered struct {
	// Streams are those that were ever published to, ordered by AggregateType. Types
	// that this version does not know may be among them.
	Streams []Stream
	// HasParked says that some aggregates are parked.
	HasParked bool
	// Edition is different for every state.
	Edition int64
}

// Of returns the stream of an aggregate type; one that was never published to begins
// at revision 0.
func (d Delivered) Of(aggregateType string) Stream {
	for _, s := range d.Streams {
		if s.AggregateType == aggregateType {
			return s
		}
	}
	return Stream{AggregateType: aggregateType}
}

// Pending is what of a stream was not published.
type Pending struct {
	// Count is how many changes there are, at most PendingMost.
	Count int64
	// Oldest is when the first of them happened; zero where there is none.
	Oldest time.Time
}

// PendingMost is how many pending changes are counted at most.
const PendingMost = 100_000

// Deliveries stores what was published of the feed. Of two that continue from one
// state the second gets ErrOvertaken, and nothing is written. A store that cannot be
// reached is fault.ErrUnavailable from every method.
type Deliveries interface {
	// Delivered returns how far the changes were published.
	Delivered(ctx context.Context) (Delivered, error)
	// Parked returns the first parked aggregates that a query selects, ordered by
	// revision, aggregate type and id. What was parked or resumed after Delivered is
	// noticed by Advance.
	Parked(ctx context.Context, q ParkedQuery) ([]Parked, error)
	// CountParked returns how many aggregates are parked, at most PendingMost.
	CountParked(ctx context.Context) (int64, error)
	// Advance continues from a state: it replaces the streams that are given, and parks.
	Advance(ctx context.Context, from Delivered, streams []Stream, parked ...Parked) error
	// Pending returns what follows the revision of a stream of its aggregate type.
	Pending(ctx context.Context, of Stream) (Pending, error)
	// Resume continues from a state: it replaces a parked aggregate, or removes it where
	// next is nil.
	Resume(ctx context.Context, from Delivered, was Parked, next *Parked) error
	// RequestRetry requests another attempt of what is parked at a revision, without the change of
	// that revision if skip. It is ErrNotParked where nothing is, and where another
	// attempt is requested already.
	RequestRetry(ctx context.Context, revision int64, skip bool) error
}

// Failures of Deliveries.
var (
	// ErrOvertaken is a step from a state that is not the present one.
	ErrOvertaken = fault.New(fault.Conflict, "overtaken", "Another relay has continued from here.")
	// ErrNotParked is a revision at which nothing is parked.
	ErrNotParked = fault.New(fault.NotFound, "not_parked",
		"No change is parked at that revision, or it is being retried already. See 'signalbox relay status'.")
)
