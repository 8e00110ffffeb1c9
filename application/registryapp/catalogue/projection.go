package catalogue

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// The services of one step, and their instances except where a single service has more, so
// that it is short.
const (
	publishLimit     = 100
	publishInstances = 5000
)

// publishedService is a service as it was put into the directory.
type publishedService struct {
	id, generation int64
	// due is when it is to be put again, by the stopwatch.
	due time.Duration
}

// Projection puts the catalogue into a directory.
type Projection struct {
	catalogue *Catalogue
	directory registry.Directory
	ttl       time.Duration

	mu       sync.Mutex
	services map[string]publishedService
	// purges is the catalogue's counter up to which services is correct.
	purges int64
}

// NewProjection returns a projection into a directory, whose entries live for the TTL. A
// nil directory is none.
func NewProjection(c *Catalogue, d registry.Directory, ttl time.Duration) *Projection {
	return &Projection{catalogue: c, directory: d, ttl: ttl}
}

// Publish makes one step of putting services into the directory: some of those that
// changed, or are half as old as an entry lives. It reports whether there are
// more. While another replica is elected, or without a directory, it does nothing.
func (p *Projection) Publish(ctx context.Context, elected bool) (more bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.directory == nil || !elected {
		p.services = nil
		return false, nil
	}
	if purges := p.catalogue.Purges(); purges != p.purges {
		p.purges = purges
		maps.DeleteFunc(p.services, func(name string, _ publishedService) bool { return p.catalogue.Find(name) == nil })
	}
	now := p.catalogue.stopwatch.Elapsed()
	entries, generations, more, err := p.unpublished(now)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	lost, err := p.directory.PutServices(ctx, p.ttl, entries...)
	if lost || p.services == nil {
		p.services = map[string]publishedService{}
	}
	if err != nil {
		return false, err
	}
	for i, e := range entries {
		p.services[e.Name] = publishedService{id: e.ID, generation: generations[i], due: now + p.ttl/2}
	}
	return lost || more, nil
}

// unpublished returns the services of a step with their generations, and whether there
// may be more.
func (p *Projection) unpublished(
	now time.Duration,
) (entries []registry.Entry, generations []int64, more bool, err error) {
	instances := 0
	p.catalogue.Each(func(service *Service) bool {
		service.mu.RLock()
		defer service.mu.RUnlock()
		before, found := p.services[service.state.Name.String()]
		same := found && before.id == int64(service.state.ID) && before.generation == service.state.Generation
		if same && (now < before.due || service.state.Deleted) {
			return true
		}
		var entry registry.Entry
		if entry, err = entryOf(&service.state); err == nil {
			entry.Instances = service.entryInstances()
			instances += len(entry.Instances)
			entries, generations = append(entries, entry), append(generations, service.state.Generation)
		}
		more = len(entries) == publishLimit || instances >= publishInstances
		return err == nil && !more
	})
	return entries, generations, more, err
}

// entryInstances describes the instances, unless the service is deregistered.
func (s *Service) entryInstances() []registry.EntryInstance {
	if !s.state.Usable() {
		return nil
	}
	var list []registry.EntryInstance
	for _, sameID := range s.instances {
		for _, i := range sameID {
			if i.Damaged {
				continue
			}
			list = append(list, registry.EntryInstance{
				Ref: i.Ref(), Status: i.Observed(), URL: i.Address.Base(), Leased: i.Leased(),
			})
		}
	}
	return list
}

// entryOf describes a service as the registry's JSON does.
func entryOf(s *registry.State) (registry.Entry, error) {
	e := registry.Entry{
		Name: s.Name.String(), ID: int64(s.ID), Version: int64(s.Version),
		Active: s.Tally.Total > 0, Healthy: s.Status == registry.Healthy,
	}
	if !s.Usable() {
		e.Active, e.Healthy = false, false
		return e, nil
	}
	info := map[string]any{
		"id": int64(s.ID), "service_name": e.Name, "service_url": s.URL.String(), "health_check_url": nil,
		"status": s.Status.String(), "metadata": json.RawMessage(s.Metadata.JSON()), "version": e.Version,
		"registered_at": s.CreatedAt.Format(time.RFC3339Nano), "updated_at": s.UpdatedAt.Format(time.RFC3339Nano),
	}
	if !s.HealthCheck.IsZero() {
		info["health_check_url"] = s.HealthCheck.String()
	}
	var err error
	if e.Info, err = json.Marshal(info); err != nil {
		return e, fmt.Errorf("describe a service: %w", err)
	}
	return e, nil
}
