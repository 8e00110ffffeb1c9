package change

import (
	"errors"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// OutcomeUnknown reports whether, after this error of a Save, it is unknown what the
// store holds. After a rejection it is known: nothing was stored. An error that is no
// rejection by its kind leaves it unknown, also an unexpected one.
func OutcomeUnknown(err error) bool {
	if err == nil || errors.Is(err, fault.ErrUnreached) || errors.Is(err, fault.ErrContended) ||
		errors.Is(err, fault.ErrReadOnly) {
		return false
	}
	return slices.Contains([]fault.Kind{fault.Unavailable, fault.Internal}, fault.Of(err).Kind())
}
