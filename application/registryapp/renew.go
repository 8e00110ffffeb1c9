package registryapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// Resync forgets what is in memory and takes in what the store has: after a restore
// that is less than was known, and generations start over from there.
func (s *Service) Resync(ctx context.Context) error {
	if s.catalogue.confirmation.Ever() {
		if err := s.reload(ctx); err != nil {
			return err
		}
	}
	return s.Refresh(ctx)
}

func (s *Service) reload(ctx context.Context) error {
	generations, purged, err := s.deps.Source.Generations(ctx)
	if err != nil {
		return err
	}
	found := make([]*registry.Service, 0, len(generations))
	for id := range generations {
		service, err := s.deps.Source.Since(ctx, id, 0)
		if err != nil {
			return err
		}
		found = append(found, service)
	}
	s.catalogue.replace(found, purged)
	s.sweeper.renewed.Store(true)
	return nil
}

// replace makes services all that is known. What this process saves meanwhile is
// found again by the next Refresh.
func (c *catalogue) replace(found []*registry.Service, purged int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID, c.purged = map[registry.ID]*shelf{}, purged
	c.services.Store(0)
	c.all.Store(0)
	c.metadata.Store(0)
	stored := map[string]bool{}
	for _, service := range found {
		state := service.State()
		fresh := newShelf(state.Name, state.ID)
		fresh.take(state, state.Generation, service.Instances())
		fresh.complete = state.Generation
		c.count(fresh)
		c.byID[state.ID] = fresh
		c.shelves.Store(state.Name.String(), fresh)
		stored[state.Name.String()] = true
	}
	c.shelves.Range(func(name, _ any) bool {
		if text, _ := name.(string); !stored[text] {
			c.shelves.Delete(name)
		}
		return true
	})
	c.changes.Add(1)
}
