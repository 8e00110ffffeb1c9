package configapp

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/signalbox-hq/signalbox/application/readthrough"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Entry is a cached configuration.
type Entry = readthrough.Entry[configuration.State]

// size is about how many bytes a cached state takes, with its prepared response.
func size(s configuration.State) int {
	description, _ := s.Description.Text()
	return 3*len(s.Content.Stored().Reveal()) + 2*len(description)
}

// Apply invalidates changed configurations; all where a change does not name one.
func (s *Service) Apply(_ context.Context, changes []ports.Change) error {
	for _, c := range changes {
		if c.AggregateType != configuration.AggregateType {
			continue
		}
		var data struct {
			Key string `json:"key"`
		}
		if json.Unmarshal(c.Data, &data) != nil || data.Key == "" || c.AggregateVersion < 1 {
			s.cache.Clear()
			continue
		}
		at := configuration.Locator{Environment: c.Environment, Service: c.ServiceName, Key: data.Key}
		s.cache.Changed(at, c.AggregateVersion, c.Revision, c.EventID)
	}
	return nil
}

// Resync invalidates all configurations.
func (s *Service) Resync(context.Context) error {
	s.cache.Clear()
	return nil
}

// loader queries the store for a configuration.
func (s *Service) loader(identity configuration.Identity) readthrough.Loader[configuration.State] {
	return func(ctx context.Context) (configuration.State, int64, error) {
		c, err := s.deps.Configurations.FindByIdentity(ctx, identity)
		if errors.Is(err, configuration.ErrNotFound) {
			return configuration.State{Identity: identity}, 0, nil
		}
		if err != nil {
			return configuration.State{}, 0, err
		}
		return c.State(), int64(c.Version()), c.Damage()
	}
}

// readPresent returns the current state, from the cache where that is fresh.
func (s *Service) readPresent(ctx context.Context, by access.Caller, in Read) (View, error) {
	at := configuration.Locator{Environment: in.Environment, Service: in.ServiceName, Key: in.Key}
	h := s.cache.Recall(at)
	if h != nil && lives(h) && h.Value.Version >= in.MinVersion {
		v, err := s.show(ctx, by, in, h)
		return s.orReload(ctx, by, in, v, err)
	}
	identity, err := s.parseIdentity(in.Environment, in.ServiceName, in.Key)
	if err != nil {
		return View{}, err
	}
	if err := by.RequireSight(access.ReadConfiguration, resourceOf(identity), configuration.ErrNotFound); err != nil {
		return View{}, err
	}
	var stale time.Duration
	if h == nil || h.Value.Version < in.MinVersion {
		if h, stale, err = s.cache.Load(ctx, at, int64(in.MinVersion), s.loader(identity)); err != nil {
			return View{}, err
		}
	}
	if !lives(h) {
		return View{Stale: stale}, configuration.ErrNotFound
	}
	if h.Value.Version < in.MinVersion {
		return View{}, scope.StaleAt(h.Value.Version)
	}
	v, err := s.show(ctx, by, in, h)
	if v, err = s.orReload(ctx, by, in, v, err); err == nil {
		v.Stale = stale
	}
	return v, err
}

// orReload returns what was shown of a cached entry. Where its token could not be opened it
// is loaded from the store once more: a cache may have the token of a retired key, or one from
// before tokens were bound.
func (s *Service) orReload(ctx context.Context, by access.Caller, in Read, v View, err error) (View, error) {
	if !errors.Is(err, ports.ErrDecryptionFailed) && !errors.Is(err, ports.ErrTokenTampered) {
		return v, err
	}
	identity, parseErr := s.parseIdentity(in.Environment, in.ServiceName, in.Key)
	if parseErr != nil {
		return v, err
	}
	at := configuration.Locator{Environment: in.Environment, Service: in.ServiceName, Key: in.Key}
	s.cache.Invalidate(ctx, at)
	h, _, loadErr := s.cache.Load(ctx, at, 1, s.loader(identity))
	if loadErr != nil || !lives(h) {
		return v, err
	}
	v, err = s.show(ctx, by, in, h)
	return v, s.noted(by, h.Value, err)
}

// lives reports whether there is a configuration. A deleted one has a version.
func lives(h *Entry) bool { return h.Version > 0 && !h.Value.Deleted }

// show returns a cached entry as a view for one caller.
func (s *Service) show(ctx context.Context, by access.Caller, in Read, h *Entry) (View, error) {
	resource := resourceOf(h.Value.Identity)
	if err := by.RequireSight(access.ReadConfiguration, resource, configuration.ErrNotFound); err != nil {
		return View{}, err
	}
	v, err := s.viewFor(ctx, by, h.Value, in.Unsent)
	if err == nil && !v.opened {
		v.Prepared = &h.Prepared
	}
	return v, err
}
