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

// Read selects a flag, and the time or version to read.
type Read struct {
	Name        string
	Environment string
	// Version and At select a former state; at most one of them is not zero.
	Version scope.Version
	At      time.Time
	// MinVersion is the lowest acceptable version of the current state; 0 accepts any.
	MinVersion scope.Version
}

// View is the current or a former state of a flag.
type View struct {
	flag.State
	// Stale is the age of a stale state; 0 while the store is available.
	Stale time.Duration
}

// Read returns the current state of a flag, or that at a version or a time. A flag that
// is (or was then) deleted, or unknown, is ErrNotFound; a version that does not exist is
// ErrVersionNotFound, one that was not reached ErrStale.
//
// The current state is read from the cache while that is fresh, else from the store. While
// the store is unavailable it is the stale cached one, with View.Stale.
func (s *Service) Read(ctx context.Context, by access.Caller, in Read) (View, error) {
	asOf := change.AsOf{Version: in.Version, At: in.At, MinVersion: in.MinVersion}
	identity, err := s.parseIdentity(in.Environment, in.Name)
	if err := fault.Merge(err, asOf.Validate()); err != nil {
		return View{}, err
	}
	if err := by.RequireSight(access.ReadFlag, resourceOf(identity), flag.ErrNotFound); err != nil {
		return View{}, err
	}
	if asOf.Present() {
		return s.readCurrent(ctx, identity, in.MinVersion)
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

// readCurrent returns the current state.
func (s *Service) readCurrent(ctx context.Context, identity flag.Identity, minVersion scope.Version) (View, error) {
	key := identity.Locator()
	e := s.cache.Recall(key)
	var v View
	if e == nil || e.Value.Version < minVersion {
		var err error
		if e, v.Stale, err = s.cache.Load(ctx, key, int64(minVersion), s.loader(identity)); err != nil {
			return View{}, err
		}
	}
	switch {
	case e.Version == 0 || e.Value.Deleted:
		return v, flag.ErrNotFound
	case e.Value.Version < minVersion:
		return View{}, scope.StaleAt(e.Value.Version)
	}
	v.State = e.Value
	return v, nil
}

// parseIdentity parses both parts, and returns the errors of both.
func (s *Service) parseIdentity(environment, name string) (flag.Identity, error) {
	n, nameErr := flag.ParseName(name)
	if nameErr != nil {
		nameErr = fault.Bad("name", fault.Of(nameErr).Fields()[0].Message)
	}
	e, envErr := s.deps.Environments.Parse(environment)
	return flag.Identity{Environment: e, Name: n}, fault.Merge(nameErr, envErr)
}
