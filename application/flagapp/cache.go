package flagapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/application/readthrough"
	"github.com/signalbox-hq/signalbox/domain/flag"
)

// Entry is a cached flag.
type Entry = readthrough.Entry[flag.State]

// loader queries the store for a flag.
func (s *Service) loader(identity flag.Identity) readthrough.Loader[flag.State] {
	return func(ctx context.Context) (flag.State, int64, error) {
		f, err := s.deps.Flags.FindByIdentity(ctx, identity)
		if errors.Is(err, flag.ErrNotFound) {
			return flag.State{}, 0, nil
		}
		if err != nil {
			return flag.State{}, 0, err
		}
		return f.State(), int64(f.Version()), f.Damage()
	}
}
