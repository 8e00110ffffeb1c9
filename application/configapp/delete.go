package configapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Delete is the input of Delete.
type Delete struct {
	ID configuration.ID
	// Expect is what the write expects of the current state.
	Expect scope.Precondition
}

// Delete makes the version in which the configuration does not exist; its
// history stays. Deleted already or unknown is ErrNotFound, and a version other
// than the expected ErrStale.
func (s *Service) Delete(ctx context.Context, by access.Caller, in Delete) (View, error) {
	return s.write(ctx, by, mutation{
		ID: in.ID, Expect: in.Expect, Mends: true,
		Apply: func(_ context.Context, c *configuration.Configuration) error {
			return c.Delete(s.stamp(by))
		},
	})
}
