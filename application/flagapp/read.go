package flagapp

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Read says which flag to read, and as of when.
type Read struct {
	Name        string
	Environment string
	// Version and At choose what stood then; at most one of them is not zero.
	Version scope.Version
	At      time.Time
	// MinVersion is the least version that what stands may have; for 0 it may be any.
	MinVersion scope.Version
}

// View is a flag as it stands, or stood.
type View struct {
	flag.State
	// Stale is how old it may be because the store cannot be asked; 0 while it can.
	Stale time.Duration
}

// Read returns a flag as it stands, or as it stood at a version or a time. Deleted
// (as of then) or unknown is ErrNotFound; a version that never was is
// ErrVersionNotFound. A version that was not reached is ErrStale.
//
// What stands comes from memory while that is known to be fresh, else from the store,
// and from memory again while the store is away: View.Stale tells.
func (s *Service) Read(ctx context.Context, by access.Caller, in Read) (View, error) {
	asOf := change.AsOf{Version: in.Version, At: in.At, MinVersion: in.MinVersion}
	identity, err := s.parseIdentity(in.Environment, in.Name)
	if err := fault.Merge(err, asOf.Validate()); err != nil {
		return View{}, err
	}
	if err := by.Require(access.ReadFlag, resourceOf(identity)); err != nil {
		return View{}, err
	}
	if asOf.Present() {
		return s.readPresent(ctx, identity, in.MinVersion)
	}
	f, err := s.deps.Flags.FindByIdentity(ctx, identity)
	if err != nil {
		return View{}, err
	}
	entry, err := change.EntryAsOf(ctx, s.deps.History, f.ID(), asOf, flag.ErrNotFound)
	if err != nil {
		return View{}, err
	}
	state, err := f.AsOf(entry)
	return View{State: state}, err
}

// readPresent returns what stands, from memory where that may be relied upon.
func (s *Service) readPresent(ctx context.Context, identity flag.Identity, least scope.Version) (View, error) {
	at := identity.Locator()
	h := s.cache.Recall(at)
	var v View
	if h == nil || h.Value.Version < least {
		var err error
		if h, v.Stale, err = s.cache.Load(ctx, at, int64(least), s.loader(identity)); err != nil {
			return View{}, err
		}
	}
	switch {
	case h.Version == 0 || h.Value.Deleted:
		return v, flag.ErrNotFound
	case h.Value.Version < least:
		return View{}, scope.StaleAt(h.Value.Version)
	}
	v.State = h.Value
	return v, nil
}

// parseIdentity reads both parts and names every wrong one.
func (s *Service) parseIdentity(environment, name string) (flag.Identity, error) {
	n, nameErr := flag.ParseName(name)
	if nameErr != nil {
		nameErr = fault.Bad("name", fault.Of(nameErr).Fields()[0].Message)
	}
	e, envErr := s.deps.Environments.Parse(environment)
	return flag.Identity{Environment: e, Name: n}, fault.Merge(nameErr, envErr)
}
