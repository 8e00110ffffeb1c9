package registryapp

import (
	"context"
	"maps"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// shelf returns the shelf of a service, which is made where there is none. Where
// another service has had the name before, it is the one that came last.
func (c *catalogue) shelf(state registry.State) *shelf {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.find(state.Name.String())
	switch {
	case s != nil && s.id == state.ID:
		return s
	case s != nil && s.id > state.ID:
		return newShelf(state.Name, state.ID)
	case s != nil:
		c.remove(s)
	}
	s = newShelf(state.Name, state.ID)
	c.shelves.Store(state.Name.String(), s)
	if c.byID == nil {
		c.byID = map[registry.ID]*shelf{}
	}
	c.byID[state.ID] = s
	return s
}

// remove forgets a service. What is read of it from now on comes from nowhere.
func (c *catalogue) remove(s *shelf) {
	delete(c.byID, s.id)
	c.shelves.CompareAndDelete(s.name.String(), s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Deleted, s.views = true, nil
	c.count(s)
	c.changes.Add(1)
	c.purges.Add(1)
}

// count counts a service anew, whose lock is held.
func (c *catalogue) count(s *shelf) {
	now := s.present()
	more := now.Minus(s.counted)
	s.counted = now
	c.services.Add(int64(more.Services))
	c.all.Add(int64(more.Instances))
	c.metadata.Add(int64(more.MetadataBytes))
}

// size returns how large the registry is.
func (c *catalogue) size() registry.Size {
	return registry.Size{
		Services: int(c.services.Load()), Instances: int(c.all.Load()), MetadataBytes: int(c.metadata.Load()),
	}
}

// update changes what is held of a service.
func (c *catalogue) update(state registry.State, change func(*shelf)) {
	s := c.shelf(state)
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
	s.forget()
	if c.find(s.name.String()) == s {
		c.count(s)
	}
	c.changes.Add(1)
}

// put takes in what this process has just saved.
func (c *catalogue) put(state registry.State, saved registry.Unsaved) {
	c.update(state, func(s *shelf) {
		if saved.Dropped {
			s.keep(state.Generation, nil)
		}
		s.take(state, state.Generation, saved.Instances)
		if s.doubted {
			s.since = state.Generation
		} else if !saved.Empty() && s.complete == saved.Base {
			s.complete = state.Generation
		}
	})
}

// load takes in what the store has had since a generation, as Source.Since returns it.
func (c *catalogue) load(found *registry.Service, since int64) {
	state := found.State()
	c.update(state, func(s *shelf) {
		if s.doubted {
			if since > 0 || state.Generation < s.since {
				return
			}
			s.replace(state, found.Instances())
		} else if since == 0 || since < state.Purged {
			s.keep(state.Generation, found.Instances())
		}
		s.take(state, state.Generation, found.Instances())
		s.complete = max(s.complete, state.Generation)
	})
}

// look takes in what was read of the store beside Refresh: some of the instances.
func (c *catalogue) look(found *registry.Service) {
	state := found.State()
	c.update(state, func(s *shelf) { s.take(state, state.Generation, found.Instances()) })
}

// Refresh asks the store whether services were changed elsewhere, and takes in
// what was. The first one that succeeds makes discovery possible. An error leaves
// the memory as it is; Staleness tells since when.
func (s *Service) Refresh(ctx context.Context) error {
	began := s.deps.Stopwatch.Elapsed()
	err := s.refresh(ctx)
	s.catalogue.confirmation.Record(began, err)
	return err
}

func (s *Service) refresh(ctx context.Context) error {
	pulse, err := s.deps.Source.Pulse(ctx)
	if err != nil {
		return err
	}
	if s.catalogue.confirmation.Ever() && s.catalogue.pulse() == pulse {
		return nil
	}
	held := s.catalogue.ids()
	generations, purged, err := s.deps.Source.Generations(ctx)
	if err != nil {
		return err
	}
	for id, generation := range generations {
		complete := s.catalogue.complete(id)
		if complete >= generation {
			continue
		}
		found, err := s.deps.Source.Since(ctx, id, complete)
		if fails(err, registry.ErrNotFound) {
			// Purged since; the next Refresh sees that.
			continue
		}
		if err != nil {
			return err
		}
		s.catalogue.load(found, complete)
	}
	s.catalogue.purge(held, generations, purged)
	return nil
}

// ids returns the ids of all services.
func (c *catalogue) ids() []registry.ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.byID))
}

// purge forgets those of the services held before that the store has no more, and
// takes in what they have left of the pulse.
func (c *catalogue) purge(held []registry.ID, generations map[registry.ID]int64, purged int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range held {
		if _, kept := generations[id]; kept {
			continue
		}
		if s := c.byID[id]; s != nil {
			c.remove(s)
		}
	}
	c.purged = max(c.purged, purged)
}

// pulse returns the sum of the generations up to which nothing is missing.
func (c *catalogue) pulse() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := c.purged
	for _, s := range c.byID {
		s.mu.RLock()
		sum += s.complete
		s.mu.RUnlock()
	}
	return sum
}

func (c *catalogue) complete(id registry.ID) int64 {
	c.mu.Lock()
	s := c.byID[id]
	c.mu.Unlock()
	if s == nil {
		return 0
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.complete
}
