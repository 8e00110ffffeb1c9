package ports

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Parked is an aggregate whose changes wait, because the broker has refused one for
// good.
type Parked struct {
	AggregateType string
	AggregateID   int64
	// Revision is the first change that waits. It names what is parked.
	Revision int64
	// Key is that of the messages, Reason what the broker said.
	Key, Reason string
	At          time.Time
	// Asked says that somebody wants another try.
	Asked bool
}

// Stream is how far the changes of one aggregate type were published. They have a
// topic of their own.
type Stream struct {
	AggregateType string
	// Revision is the last one up to which all of them were published or parked; 0
	// before the first.
	Revision int64
	// Reason says why the topic takes no messages; empty where it does. Since is when
	// that was seen first.
	Reason string
	Since  time.Time
}

// Delivered is how far the changes were published.
type Delivered struct {
	// Streams are those that were ever published to, ordered by AggregateType. Types
	// that this version does not know may be among them.
	Streams []Stream
	// Parked are the aggregates that wait, ordered by Revision.
	Parked []Parked
	// Edition tells this state from every other one.
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
	// Count is how many changes there are, of PendingMost or more PendingMost.
	Count int64
	// Oldest is when the first of them happened; zero where there is none.
	Oldest time.Time
}

// PendingMost bounds what is counted.
const PendingMost = 100_000

// Deliveries keeps what was published of the feed. Of two that go on from one
// state the second gets ErrOvertaken, and nothing is written. A store that cannot
// be reached is fault.ErrUnavailable from every method.
type Deliveries interface {
	// Delivered returns how far the changes were published.
	Delivered(ctx context.Context) (Delivered, error)
	// Advance goes on from a state: the streams that are given stand as given from then
	// on, the others as before; and it parks.
	Advance(ctx context.Context, from Delivered, streams []Stream, parked ...Parked) error
	// Pending returns what follows the revision of a stream of its aggregate type.
	Pending(ctx context.Context, of Stream) (Pending, error)
	// Resume goes on from a state in which one of the parked waits from its revision:
	// from then on it waits as given, or not at all where that is nil.
	Resume(ctx context.Context, from Delivered, was Parked, next *Parked) error
	// Ask asks for another try of what is parked at a revision, without the change of
	// that revision if skip. It is ErrNotParked where nothing is, and when another try
	// was asked for already.
	Ask(ctx context.Context, revision int64, skip bool) error
}

// Failures of Deliveries.
var (
	// ErrOvertaken is a step from a state that is no longer the present one.
	ErrOvertaken = fault.New(fault.Conflict, "overtaken", "Another relay has gone on from here.")
	// ErrNotParked is a revision at which nothing waits.
	ErrNotParked = fault.New(fault.NotFound, "not_parked",
		"No change is parked at that revision, or it is being tried again already. See 'signalbox relay status'.")
)
