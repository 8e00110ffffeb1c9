package change

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// maxAttempts bounds how often a write is repeated that lost to another replica.
const maxAttempts = 16

// UntilSaved runs attempt until it ends in anything but a lost race, which is
// scope.ErrStale or scope.ErrAlreadyExists, waiting between. One that loses too
// often, or whose ctx ends, is fault.ErrContended. An answer that only looks like
// a lost race is wrapped in Final.
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

// Final marks an error that is the answer, and not a reason to try again; nil
// stays nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return final{err}
}

type final struct{ error }
