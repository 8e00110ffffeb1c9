package configapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// edition is one write to a configuration that exists.
type edition struct {
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
func (s *Service) write(ctx context.Context, by access.Caller, ch edition) (View, error) {
	release, err := s.turns.Take(ctx, ch.id)
	if err != nil {
		return View{}, fault.ErrContended.WithCause(err)
	}
	defer release()
	var written View
	err = change.UntilSaved(ctx, s.deps.Backoff, func() error {
		c, err := s.load(ctx, by, access.WriteConfiguration, ch.id)
		if err != nil {
			return err
		}
		if c.Deleted() && !ch.revives {
			return configuration.ErrNotFound
		}
		if err := c.Expect(ch.expect...); err != nil {
			return change.Final(err)
		}
		if err := ch.apply(ctx, c); err != nil {
			return err
		}
		written, err = s.save(ctx, c)
		return err
	})
	return written, err
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
