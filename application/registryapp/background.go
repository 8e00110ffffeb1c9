package registryapp

import (
	"context"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Refresh loads the services that were changed elsewhere. Discovery is possible from the
// first success on. After an error the catalogue stays as it is; Staleness returns its
// age.
func (s *Service) Refresh(ctx context.Context) error { return s.catalogue.Refresh(ctx) }

// Apply refreshes the catalogue where services were changed.
func (s *Service) Apply(ctx context.Context, changes []ports.Change) error {
	isService := func(c ports.Change) bool { return c.AggregateType == registry.AggregateType }
	if !slices.ContainsFunc(changes, isService) {
		return nil
	}
	for _, c := range changes {
		if isService(c) {
			s.catalogue.InvalidateOther(c)
		}
	}
	return s.Refresh(ctx)
}

// Resync discards the catalogue and loads it from the store. After a restore the store
// has less than was cached, and generations continue from there.
func (s *Service) Resync(ctx context.Context) error {
	if s.catalogue.Ready() {
		if err := s.catalogue.Reload(ctx); err != nil {
			return err
		}
		s.expirer.resynced.Store(true)
	}
	return s.Refresh(ctx)
}

// Staleness returns for how long refreshes, or the expiry of leases, have failed; 0
// while both succeed.
func (s *Service) Staleness() time.Duration {
	now := s.deps.Stopwatch.Elapsed()
	return max(s.catalogue.Outage(), s.expirer.confirmation.Outage(now))
}

// PublishDirectory makes one step of putting services into the directory, and reports
// whether there are more. While another replica is elected, or without a directory, it
// does nothing.
func (s *Service) PublishDirectory(ctx context.Context) (more bool, err error) {
	return s.projection.Publish(ctx, s.expirer.elected.Load())
}

// Check starts the checks that are due and owned by this replica. They end by themselves,
// or with ctx; Settle waits for them.
func (s *Service) Check(ctx context.Context) { s.checks.Start(ctx) }

// Settle waits until the started checks have ended.
func (s *Service) Settle() { s.checks.Settle() }

// Conditions reports checks of this replica that are not allowed, unless checks are
// turned off.
func (s *Service) Conditions() []ports.Condition { return s.checks.Conditions() }

// writeVerdict saves what a check found about an instance.
func (s *Service) writeVerdict(
	ctx context.Context, key registry.Key, apply func(*registry.Service, scope.Stamp) error,
) error {
	_, err := s.write(ctx, mutation{
		name: key.Service, instances: []registry.InstanceID{key.Instance},
		apply: func(r *registry.Service) error { return apply(r, s.own()) },
	})
	return err
}
