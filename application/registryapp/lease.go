package registryapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// grantFirst grants a lease of what is about to be saved, so that nothing is saved
// without one. Where the lease store keeps a higher epoch another registration was
// quicker, or the database has lost one: what is to be saved is stale, and is made again
// with an epoch above the kept one.
func (s *Service) grantFirst(ctx context.Context, g registry.Grant, after *registry.Epoch) error {
	err := s.deps.Leases.Grant(ctx, g)
	if refused := new(registry.RefusedError); errors.As(err, &refused) {
		*after = refused.Current[0].Epoch
		return registry.ErrStale.WithCause(refused)
	}
	return err
}

// grant returns the lease of an instance as it stands.
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

// abandon drops leases of what is gone. A lease that stays because its store is
// away ends by itself, and is dropped then.
func (s *Service) abandon(ctx context.Context, leases ...registry.LeaseKey) {
	_ = s.deps.Leases.Remove(context.WithoutCancel(ctx), leases...)
}
