package change

import (
	"errors"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Unknown reports whether, after this error of a Save, it is unknown what the store
// holds. After a refusal it is known: nothing was stored. What is no refusal by its
// kind is unknown, also an error that nobody expected.
func Unknown(err error) bool {
	if err == nil || errors.Is(err, fault.ErrUnreached) || errors.Is(err, fault.ErrContended) ||
		errors.Is(err, fault.ErrReadOnly) {
		return false
	}
	return slices.Contains([]fault.Kind{fault.Unavailable, fault.Internal}, fault.Of(err).Kind())
}
