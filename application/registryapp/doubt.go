package registryapp

import (
	"slices"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// doubt makes the next Refresh load a service as a whole, because a write of it has an
// unknown outcome. Discovery goes on with what is held.
func (c *catalogue) doubt(name string) {
	if s := c.find(name); s != nil {
		s.doubt()
	}
}

// compare doubts a service of which memory holds the version that a change made, by
// another event.
func (c *catalogue) compare(change ports.Change) {
	c.mu.Lock()
	s := c.byID[registry.ID(change.AggregateID)]
	c.mu.Unlock()
	if s == nil {
		return
	}
	s.mu.RLock()
	held := s.state.Lifecycle
	s.mu.RUnlock()
	if int64(held.Version) == change.AggregateVersion && scope.Differ(held.Event, change.EventID) {
		s.doubt()
	}
}

func (s *shelf) doubt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubted, s.complete, s.since = true, 0, 0
}

// replace makes what the store has the only thing that is known: what it does not have
// is gone.
func (s *shelf) replace(state registry.State, instances []*registry.Instance) {
	s.doubted, s.state, s.forgotten = false, state, 0
	living := make(map[registry.Ref]bool, len(instances))
	for _, i := range instances {
		living[i.Ref()] = true
	}
	for _, held := range slices.Collect(s.instances.all()) {
		if living[held.Ref()] || held.Removed {
			s.instances.put(placed{Instance: held.Instance})
			continue
		}
		gone := *held.Instance
		gone.Removed, gone.Held = true, false
		s.set(&gone, 0)
	}
}
