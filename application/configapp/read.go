package configapp

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Read is the input of Read.
type Read struct {
	Key         string
	Environment string
	ServiceName string
	// Version and At select a past state; at most one of them is not zero.
	Version configuration.Version
	At      time.Time
	// MinVersion is the least version of the current state; 0 for any.
	MinVersion configuration.Version
	// Unsent reports whether a revealed state would not be sent, because of a precondition of
	// the caller; nil is for never. The value is then neither decrypted nor recorded.
	Unsent func(configuration.State) bool
}

// Read returns a configuration at present, or as of a version or a time. It has the value
// of an encrypted one when the caller may reveal it. Deleted (as of then) or unknown is
// ErrNotFound; a version that never was is ErrVersionNotFound. A version that was not
// reached is ErrStale.
//
// The current state comes from the cache while that is fresh, else from the store. While
// the store is unavailable it comes from the stale cache: see View.Stale.
func (s *Service) Read(ctx context.Context, by access.Caller, in Read) (View, error) {
	asOf := change.AsOf{Version: in.Version, At: in.At, MinVersion: in.MinVersion}
	if asOf.Present() {
		return s.readPresent(ctx, by, in)
	}
	identity, err := s.parseIdentity(in.Environment, in.ServiceName, in.Key)
	if err := fault.Merge(err, asOf.Validate()); err != nil {
		return View{}, err
	}
	if err := by.RequireSight(access.ReadConfiguration, resourceOf(identity), configuration.ErrNotFound); err != nil {
		return View{}, err
	}
	c, err := s.deps.Configurations.FindByIdentity(ctx, identity)
	if err != nil {
		return View{}, err
	}
	entry, err := change.EntryAsOf(ctx, s.deps.History, c.ID(), asOf, configuration.ErrNotFound)
	if err != nil {
		return View{}, err
	}
	state, err := c.AsOf(entry)
	if err != nil {
		return View{}, err
	}
	v, err := s.viewFor(ctx, by, state, in.Unsent)
	return v, s.noted(by, state, err)
}

// viewFor reveals the value where the caller may read it. Where that cannot be confirmed
// it fails: a hidden value looks like a missing one. A value that is not sent is withheld.
func (s *Service) viewFor(
	ctx context.Context, by access.Caller, state configuration.State, unsent func(configuration.State) bool,
) (View, error) {
	v := View{State: state}
	resource := resourceOf(state.Identity)
	if !state.Content.Encrypted() || !by.Has(access.RevealConfiguration, resource) {
		return v, nil
	}
	if err := by.Require(access.RevealConfiguration, resource); err != nil {
		return View{}, err
	}
	if unsent != nil && !state.Damaged && unsent(state) {
		v.opened = true
		return v, nil
	}
	text, err := s.open(ctx, state)
	if err != nil {
		return View{}, err
	}
	if err := s.deps.Reveals.Revealed(by, resource, int64(state.Version)); err != nil {
		return View{}, err
	}
	v.revealed, v.opened = text, true
	return v, nil
}
