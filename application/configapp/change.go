package configapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
)

// edition is one write to a configuration that exists.
type edition struct {
	id      configuration.ID
	expect  []configuration.Version
	revives bool
	// mends says that a damaged one may be written to.
	mends bool
	apply func(context.Context, *configuration.Configuration) error
}

// write makes the edition and returns what stands after it.
func (s *Service) write(ctx context.Context, by access.Caller, e edition) (written View, err error) {
	err = change.Do(ctx, &s.turns, e.id, s.deps.Backoff, change.Edit[*configuration.Configuration]{
		Expect: e.expect, Revives: e.revives, Mends: e.mends, NotFound: configuration.ErrNotFound, Apply: e.apply,
		Load: func(ctx context.Context) (*configuration.Configuration, error) {
			return s.load(ctx, by, access.WriteConfiguration, e.id)
		},
		Save: func(ctx context.Context, c *configuration.Configuration) (err error) {
			written, err = s.save(ctx, c)
			return err
		},
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
		s.memory.SaveFailed(ctx, c.Identity().Locator(), err)
		return View{}, err
	}
	if c.State().Damaged {
		s.memory.Invalidate(ctx, c.Identity().Locator())
		return View{State: c.State()}, nil
	}
	s.memory.Saved(c.Identity().Locator(), c.State(), int64(c.Version()))
	return View{State: c.State()}, nil
}
