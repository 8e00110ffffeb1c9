package configapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// maxAttempts bounds how often a write is repeated that lost to another replica.
const maxAttempts = 16

// change is one write to a configuration that exists.
type change struct {
	id configuration.ID
	// expect are the versions of which one must be the present, if any is named.
	expect []configuration.Version
	// revives says that a deleted configuration may be written to.
	revives bool
	// apply makes the change; it runs again on fresh state after a conflict.
	apply func(context.Context, *configuration.Configuration) error
}

// write loads, changes and saves, and starts over when another writer was
// quicker. With expected versions the second look ends it: ErrStale.
func (s *Service) write(ctx context.Context, by access.Caller, ch change) (View, error) {
	release, err := s.turns.take(ctx, ch.id)
	if err != nil {
		return View{}, fault.ErrContended.WithCause(err)
	}
	defer release()
	var written View
	err = s.untilSaved(ctx, func() error {
		c, err := s.load(ctx, by, access.WriteConfiguration, ch.id)
		if err != nil {
			return err
		}
		if c.Deleted() && !ch.revives {
			return configuration.ErrNotFound
		}
		if err := c.Expect(ch.expect...); err != nil {
			return stop{err}
		}
		if err := ch.apply(ctx, c); err != nil {
			return err
		}
		written, err = s.save(ctx, c)
		return err
	})
	return written, err
}

// stop marks an ErrStale that is the answer, and not a reason to try again.
type stop struct{ error }

// untilSaved runs attempt until it ends in anything but a lost race.
func (s *Service) untilSaved(ctx context.Context, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		if final, ok := errors.AsType[stop](err); ok {
			return final.error
		}
		lost := errors.Is(err, configuration.ErrStale) || errors.Is(err, configuration.ErrAlreadyExists)
		if !lost {
			return err
		}
		if n == maxAttempts {
			return fault.ErrContended.WithCause(err)
		}
		if waitErr := s.deps.Backoff.Wait(ctx, n); waitErr != nil {
			return fault.ErrContended.WithCause(errors.Join(err, waitErr))
		}
	}
}

// save stores what has changed, if anything has, sealing the history first where
// encryption was turned on.
func (s *Service) save(ctx context.Context, c *configuration.Configuration) (View, error) {
	if c.NeedsSealing() {
		if err := c.SealHistoryWith(s.sealer(ctx)); err != nil {
			return View{}, err
		}
	}
	if err := s.deps.Configurations.Save(ctx, c); err != nil {
		return View{}, err
	}
	return View{State: c.State()}, nil
}
