package changefeed

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Failures of watching.
var (
	// ErrCompacted is a position that no longer exists in the feed: it has another epoch,
	// or is older than what is stored. The resources have to be read again.
	ErrCompacted = fault.New(fault.Gone, "revision_gone",
		"Changes after that revision are no longer stored. Read the resources, and watch from the revision given here.")
	// ErrFuture is a revision that the feed has not reached, on a replica that knows the
	// feed's end.
	ErrFuture = fault.New(fault.Invalid, "revision_in_future",
		"That revision does not exist yet. Use the last one that a response named, with its epoch.")
	// ErrNotReached is a revision that this replica has not reached; others may have.
	ErrNotReached = fault.New(fault.Stale, "revision_not_reached",
		"This replica has not reached that revision. Try again shortly.")
	// ErrBehind is a revision that a replica has not reached that cannot read the feed.
	ErrBehind = fault.New(fault.Unavailable, "replica_behind",
		"This replica cannot read the change feed, and has not reached that revision. Try again shortly.")
)

// Check returns nil where the feed can be watched from a revision of an epoch, of any
// if that is empty. A replica that has not reached the revision waits for it until ctx
// ends. Then it is ErrFuture where the replica has meanwhile been at the end of the feed,
// so that the revision does not exist; ErrBehind where the replica is stale; else
// ErrNotReached. A position that no longer exists is ErrCompacted.
func (t *Tailer) Check(ctx context.Context, epoch string, revision int64) error {
	began := int64(t.stopwatch.Elapsed())
	if revision > t.Position().Revision && (epoch == "" || epoch == t.Position().Epoch) {
		if t.Await(ctx, revision) != nil {
			return t.missing(began)
		}
	}
	at := t.Position()
	if epoch != "" && epoch != at.Epoch || revision < at.Oldest-1 {
		return t.compacted()
	}
	return nil
}

// missing returns why a revision that was requested at a time is not here.
func (t *Tailer) missing(requested int64) error {
	switch {
	case t.confirmed.Load() > requested:
		return ErrFuture
	case freshness.Stale(t.Age()):
		return ErrBehind
	}
	return ErrNotReached.WithDetail("current_revision", t.Position().Revision)
}

// compacted is ErrCompacted, with the positions from which the feed can be watched.
func (t *Tailer) compacted() error {
	at := t.Position()
	return ErrCompacted.WithDetail("epoch", at.Epoch).
		WithDetail("oldest", at.Oldest).WithDetail("revision", at.Revision)
}
