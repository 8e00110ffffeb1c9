package registryapp

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// exhibit is a service as the directory shows it.
type exhibit struct {
	version scope.Version
	// until is when it is to be shown again, by the stopwatch.
	until time.Duration
}

// exhibit shows the services that changed, and those that have not been shown for
// half as long as they are.
func (s *Service) exhibit(ctx context.Context) error {
	if s.deps.Directory == nil {
		return nil
	}
	w, now := &s.sweeper, s.deps.Stopwatch.Elapsed()
	if w.shown == nil {
		w.shown = map[string]exhibit{}
	}
	var entries []registry.Entry
	var err error
	s.catalogue.each(func(known *shelf) bool {
		known.mu.RLock()
		defer known.mu.RUnlock()
		name := known.state.Name.String()
		before, shown := w.shown[name]
		if shown && before.version == known.state.Version && (now < before.until || known.state.Deleted) {
			return true
		}
		var entry registry.Entry
		if entry, err = entryOf(&known.state); err == nil {
			entries = append(entries, entry)
		}
		return err == nil && len(entries) < SweepLimit
	})
	if err != nil || len(entries) == 0 {
		return err
	}
	if err := s.deps.Directory.Show(ctx, s.deps.ShownFor, entries...); err != nil {
		return err
	}
	for _, e := range entries {
		w.shown[e.Name] = exhibit{version: scope.Version(e.Version), until: now + s.deps.ShownFor/2}
	}
	return nil
}

// entryOf describes a service as the registry's JSON does.
func entryOf(s *registry.State) (registry.Entry, error) {
	e := registry.Entry{
		Name: s.Name.String(), Version: int64(s.Version),
		Active: s.Tally.Total > 0, Healthy: s.Status == registry.Healthy,
	}
	if s.Deleted {
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
