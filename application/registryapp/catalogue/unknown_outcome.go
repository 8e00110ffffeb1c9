package catalogue

import (
	"slices"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Invalidate makes the next Refresh load a service completely, because the outcome of a
// write is unknown. Discovery serves the cached state meanwhile.
func (c *Catalogue) Invalidate(name string) {
	if s := c.Find(name); s != nil {
		s.invalidate()
	}
}

// InvalidateOther invalidates a service whose cached version was made by another event
// than the feed's.
func (c *Catalogue) InvalidateOther(change ports.Change) {
	c.mu.Lock()
	s := c.byID[registry.ID(change.AggregateID)]
	c.mu.Unlock()
	if s == nil {
		return
	}
	s.mu.RLock()
	cached := s.state.Lifecycle
	s.mu.RUnlock()
	if int64(cached.Version) == change.AggregateVersion && scope.Differ(cached.Event, change.EventID) {
		s.invalidate()
	}
}

func (s *Service) invalidate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invalid, s.complete, s.savedSince = true, 0, 0
}

// reset replaces the state by the store's, and removes instances that the store does not
// have.
func (s *Service) reset(state registry.State, instances []*registry.Instance) {
	s.invalid, s.state, s.compacted = false, state, 0
	living := make(map[registry.Ref]bool, len(instances))
	for _, i := range instances {
		living[i.Ref()] = true
	}
	for _, cached := range slices.Collect(s.instances.all()) {
		if living[cached.Ref()] || cached.Removed {
			s.instances.put(cachedInstance{Instance: cached.Instance})
			continue
		}
		s.remove(cached.Instance, 0)
	}
}
