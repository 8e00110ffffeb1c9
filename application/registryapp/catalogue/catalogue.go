package catalogue

import (
	"sync"
	"sync/atomic"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Catalogue caches all services, with what this process has saved since the last
// Refresh. It is safe for concurrent use; reads of a cached service take its own lock
// alone.
type Catalogue struct {
	source    registry.Source
	stopwatch ports.Stopwatch
	// services has a *Service for each name.
	services sync.Map
	// byID has the same services; mu guards it and purged.
	mu   sync.Mutex
	byID map[registry.ID]*Service
	// confirmation is of refreshes.
	confirmation freshness.Confirmation
	// changes counts updates, purges the services that were removed.
	changes, purges atomic.Int64
	// purged is the part of purged services in the pulse.
	purged int64
	// serviceCount, instanceCount and metadataBytes are the totals of the registry.
	serviceCount, instanceCount, metadataBytes atomic.Int64
}

// View is the instances of a service in one environment at one moment, in the order of
// their ids. It never changes.
type View struct {
	// Prepared and PreparedReady are responses made of the view: of all instances that
	// are listed and of those that are ready.
	Prepared, PreparedReady atomic.Pointer[ports.Representation]

	Service     registry.State
	Environment scope.Environment
	Instances   []*registry.Instance
	// Protected says that self-preservation holds instances, or would.
	Protected bool
}

// New returns an empty catalogue of the services in a source.
func New(source registry.Source, stopwatch ports.Stopwatch) *Catalogue {
	return &Catalogue{source: source, stopwatch: stopwatch}
}

// Find returns the cached service of a name, or nil.
func (c *Catalogue) Find(name string) *Service {
	if found, ok := c.services.Load(name); ok {
		return found.(*Service) //nolint:errcheck,forcetypeassert // the map has no other type
	}
	return nil
}

// Each calls visit with every service until it returns false.
func (c *Catalogue) Each(visit func(*Service) bool) {
	c.services.Range(func(_, v any) bool {
		return visit(v.(*Service)) //nolint:errcheck,forcetypeassert // the map has no other type
	})
}

// Instance returns an instance that lives, or nil.
func (c *Catalogue) Instance(key registry.Key) *registry.Instance {
	return c.Find(key.Service.String()).Instance(key.Ref)
}

// Recall returns the aggregate of a cached service with the living instances of some ids,
// or nil where changes are missing.
func (c *Catalogue) Recall(name scope.ServiceName, ids []registry.InstanceID) *registry.Service {
	s := c.Find(name.String())
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.invalid || s.state.ID == 0 || s.state.Damaged || s.complete != s.state.Generation {
		return nil
	}
	var instances []*registry.Instance
	for _, id := range ids {
		for _, i := range s.instances[id] {
			instances = append(instances, i.Instance)
		}
	}
	return registry.Rehydrate(s.state, instances...)
}

// ensure returns the cached service of a state, and adds an empty one where there is
// none. Of two services that had the name after each other the later one is cached.
func (c *Catalogue) ensure(state registry.State) *Service {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.Find(state.Name.String())
	switch {
	case s != nil && s.id == state.ID:
		return s
	case s != nil && s.id > state.ID:
		return newService(state.Name, state.ID)
	case s != nil:
		c.remove(s)
	}
	s = newService(state.Name, state.ID)
	c.services.Store(state.Name.String(), s)
	if c.byID == nil {
		c.byID = map[registry.ID]*Service{}
	}
	c.byID[state.ID] = s
	return s
}

// remove removes a service.
func (c *Catalogue) remove(s *Service) {
	delete(c.byID, s.id)
	c.services.CompareAndDelete(s.name.String(), s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Deleted, s.views = true, nil
	c.recount(s)
	c.changes.Add(1)
	c.purges.Add(1)
}

// recount updates the totals by a service, whose lock is held.
func (c *Catalogue) recount(s *Service) {
	size := s.currentSize()
	more := size.Minus(s.counted)
	s.counted = size
	c.serviceCount.Add(int64(more.Services))
	c.instanceCount.Add(int64(more.Instances))
	c.metadataBytes.Add(int64(more.MetadataBytes))
}

// Size returns the size of the registry.
func (c *Catalogue) Size() registry.Size {
	return registry.Size{
		Services: int(c.serviceCount.Load()), Instances: int(c.instanceCount.Load()),
		MetadataBytes: int(c.metadataBytes.Load()),
	}
}

// update changes a cached service.
func (c *Catalogue) update(state registry.State, change func(*Service)) {
	s := c.ensure(state)
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
	s.compact()
	if c.Find(s.name.String()) == s {
		c.recount(s)
	}
	c.changes.Add(1)
}

// Len returns how many services and instances are cached, including removed instances.
func (c *Catalogue) Len() (services, instances int) {
	c.Each(func(s *Service) bool {
		s.mu.RLock()
		defer s.mu.RUnlock()
		services++
		for range s.instances.all() {
			instances++
		}
		return true
	})
	return services, instances
}

// Changes returns a counter that each change of the catalogue raises.
func (c *Catalogue) Changes() int64 { return c.changes.Load() }

// Purges returns a counter that each removal of a service raises.
func (c *Catalogue) Purges() int64 { return c.purges.Load() }

// PutSaved caches what this process has just saved.
func (c *Catalogue) PutSaved(state registry.State, saved registry.Unsaved) {
	c.update(state, func(s *Service) {
		if saved.Dropped {
			s.retain(state.Generation, nil)
		}
		s.merge(state, state.Generation, saved.Instances)
		if s.invalid {
			s.savedSince = state.Generation
		} else if !saved.Empty() && s.complete == saved.Base {
			s.complete = state.Generation
		}
	})
}

// putLoaded caches what the store has had since a generation, as Source.Since returns
// it.
func (c *Catalogue) putLoaded(found *registry.Service, since int64) {
	state := found.State()
	c.update(state, func(s *Service) {
		if s.invalid {
			if since > 0 || state.Generation < s.savedSince {
				return
			}
			s.reset(state, found.Instances())
		} else if since == 0 || since < state.Purged {
			s.retain(state.Generation, found.Instances())
		}
		s.merge(state, state.Generation, found.Instances())
		s.complete = max(s.complete, state.Generation)
	})
}

// PutFound caches some instances of a service that were read beside Refresh.
func (c *Catalogue) PutFound(found *registry.Service) {
	state := found.State()
	c.update(state, func(s *Service) { s.merge(state, state.Generation, found.Instances()) })
}
