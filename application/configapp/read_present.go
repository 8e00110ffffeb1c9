package configapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// readPresent returns what stands, from memory where that may be relied upon.
func (s *Service) readPresent(ctx context.Context, by access.Caller, in Read) (View, error) {
	at := Place{Environment: in.Environment, Service: in.ServiceName, Key: in.Key}
	if h := s.recall(at); h != nil && !h.none() && h.state.Version >= in.MinVersion {
		return s.show(ctx, by, h)
	}
	identity, err := s.parseIdentity(in.Environment, in.ServiceName, in.Key)
	if err != nil {
		return View{}, err
	}
	if err := by.Require(access.ReadConfiguration, resourceOf(identity)); err != nil {
		return View{}, err
	}
	h := s.recall(at)
	var stale View
	if h == nil || h.state.Version < in.MinVersion {
		if h, stale.Stale, err = s.present(ctx, at, identity); err != nil {
			return View{}, err
		}
	}
	if h.none() {
		return View{Stale: stale.Stale}, configuration.ErrNotFound
	}
	if h.state.Version < in.MinVersion {
		return View{}, scope.StaleAt(h.state.Version)
	}
	v, err := s.show(ctx, by, h)
	v.Stale = stale.Stale
	return v, err
}

// show returns what is held as one caller sees it.
func (s *Service) show(ctx context.Context, by access.Caller, h *Held) (View, error) {
	if err := by.Require(access.ReadConfiguration, resourceOf(h.state.Identity)); err != nil {
		return View{}, err
	}
	v, err := s.viewFor(ctx, by, h.state)
	if err == nil && !v.opened {
		v.Prepared = &h.prepared
	}
	return v, err
}
