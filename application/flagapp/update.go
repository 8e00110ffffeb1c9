package flagapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Update is the input of Update.
type Update struct {
	ID flag.ID
	// Change is JSON as flag.ParseChange reads it.
	Change []byte
	// Expect is what the write expects of the current state.
	Expect scope.Precondition
}

// Update changes a flag; without a difference it returns the current state. Deleted or
// unknown is ErrNotFound, a version other than the expected ErrStale.
func (s *Service) Update(ctx context.Context, by access.Caller, in Update) (flag.State, error) {
	c, err := flag.ParseChange(ctx, in.Change)
	if err != nil {
		return flag.State{}, err
	}
	return s.write(ctx, by, mutation{ID: in.ID, Expect: in.Expect, Apply: func(_ context.Context, f *flag.Flag) error {
		_, err := f.Update(c, s.stamp(by))
		return err
	}})
}
