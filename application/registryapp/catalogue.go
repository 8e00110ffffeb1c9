package registryapp

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// catalogue caches all services, with what this process has saved since the last
// refresh. The zero value is ready and empty.
type catalogue struct {
	// services has a *cachedService for each name.
	services sync.Map
	// byID has the same services; mu guards it and purged.
	mu   sync.Mutex
	byID map[registry.ID]*cachedService
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

func (c *catalogue) find(name string) *cachedService {
	if found, ok := c.services.Load(name); ok {
		return found.(*cachedService) //nolint:errcheck,forcetypeassert // the map has no other type
	}
	return nil
}

// each calls visit with every service until it returns false.
func (c *catalogue) each(visit func(*cachedService) bool) {
	c.services.Range(func(_, v any) bool {
		return visit(v.(*cachedService)) //nolint:errcheck,forcetypeassert // the map has no other type
	})
}

// instance returns an instance that lives, or nil.
func (c *catalogue) instance(key registry.Key) *registry.Instance {
	return c.find(key.Service.String()).instance(key.Ref)
}

// recall returns the cached service with the living instances of an edition, or nil
// where changes are missing.
func (c *catalogue) recall(e edition) *registry.Service {
	s := c.find(e.name.String())
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.invalid || s.state.ID == 0 || s.state.Damaged || s.complete != s.state.Generation {
		return nil
	}
	var instances []*registry.Instance
	for _, id := range e.instances {
		for _, i := range s.instances[id] {
			instances = append(instances, i.Instance)
		}
	}
	return registry.Rehydrate(s.state, instances...)
}

// ensure returns the cached service of a state, and adds an empty one where there is
// none. Of two services that had the name after each other the later one is cached.
func (c *catalogue) ensure(state registry.State) *cachedService {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.find(state.Name.String())
	switch {
	case s != nil && s.id == state.ID:
		return s
	case s != nil && s.id > state.ID:
		return newCachedService(state.Name, state.ID)
	case s != nil:
		c.remove(s)
	}
	s = newCachedService(state.Name, state.ID)
	c.services.Store(state.Name.String(), s)
	if c.byID == nil {
		c.byID = map[registry.ID]*cachedService{}
	}
	c.byID[state.ID] = s
	return s
}

// remove removes a service.
func (c *catalogue) remove(s *cachedService) {
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
func (c *catalogue) recount(s *cachedService) {
	size := s.currentSize()
	more := size.Minus(s.counted)
	s.counted = size
	c.serviceCount.Add(int64(more.Services))
	c.instanceCount.Add(int64(more.Instances))
	c.metadataBytes.Add(int64(more.MetadataBytes))
}

// size returns the size of the registry.
func (c *catalogue) size() registry.Size {
	return registry.Size{
		Services: int(c.serviceCount.Load()), Instances: int(c.instanceCount.Load()),
		MetadataBytes: int(c.metadataBytes.Load()),
	}
}

// update changes a cached service.
func (c *catalogue) update(state registry.State, change func(*cachedService)) {
	s := c.ensure(state)
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
	s.compact()
	if c.find(s.name.String()) == s {
		c.recount(s)
	}
	c.changes.Add(1)
}

// putSaved caches what this process has just saved.
func (c *catalogue) putSaved(state registry.State, saved registry.Unsaved) {
	c.update(state, func(s *cachedService) {
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
func (c *catalogue) putLoaded(found *registry.Service, since int64) {
	state := found.State()
	c.update(state, func(s *cachedService) {
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

// putFound caches some instances of a service that were read beside Refresh.
func (c *catalogue) putFound(found *registry.Service) {
	state := found.State()
	c.update(state, func(s *cachedService) { s.merge(state, state.Generation, found.Instances()) })
}

// fails reports whether err is target.
func fails(err, target error) bool { return errors.Is(err, target) }
