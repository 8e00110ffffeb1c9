package registryapp

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// catalogue holds all services in memory, as the store has them and as this
// process has written them since. The zero value is ready and empty.
type catalogue struct {
	// shelves are by the names of services.
	shelves sync.Map
	// byID holds the same shelves; mu guards it, and refreshes.
	mu   sync.Mutex
	byID map[registry.ID]*shelf
	// confirmation is of refreshes.
	confirmation freshness.Confirmation
	// changes counts what was taken in, purges the times that services were forgotten.
	changes, purges atomic.Int64
	// purged is what purged services have left of the pulse; mu guards it.
	purged int64
	// services, all and metadata are how large the registry is.
	services, all, metadata atomic.Int64
}

// View is the instances of a service in one environment as they stood together,
// in the order of their ids. It is never changed.
type View struct {
	// Prepared and PreparedReady are for what others make of the view, of all that is
	// listed and of what is ready. They go with it.
	Prepared, PreparedReady atomic.Value

	Service     registry.State
	Environment scope.Environment
	Instances   []*registry.Instance
	// Protected says that preservation holds instances, or would.
	Protected bool
}

func (c *catalogue) find(name string) *shelf {
	if found, ok := c.shelves.Load(name); ok {
		return found.(*shelf) //nolint:errcheck,forcetypeassert // only shelves are stored
	}
	return nil
}

// each shows every shelf until show returns false.
func (c *catalogue) each(show func(*shelf) bool) {
	c.shelves.Range(func(_, v any) bool {
		return show(v.(*shelf)) //nolint:errcheck,forcetypeassert // only shelves are stored
	})
}

// instance returns an instance that lives, or nil.
func (c *catalogue) instance(key registry.Key) *registry.Instance {
	return c.find(key.Service.String()).instance(key.Ref)
}

// recall returns a service as it is in memory, with the instances of an edition
// that live, or nil where memory is known to be behind.
func (c *catalogue) recall(e edition) *registry.Service {
	s := c.find(e.name.String())
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.doubted || s.state.ID == 0 || s.state.Damaged || s.complete != s.state.Generation {
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

// Staleness returns for how long the store could not be asked whether services
// have changed, or the lease store which leases have ended; 0 while both can.
func (s *Service) Staleness() time.Duration {
	now := s.deps.Stopwatch.Elapsed()
	return max(s.catalogue.confirmation.Outage(now), s.sweeper.confirmation.Outage(now))
}

// fails reports whether err is target.
func fails(err, target error) bool { return errors.Is(err, target) }
