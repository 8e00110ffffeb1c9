package registryapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// grantFirst grants the lease of an instance that is about to be saved, so that none is
// saved without a lease. Where the lease store has a higher epoch another registration was
// faster, or the database has lost one: the save is stale, and is repeated with a higher
// epoch.
func (s *Service) grantFirst(ctx context.Context, g registry.Grant, after *registry.Epoch) error {
	err := s.deps.Leases.Grant(ctx, g)
	if refused := new(registry.RefusedError); errors.As(err, &refused) {
		*after = refused.Current[0].Epoch
		return registry.ErrStale.WithCause(refused)
	}
	return err
}

// grant returns the lease of an instance.
func grant(name scope.ServiceName, i *registry.Instance) registry.Grant {
	return registry.Grant{
		LeaseKey: registry.LeaseKey{Key: registry.Key{Service: name, Ref: i.Ref()}, Epoch: i.Epoch},
		TTL:      i.TTL, Removal: i.Removal, Expired: i.Expired, URL: i.Address.Base(), Status: i.Observed(),
	}
}

// leasesIn returns the leases of the instances in an environment, or in all.
func leasesIn(service *registry.Service, e scope.Environment) []registry.LeaseKey {
	var leases []registry.LeaseKey
	for _, i := range service.Instances() {
		if e.IsZero() || i.Environment == e {
			leases = append(leases, grant(service.State().Name, i).LeaseKey)
		}
	}
	return leases
}

// removeLeases removes the leases of removed instances. A lease that stays, because the
// lease store is unavailable, is removed after its end.
func (s *Service) removeLeases(ctx context.Context, leases ...registry.LeaseKey) {
	_ = s.deps.Leases.Remove(context.WithoutCancel(ctx), leases...)
}
