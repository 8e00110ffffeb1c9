package configapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// RollBack is the input of RollBack.
type RollBack struct {
	ID      configuration.ID
	Version configuration.Version
	// Expect is what the write expects of the current state.
	Expect scope.Precondition
}

// RollBack restores the state of a version as a new version; a deleted configuration is
// restored too. Nothing is decrypted for it. A version that never was is
// ErrVersionNotFound, one that is a deletion ErrVersionIsDelete, and one whose token belongs
// elsewhere ports.ErrTokenTampered.
func (s *Service) RollBack(ctx context.Context, by access.Caller, in RollBack) (View, error) {
	return s.write(ctx, by, mutation{
		ID: in.ID, Expect: in.Expect, Revives: true, Mends: true,
		Apply: func(ctx context.Context, c *configuration.Configuration) error {
			entry, err := s.deps.History.Entry(ctx, in.ID, in.Version)
			if err != nil {
				return err
			}
			state := configuration.State{
				ID: in.ID, Identity: c.Identity(), Content: entry.New,
				Lifecycle: scope.Lifecycle{Version: entry.Version},
			}
			if err := s.verified(ctx, by, state); err != nil {
				return err
			}
			_, err = c.RollBack(entry, s.stamp(by))
			return err
		},
	})
}
