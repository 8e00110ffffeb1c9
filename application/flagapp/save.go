package flagapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// mutation is one write to a flag that exists.
type mutation = change.Edit[flag.ID, *flag.Flag]

func (s *Service) stamp(by access.Caller) scope.Stamp { return by.Stamp(s.deps.Clock.Now()) }

// write applies a mutation and returns the new state.
func (s *Service) write(ctx context.Context, by access.Caller, e mutation) (flag.State, error) {
	return stateOf(s.writer.Edit(ctx, by, e))
}

func stateOf(f *flag.Flag, err error) (flag.State, error) {
	if err != nil {
		return flag.State{}, err
	}
	return f.State(), nil
}

// save stores the changes, and caches them before the caller gets its response.
func (s *Service) save(ctx context.Context, f *flag.Flag) error {
	key := f.Identity().Locator()
	if err := s.deps.Flags.Save(ctx, f); err != nil {
		// The snapshot keeps the earlier state until the change feed delivers the change.
		s.cache.SaveFailed(ctx, key, err)
		return err
	}
	state := f.State()
	s.snapshots.put(state, false)
	if state.Damaged {
		s.cache.Invalidate(ctx, key)
		return nil
	}
	s.cache.Saved(key, state, int64(state.Version))
	return nil
}
