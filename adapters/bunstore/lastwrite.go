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

// lastWrite stores why the last write of this process failed, until one succeeds. A
// store that answers reads and rejects writes is not healthy. The zero value is no
// failure.
type lastWrite struct{ failure atomic.Pointer[string] }

// succeeded records a commit.
func (w *lastWrite) succeeded() {
	if w.failure.Load() != nil {
		w.failure.Store(nil)
	}
}

// failed records a failure of the store. A failure of the caller, such as a stale
// version or an expired deadline, says nothing about the store.
func (w *lastWrite) failed(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, sql.ErrNoRows) {
		return
	}
	meaning := dberror.Meaning(err)
	if known, ok := errors.AsType[*fault.Error](err); ok {
		meaning = known
	}
	// An error without a meaning is a failure of the store, too.
	if meaning != nil && (meaning.Kind() != fault.Unavailable || errors.Is(meaning, fault.ErrContended)) {
		return
	}
	w.failure.Store(new(dberror.Reason(err)))
}

// Conditions returns "database_writes_failing" from a rejected write until one
// succeeds.
func (s *Store) Conditions() []ports.Condition {
	reason := s.lastWrite.failure.Load()
	if reason == nil {
		return nil
	}
	return []ports.Condition{{
		Name: "database_writes_failing", Part: "database",
		Message: "The last write failed (" + *reason + "). Reads are answered. " +
			"Check for a full disk, a read-only file, a standby, missing rights or a trigger.",
	}}
}
