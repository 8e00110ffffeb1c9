package change

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// AsOf selects the state of an aggregate: at a version, at a time, or at present where
// both are zero.
type AsOf struct {
	Version scope.Version
	At      time.Time
	// MinVersion is the least version that the present state may have; 0 for any.
	MinVersion scope.Version
}

// Present reports whether the present state is read.
func (a AsOf) Present() bool { return a.Version == 0 && a.At.IsZero() }

// Validate returns ErrInvalid for fields that exclude each other.
func (a AsOf) Validate() error {
	var atErr, minErr error
	if a.Version != 0 && !a.At.IsZero() {
		atErr = fault.Bad("at", "cannot be given together with version")
	}
	if a.MinVersion != 0 && !a.Present() {
		minErr = fault.Bad("min_version", "cannot be given together with version or at")
	}
	return fault.Merge(atErr, minErr)
}

// EntryAsOf returns the history entry as of then, where that is not the present. A
// version that never was is scope.ErrVersionNotFound, a time before the first version is
// notFound.
func EntryAsOf[I ~int64, E any](
	ctx context.Context, h versioned.History[I, E], id I, a AsOf, notFound error,
) (E, error) {
	if a.Version != 0 {
		return h.Entry(ctx, id, a.Version)
	}
	entry, err := h.EntryAt(ctx, id, a.At)
	if errors.Is(err, scope.ErrVersionNotFound) {
		err = notFound
	}
	return entry, err
}
