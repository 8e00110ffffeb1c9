package flagapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Create stores a new flag, or brings a deleted one of that identity back, whose
// id, version, salt and type go on. The definition is JSON as flag.ParseCreation
// reads it. Where one lives it is ErrAlreadyExists with its id.
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
	var created flag.State
	err = change.UntilSaved(ctx, s.deps.Backoff, func() error {
		created, err = s.save(ctx, flag.New(identity, draft, s.stamp(by)))
		if errors.Is(err, flag.ErrAlreadyExists) {
			created, err = s.recreate(ctx, by, identity, c, draft)
		}
		return err
	})
	return created, err
}

func (s *Service) recreate(
	ctx context.Context, by access.Caller, identity flag.Identity, c flag.Change, draft flag.Draft,
) (flag.State, error) {
	existing, err := s.deps.Flags.FindByIdentity(ctx, identity)
	if err != nil {
		return flag.State{}, err
	}
	if existing.Damage() != nil {
		err = existing.Mend(draft, s.stamp(by))
	} else {
		err = existing.Recreate(c, s.stamp(by))
	}
	if err != nil {
		return flag.State{}, change.Final(err)
	}
	return s.save(ctx, existing)
}

// Update says what to change.
type Update struct {
	ID flag.ID
	// Change is JSON as flag.ParseChange reads it.
	Change []byte
	// Expect are the versions of which one must be the present, if any is named.
	Expect []scope.Version
}

// Update changes a flag, and answers what is there when nothing changes. Deleted
// or unknown is ErrNotFound, a version other than the expected ErrStale.
func (s *Service) Update(ctx context.Context, by access.Caller, in Update) (flag.State, error) {
	c, err := flag.ParseChange(ctx, in.Change)
	if err != nil {
		return flag.State{}, err
	}
	return s.write(ctx, by, edition{id: in.ID, expect: in.Expect, apply: func(_ context.Context, f *flag.Flag) error {
		_, err := f.Update(c, s.stamp(by))
		return err
	}})
}

// Delete says what to delete.
type Delete struct {
	ID flag.ID
	// Expect are the versions of which one must be the present, if any is named.
	Expect []scope.Version
}

// Delete makes the version in which the flag does not exist; its history stays.
// Deleted already or unknown is ErrNotFound, a version other than the expected
// ErrStale.
func (s *Service) Delete(ctx context.Context, by access.Caller, in Delete) (flag.State, error) {
	removal := edition{id: in.ID, expect: in.Expect, mends: true}
	removal.apply = func(_ context.Context, f *flag.Flag) error {
		return f.Delete(s.stamp(by))
	}
	return s.write(ctx, by, removal)
}

// RollBack says to which version to go back.
type RollBack struct {
	ID      flag.ID
	Version scope.Version
	// Expect are the versions of which one must be the present, if any is named.
	Expect []scope.Version
}

// RollBack makes what stood at a version the present again, as a new version with
// the very same ranges; a deleted flag comes back. A version that never was is
// ErrVersionNotFound, one that is a deletion ErrVersionIsDelete.
func (s *Service) RollBack(ctx context.Context, by access.Caller, in RollBack) (flag.State, error) {
	apply := func(ctx context.Context, f *flag.Flag) error {
		entry, err := s.deps.History.Entry(ctx, in.ID, in.Version)
		if err != nil {
			return err
		}
		_, err = f.RollBack(entry, s.stamp(by))
		return err
	}
	return s.write(ctx, by, edition{id: in.ID, expect: in.Expect, revives: true, mends: true, apply: apply})
}

// edition is one write to a flag that exists.
type edition struct {
	id      flag.ID
	expect  []scope.Version
	revives bool
	// mends says that a damaged one may be written to.
	mends bool
	apply func(context.Context, *flag.Flag) error
}

// write makes the edition and returns what stands after it.
func (s *Service) write(ctx context.Context, by access.Caller, e edition) (written flag.State, err error) {
	err = change.Do(ctx, &s.turns, e.id, s.deps.Backoff, change.Edit[*flag.Flag]{
		Expect: e.expect, Revives: e.revives, Mends: e.mends, NotFound: flag.ErrNotFound, Apply: e.apply,
		Load: func(ctx context.Context) (*flag.Flag, error) { return s.load(ctx, by, access.WriteFlag, e.id) },
		Save: func(ctx context.Context, f *flag.Flag) (err error) {
			written, err = s.save(ctx, f)
			return err
		},
	})
	return written, err
}

// save stores what has changed, and lets evaluation see it before anyone is told.
func (s *Service) save(ctx context.Context, f *flag.Flag) (flag.State, error) {
	at := f.Identity().Locator()
	if err := s.deps.Flags.Save(ctx, f); err != nil {
		// The snapshot holds what was stored before, until the tail tells.
		s.reads.SaveFailed(ctx, at, err)
		return flag.State{}, err
	}
	state := f.State()
	s.snapshots.put(state, false)
	if state.Damaged {
		s.reads.Invalidate(ctx, at)
		return state, nil
	}
	s.reads.Saved(at, state, int64(state.Version))
	return state, nil
}
