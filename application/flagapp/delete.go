package flagapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Delete is the input of Delete.
type Delete struct {
	ID flag.ID
	// Expect, if not empty, must include the current version.
	Expect scope.Precondition
}

// Delete creates the version in which the flag is deleted; its history stays.
// Deleted already or unknown is ErrNotFound, a version other than the expected
// ErrStale.
func (s *Service) Delete(ctx context.Context, by access.Caller, in Delete) (flag.State, error) {
	return s.write(ctx, by, mutation{
		ID: in.ID, Expect: in.Expect, Mends: true,
		Apply: func(_ context.Context, f *flag.Flag) error { return f.Delete(s.stamp(by)) },
	})
}
