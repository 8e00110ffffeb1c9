package registryapp

import (
	"context"
	"errors"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Reading is the current state of a service, with its recent observations. It is narrowed
// to what the caller may see (registry.State.Narrowed).
type Reading struct {
	Service registry.State
	// Observed is the reading of all its instances; the zero reading where there is none.
	Observed registry.Reading
	// Instances are the requested ones, in the order of their ids.
	Instances []Observed
}

// Observed is an instance with its recent observations.
type Observed struct {
	*registry.Instance
	Reading registry.Reading
}

// Read returns a service with all its instances that the caller may see, and with its
// details where these are all it has. Deregistered or unknown is ErrNotFound,
// damaged ErrDamaged. While the store is unavailable it is the cached state.
func (s *Service) Read(ctx context.Context, by access.Caller, serviceName string) (Reading, error) {
	name, err := registry.ParseName(serviceName)
	if err != nil {
		return Reading{}, err
	}
	if err := requireSight(by, name); err != nil {
		return Reading{}, err
	}
	state, all, err := s.findAll(ctx, name)
	if err != nil {
		return Reading{}, err
	}
	sight := sightOf(by, name)
	instances := seen(sight, all)
	if len(instances) == 0 && len(all) > 0 {
		return Reading{}, access.Hidden(registry.ErrNotFound)
	}
	state = state.Narrowed(sight, environmentsOf(all))
	out := Reading{Service: state, Instances: s.observed(ctx, name, instances...)}
	s.observe(ctx, &out)
	return out, nil
}

// SizeOf returns the size of a cached service with all its instances; zero where it is
// deregistered or unknown.
func (s *Service) SizeOf(serviceName string) registry.Size {
	service := s.catalogue.Find(serviceName)
	if service == nil {
		return registry.Size{}
	}
	return service.Size()
}

func (s *Service) findAll(ctx context.Context, name scope.ServiceName) (registry.State, []*registry.Instance, error) {
	found, err := s.deps.Services.FindWithInstances(ctx, name)
	if err == nil && found.Deleted() {
		err = registry.ErrNotFound
	}
	if err == nil {
		err = found.Damage()
	}
	if err == nil {
		return found.State(), found.Instances(), nil
	}
	if !errors.Is(err, fault.ErrUnavailable) || !s.catalogue.Ready() {
		return registry.State{}, nil, err
	}
	service := s.catalogue.Find(name.String())
	if service == nil {
		return registry.State{}, nil, registry.ErrNotFound
	}
	state, instances := service.Living()
	if !state.Usable() {
		return registry.State{}, nil, service.Missing()
	}
	slices.SortFunc(instances, registry.ByID)
	return state, instances, nil
}

// observed adds the readings to instances. Without the lease store there are none.
func (s *Service) observed(
	ctx context.Context, name scope.ServiceName, instances ...*registry.Instance,
) []Observed {
	keys := make([]registry.Key, len(instances))
	list := make([]Observed, len(instances))
	for n, i := range instances {
		keys[n], list[n] = registry.Key{Service: name, Ref: i.Ref()}, Observed{Instance: i}
	}
	readings, err := s.deps.Readings.Instances(ctx, keys...)
	if err != nil {
		return list
	}
	for n := range list {
		list[n].Reading = readings[n]
	}
	return list
}

// observe adds the readings to services. Without the lease store there are none.
func (s *Service) observe(ctx context.Context, services ...*Reading) {
	names := make([]string, len(services))
	for i, r := range services {
		names[i] = r.Service.Name.String()
	}
	readings, err := s.deps.Readings.Services(ctx, names...)
	if err != nil {
		return
	}
	for i, r := range services {
		r.Observed = readings[i]
	}
}
