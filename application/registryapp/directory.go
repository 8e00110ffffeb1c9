package registryapp

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// publishedService is a service as it was put into the directory.
type publishedService struct {
	id      int64
	version scope.Version
	// due is when it is to be put again, by the stopwatch.
	due time.Duration
}

// published is the content of the directory. Only PublishDirectory uses it.
type published struct {
	mu       sync.Mutex
	services map[string]publishedService
	// purges is the catalogue's counter up to which services is correct.
	purges int64
}

// PublishDirectory makes one step of putting services into the directory: at most
// ExpiryLimit of those that changed, or are half as old as an entry lives. It reports
// whether there are more. While another replica is elected, or without a
// directory, it does nothing.
func (s *Service) PublishDirectory(ctx context.Context) (more bool, err error) {
	p := &s.published
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.deps.Directory == nil || !s.expirer.elected.Load() {
		p.services = nil
		return false, nil
	}
	if purges := s.catalogue.purges.Load(); purges != p.purges {
		p.purges = purges
		maps.DeleteFunc(p.services, func(name string, _ publishedService) bool { return s.catalogue.find(name) == nil })
	}
	now := s.deps.Stopwatch.Elapsed()
	entries, err := s.unpublished(p.services, now)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	lost, err := s.deps.Directory.PutServices(ctx, s.deps.DirectoryTTL, entries...)
	if lost || p.services == nil {
		p.services = map[string]publishedService{}
	}
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		p.services[e.Name] = publishedService{
			id: e.ID, version: scope.Version(e.Version), due: now + s.deps.DirectoryTTL/2,
		}
	}
	return lost || len(entries) == ExpiryLimit, nil
}

// unpublished returns services that are to be put into the directory, at most
// ExpiryLimit.
func (s *Service) unpublished(
	published map[string]publishedService, now time.Duration,
) (entries []registry.Entry, err error) {
	s.catalogue.each(func(service *cachedService) bool {
		service.mu.RLock()
		defer service.mu.RUnlock()
		before, found := published[service.state.Name.String()]
		same := found && before.id == int64(service.state.ID) && before.version == service.state.Version
		if same && (now < before.due || service.state.Deleted) {
			return true
		}
		var entry registry.Entry
		if entry, err = entryOf(&service.state); err == nil {
			entries = append(entries, entry)
		}
		return err == nil && len(entries) < ExpiryLimit
	})
	return entries, err
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
