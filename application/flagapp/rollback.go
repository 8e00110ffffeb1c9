package flagapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// RollBack is the input of RollBack.
type RollBack struct {
	ID      flag.ID
	Version scope.Version
	// Expect, if not empty, must include the current version.
	Expect scope.Precondition
}

// RollBack restores the state of a version as a new version, with the same ranges; a
// deleted flag is restored too. A version that does not exist is ErrVersionNotFound, one
// that is a deletion ErrVersionIsDelete.
func (s *Service) RollBack(ctx context.Context, by access.Caller, in RollBack) (flag.State, error) {
	return s.write(ctx, by, mutation{
		ID: in.ID, Expect: in.Expect, Revives: true, Mends: true,
		Apply: func(ctx context.Context, f *flag.Flag) error {
			entry, err := s.deps.History.Entry(ctx, in.ID, in.Version)
			if err != nil {
				return err
			}
			_, err = f.RollBack(entry, s.stamp(by))
			return err
		},
	})
}
