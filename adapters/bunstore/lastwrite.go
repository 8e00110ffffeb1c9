package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
)

// lastWrite remembers why the last write of this process failed, until one succeeds.
// A store that answers reads and refuses writes is not healthy. The zero value knows
// of no failure.
type lastWrite struct{ failure atomic.Pointer[string] }

// succeeded notes that changes were committed.
func (w *lastWrite) succeeded() {
	if w.failure.Load() != nil {
		w.failure.Store(nil)
	}
}

// failed notes a failure that is the store's. One that is the caller's, such as a
// stale version or a deadline that has passed, tells nothing of the store.
func (w *lastWrite) failed(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, sql.ErrNoRows) {
		return
	}
	meant := dberror.Meaning(err)
	if known, ok := errors.AsType[*fault.Error](err); ok {
		meant = known
	}
	// What has no meaning to a caller is a store that fails in a way of its own.
	if meant != nil && (meant.Kind() != fault.Unavailable || errors.Is(meant, fault.ErrContended)) {
		return
	}
	w.failure.Store(new(dberror.Reason(err)))
}

// Conditions returns "database_writes_failing" from a write that the database
// refused until one that it took.
func (s *Store) Conditions() []ports.Condition {
	reason := s.lastWrite.failure.Load()
	if reason == nil {
		return nil
	}
	return []ports.Condition{{
		Name: "database_writes_failing", Part: "database",
		Message: "The last write failed (" + *reason + "). Reads are answered. " +
			"Look for a full disk, a read-only file, a standby, missing rights or a trigger.",
	}}
}
