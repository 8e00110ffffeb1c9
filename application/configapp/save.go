package configapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// mutation is one write to a configuration that exists.
type mutation = change.Edit[configuration.ID, *configuration.Configuration]

func (s *Service) stamp(by access.Caller) scope.Stamp { return by.Stamp(s.deps.Clock.Now()) }

// write applies a mutation and returns the state after it.
func (s *Service) write(ctx context.Context, by access.Caller, e mutation) (View, error) {
	return viewOf(s.writer.Edit(ctx, by, e))
}

// viewOf returns the view of a written configuration.
func viewOf(c *configuration.Configuration, err error) (View, error) {
	if err != nil {
		return View{}, err
	}
	return View{State: c.State()}, nil
}

// save stores what has changed, if anything has, sealing the history first where
// encryption was turned on, and binding the tokens to their versions.
func (s *Service) save(ctx context.Context, c *configuration.Configuration) error {
	if c.NeedsSealing() {
		if err := c.SealHistoryWith(s.sealer(ctx)); err != nil {
			return err
		}
	}
	c.BindWith(s.binding.binder(ctx))
	at := c.Identity().Locator()
	if err := s.deps.Configurations.Save(ctx, c); err != nil {
		s.cache.SaveFailed(ctx, at, err)
		return err
	}
	if c.Damaged() {
		s.cache.Invalidate(ctx, at)
		return nil
	}
	s.cache.Saved(at, c.State(), int64(c.Version()))
	return nil
}
