package registryapp

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// Refresh loads the services that were changed elsewhere. Discovery is possible from the
// first success on. After an error the catalogue stays as it is; Staleness returns its
// age.
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
	cached := s.catalogue.ids()
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
			// Purged meanwhile; the next Refresh removes it.
			continue
		}
		if err != nil {
			return err
		}
		s.catalogue.putLoaded(found, complete)
	}
	s.catalogue.purge(cached, generations, purged)
	return nil
}

// Staleness returns for how long refreshes, or the expiry of leases, have failed; 0
// while both succeed.
func (s *Service) Staleness() time.Duration {
	now := s.deps.Stopwatch.Elapsed()
	return max(s.catalogue.confirmation.Outage(now), s.expirer.confirmation.Outage(now))
}

// ids returns the ids of all services.
func (c *catalogue) ids() []registry.ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.byID))
}

// purge removes those of the services cached before that the store no longer has, and
// records their part of the pulse.
func (c *catalogue) purge(cached []registry.ID, generations map[registry.ID]int64, purged int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range cached {
		if _, exists := generations[id]; exists {
			continue
		}
		if s := c.byID[id]; s != nil {
			c.remove(s)
		}
	}
	c.purged = max(c.purged, purged)
}

// pulse returns the sum of the complete generations, to compare with Source.Pulse.
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

// complete returns the generation up to which no change of a service is missing.
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
