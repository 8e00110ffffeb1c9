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

// exhibit is a service as the directory shows it.
type exhibit struct {
	id      int64
	version scope.Version
	// until is when it is to be shown again, by the stopwatch.
	until time.Duration
}

// exhibition is what the directory shows. Only Exhibit uses it.
type exhibition struct {
	mu    sync.Mutex
	shown map[string]exhibit
	// purges is up to which of the catalogue's shown is right.
	purges int64
}

// Exhibit makes one step of showing services in the directory: at most SweepLimit of
// those that changed, or have not been shown for half as long as they are, and reports
// whether there are more. While another replica has the turn to sweep, or nobody reads
// the directory, it does nothing.
func (s *Service) Exhibit(ctx context.Context) (more bool, err error) {
	x := &s.exhibition
	x.mu.Lock()
	defer x.mu.Unlock()
	if s.deps.Directory == nil || !s.sweeper.turn.Load() {
		x.shown = nil
		return false, nil
	}
	if purges := s.catalogue.purges.Load(); purges != x.purges {
		x.purges = purges
		maps.DeleteFunc(x.shown, func(name string, _ exhibit) bool { return s.catalogue.find(name) == nil })
	}
	now := s.deps.Stopwatch.Elapsed()
	entries, err := s.unshown(x.shown, now)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	again, err := s.deps.Directory.Show(ctx, s.deps.ShownFor, entries...)
	if again || x.shown == nil {
		x.shown = map[string]exhibit{}
	}
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		x.shown[e.Name] = exhibit{id: e.ID, version: scope.Version(e.Version), until: now + s.deps.ShownFor/2}
	}
	return again || len(entries) == SweepLimit, nil
}

// unshown returns services that are to be shown, at most SweepLimit.
func (s *Service) unshown(shown map[string]exhibit, now time.Duration) (entries []registry.Entry, err error) {
	s.catalogue.each(func(known *shelf) bool {
		known.mu.RLock()
		defer known.mu.RUnlock()
		name := known.state.Name.String()
		before, already := shown[name]
		same := already && before.id == int64(known.state.ID) && before.version == known.state.Version
		if same && (now < before.until || known.state.Deleted) {
			return true
		}
		var entry registry.Entry
		if entry, err = entryOf(&known.state); err == nil {
			entries = append(entries, entry)
		}
		return err == nil && len(entries) < SweepLimit
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
