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

// Delivered is how far the changes were published.
type Delivered struct {
	// Revision is the last one that was published or parked; 0 before the first.
	Revision int64
	// Parked are the aggregates that wait, ordered by Revision.
	Parked []Parked
	// Edition tells this state from every other one.
	Edition int64
}

// Deliveries keeps what was published of the feed. Of two that go on from one
// state the second gets ErrOvertaken, and nothing is written. A store that cannot
// be reached is fault.ErrUnavailable from every method.
type Deliveries interface {
	// Delivered returns how far the changes were published.
	Delivered(ctx context.Context) (Delivered, error)
	// Advance goes on from a state to a later revision, and parks.
	Advance(ctx context.Context, from Delivered, revision int64, parked ...Parked) error
	// Backlog returns at most limit changes of what is parked, from its revision up to
	// the other one, in order.
	Backlog(ctx context.Context, p Parked, upTo int64, limit int) ([]Change, error)
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
