package catalogue

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// Refresh loads the services that were changed elsewhere. After an error the catalogue
// stays as it is.
func (c *Catalogue) Refresh(ctx context.Context) error {
	began := c.stopwatch.Elapsed()
	err := c.refresh(ctx)
	c.confirmation.Record(began, err)
	return err
}

// Ready reports whether a Refresh has succeeded.
func (c *Catalogue) Ready() bool { return c.confirmation.Ever() }

// Failing reports whether the last Refresh failed.
func (c *Catalogue) Failing() bool { return c.confirmation.Failing() }

// Outage returns for how long refreshes have failed; 0 while they succeed.
func (c *Catalogue) Outage() time.Duration { return c.confirmation.Outage(c.stopwatch.Elapsed()) }

func (c *Catalogue) refresh(ctx context.Context) error {
	pulse, err := c.source.Pulse(ctx)
	if err != nil {
		return err
	}
	if c.confirmation.Ever() && c.pulse() == pulse {
		return nil
	}
	cached := c.ids()
	generations, purged, err := c.source.Generations(ctx)
	if err != nil {
		return err
	}
	for id, generation := range generations {
		complete := c.complete(id)
		if complete >= generation {
			continue
		}
		found, err := c.source.Since(ctx, id, complete)
		if errors.Is(err, registry.ErrNotFound) {
			// Purged meanwhile; the next Refresh removes it.
			continue
		}
		if err != nil {
			return err
		}
		c.putLoaded(found, complete)
	}
	c.purge(cached, generations, purged)
	return nil
}

// ids returns the ids of all services.
func (c *Catalogue) ids() []registry.ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.byID))
}

// purge removes those of the services cached before that the store no longer has, and
// records their part of the pulse.
func (c *Catalogue) purge(cached []registry.ID, generations map[registry.ID]int64, purged int64) {
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
func (c *Catalogue) pulse() int64 {
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
func (c *Catalogue) complete(id registry.ID) int64 {
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
