package flagapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
)

// Create stores a new flag, or creates a deleted one of that identity again; its id,
// version and salt continue. The definition is JSON as flag.ParseCreation reads it.
// Where one exists it is ErrAlreadyExists with its id.
func (s *Service) Create(ctx context.Context, by access.Caller, definition []byte) (flag.State, error) {
	c, err := flag.ParseCreation(ctx, definition)
	if err != nil {
		return flag.State{}, err
	}
	name, nameErr := flag.ParseName(c.Name)
	environment, envErr := s.deps.Environments.Parse(c.Environment)
	made, defineErr := flag.Define(c, s.salt())
	if err := fault.Merge(nameErr, fault.Within("/", envErr), defineErr); err != nil {
		return flag.State{}, err
	}
	identity := flag.Identity{Environment: environment, Name: name}
	if err := by.Require(access.WriteFlag, resourceOf(identity)); err != nil {
		return flag.State{}, err
	}
	draft := flag.Draft{Definition: made}
	if c.Description != nil {
		draft.Description = *c.Description
	}
	create := func() *flag.Flag { return flag.New(identity, draft, s.stamp(by)) }
	return stateOf(s.writer.Create(ctx, create, func(ctx context.Context) (*flag.Flag, error) {
		existing, err := s.deps.Flags.FindByIdentity(ctx, identity)
		if err != nil {
			return nil, err
		}
		if existing.Damaged() {
			return existing, existing.Mend(draft, s.stamp(by))
		}
		return existing, existing.Recreate(c, s.stamp(by))
	}))
}
