package change

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// maxAttempts bounds the attempts of a write that loses to other replicas.
const maxAttempts = 16

// UntilSaved runs attempt until it ends in anything but a conflict, which is
// scope.ErrStale or scope.ErrAlreadyExists, and backs off between attempts. After
// maxAttempts conflicts, or when ctx ends, it is fault.ErrContended. A result that only
// looks like a conflict is wrapped in Final.
func UntilSaved(ctx context.Context, backoff ports.Backoff, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		if f, ok := errors.AsType[final](err); ok {
			return f.error
		}
		if !errors.Is(err, scope.ErrStale) && !errors.Is(err, scope.ErrAlreadyExists) {
			return err
		}
		if n == maxAttempts {
			return fault.ErrContended.WithCause(err)
		}
		if waitErr := backoff.Wait(ctx, n); waitErr != nil {
			return fault.ErrContended.WithCause(errors.Join(err, waitErr))
		}
	}
}

// Final wraps an error that ends UntilSaved although it looks like a conflict; nil stays
// nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return final{err}
}

type final struct{ error }
