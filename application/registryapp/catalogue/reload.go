package catalogue

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// Reload replaces all services by those of the store. After a restore the store has less
// than was cached, and generations continue from there.
func (c *Catalogue) Reload(ctx context.Context) error {
	generations, purged, err := c.source.Generations(ctx)
	if err != nil {
		return err
	}
	found := make([]*registry.Service, 0, len(generations))
	for id := range generations {
		service, err := c.source.Since(ctx, id, 0)
		if err != nil {
			return err
		}
		found = append(found, service)
	}
	c.replace(found, purged)
	return nil
}

// replace replaces all services. What this process saves meanwhile is loaded by the next
// Refresh.
func (c *Catalogue) replace(found []*registry.Service, purged int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID, c.purged = map[registry.ID]*Service{}, purged
	c.serviceCount.Store(0)
	c.instanceCount.Store(0)
	c.metadataBytes.Store(0)
	stored := map[string]bool{}
	for _, service := range found {
		state := service.State()
		cached := newService(state.Name, state.ID)
		cached.merge(state, state.Generation, service.Instances())
		cached.complete = state.Generation
		c.recount(cached)
		c.byID[state.ID] = cached
		c.services.Store(state.Name.String(), cached)
		stored[state.Name.String()] = true
	}
	c.services.Range(func(name, _ any) bool {
		if n, _ := name.(string); !stored[n] {
			c.services.Delete(name)
		}
		return true
	})
	c.changes.Add(1)
}
