package configapp

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// readPresent returns what stands, from memory where that may be relied upon.
func (s *Service) readPresent(ctx context.Context, by access.Caller, in Read) (View, error) {
	at := configuration.Locator{Environment: in.Environment, Service: in.ServiceName, Key: in.Key}
	h := s.memory.Recall(at)
	if h != nil && lives(h) && h.Value.Version >= in.MinVersion {
		return s.show(ctx, by, h)
	}
	identity, err := s.parseIdentity(in.Environment, in.ServiceName, in.Key)
	if err != nil {
		return View{}, err
	}
	if err := by.Require(access.ReadConfiguration, resourceOf(identity)); err != nil {
		return View{}, err
	}
	var stale time.Duration
	if h == nil || h.Value.Version < in.MinVersion {
		if h, stale, err = s.memory.Load(ctx, at, int64(in.MinVersion), s.loader(identity)); err != nil {
			return View{}, err
		}
	}
	if !lives(h) {
		return View{Stale: stale}, configuration.ErrNotFound
	}
	if h.Value.Version < in.MinVersion {
		return View{}, scope.StaleAt(h.Value.Version)
	}
	v, err := s.show(ctx, by, h)
	v.Stale = stale
	return v, err
}

// lives reports whether there is a configuration. One that was deleted has a version.
func lives(h *Entry) bool { return h.Version > 0 && !h.Value.Deleted }

// show returns what is held as one caller sees it.
func (s *Service) show(ctx context.Context, by access.Caller, h *Entry) (View, error) {
	if err := by.Require(access.ReadConfiguration, resourceOf(h.Value.Identity)); err != nil {
		return View{}, err
	}
	v, err := s.viewFor(ctx, by, h.Value)
	if err == nil && !v.opened {
		v.Prepared = &h.Prepared
	}
	return v, err
}
