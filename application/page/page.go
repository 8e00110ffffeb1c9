package page

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Bounds of a page.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Check returns nil for a limit of 1 to MaxLimit and an offset of 0 or more, else
// ErrInvalid for "limit", "offset" or both.
func Check(limit, offset int) error {
	var limitErr, offsetErr error
	if limit < 1 || limit > MaxLimit {
		limitErr = fault.Bad("limit", "must be between 1 and 1000")
	}
	if offset < 0 {
		offsetErr = fault.Bad("offset", "must be at least 0")
	}
	return fault.Merge(limitErr, offsetErr)
}

// Following maps the next part of a page; nil for nil.
func Following[P, Q any](next func(context.Context) (P, error), convert func(P) Q) func(context.Context) (Q, error) {
	if next == nil {
		return nil
	}
	return func(ctx context.Context) (Q, error) {
		found, err := next(ctx)
		if err != nil {
			var none Q
			return none, err
		}
		return convert(found), nil
	}
}
