package registryapp

import (
	"context"
	"errors"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// resource returns what access to a service in an environment is decided on; the zero
// environment is for the service itself.
func resource(name scope.ServiceName, e scope.Environment) access.Resource {
	return access.Resource{Environment: e, Service: name, Name: name.String()}
}

// requireSight returns nil where the caller may see a service in some environment; else
// the service is ErrNotFound.
func requireSight(by access.Caller, name scope.ServiceName) error {
	if err := by.RequireAnywhere(access.ReadService); err != nil {
		return err
	}
	if !by.HasSomewhere(access.ReadService, name, name.String()) {
		return access.Hidden(registry.ErrNotFound)
	}
	return nil
}

// requireWrite returns nil where the caller may write to a service in some environment. A
// service that it may not see is ErrNotFound, unless the write creates it.
func requireWrite(by access.Caller, name scope.ServiceName, creates bool) error {
	if err := by.RequireConfirmed(access.WriteService); err != nil {
		return err
	}
	switch {
	case by.HasSomewhere(access.WriteService, name, name.String()):
		return nil
	case creates || by.HasSomewhere(access.ReadService, name, name.String()):
		return by.RequireRight(access.WriteService, resource(name, scope.Environment{}))
	}
	return access.Hidden(registry.ErrNotFound)
}

// requireWriteIn returns nil where the caller may write to a service in each of some
// environments. Instances in one that it may not see are absent.
func requireWriteIn(by access.Caller, name scope.ServiceName, absent error, in ...scope.Environment) error {
	for _, e := range in {
		if err := by.RequireSeen(access.WriteService, access.ReadService, resource(name, e), absent); err != nil {
			return err
		}
	}
	return nil
}

// requireRegister returns nil where the caller may make a registration: in the environment
// of the instance that it writes. What all instances of the service share it may change
// with the right in the environment of each; else that is registry.ErrSharedDetails.
func requireRegister(by access.Caller, service *registry.Service, r *registry.Registration) error {
	name, place := service.State().Name, service.Place(*r)
	allowed := func(e scope.Environment) bool { return by.Has(access.WriteService, resource(name, e)) }
	if !place.IsZero() && !allowed(place) {
		return by.RequireRight(access.WriteService, resource(name, place))
	}
	fields := service.Redescribed(*r)
	if len(fields) == 0 && !place.IsZero() {
		return nil
	}
	in := service.Environments()
	missing := slices.DeleteFunc(slices.Clone(in), allowed)
	switch {
	case len(missing) == 0:
		return nil
	case len(missing) == len(in) && place.IsZero():
		return by.RequireRight(access.WriteService, resource(name, missing[0]))
	case len(fields) > 0:
		return sharedDetails(fields, sightOf(by, name).Within(missing))
	}
	return nil
}

// sharedDetails returns registry.ErrSharedDetails with what would change, and which of the
// environments seen are in the way.
func sharedDetails(fields []string, seen []scope.Environment) error {
	err := registry.ErrSharedDetails.WithDetail("required", string(access.WriteService)).WithDetail("fields", fields)
	if len(seen) == 0 {
		return err
	}
	names := make([]string, len(seen))
	for i, e := range seen {
		names[i] = e.String()
	}
	return err.WithDetail("environments", names)
}

// concealed returns an error as a caller may see it: for one that may not see services in
// every environment, a service that does not exist is like an instance that does not, since
// the service may live where the caller does not see it.
func concealed(by access.Caller, name scope.ServiceName, err error) error {
	if errors.Is(err, registry.ErrNotFound) && sightOf(by, name) != nil {
		return registry.ErrInstanceNotFound
	}
	return err
}

// sightOf returns in which environments a caller may see a service.
func sightOf(by access.Caller, name scope.ServiceName) registry.Sight {
	if by.Has(access.ReadService, resource(name, scope.Environment{})) {
		return nil
	}
	return func(e scope.Environment) bool { return by.Has(access.ReadService, resource(name, e)) }
}

// seen returns the instances that the caller may see.
func seen(sight registry.Sight, instances []*registry.Instance) []*registry.Instance {
	if sight == nil {
		return instances
	}
	return slices.DeleteFunc(slices.Clone(instances), func(i *registry.Instance) bool {
		return !sight.Includes(i.Environment)
	})
}

// narrow removes from services what the caller may not see, by the environments in which
// they have instances. While the store is unavailable that is an error.
func (s *Service) narrow(ctx context.Context, by access.Caller, services ...*registry.State) error {
	var narrowed []*registry.State
	var ids []registry.ID
	for _, state := range services {
		if sightOf(by, state.Name) != nil {
			narrowed, ids = append(narrowed, state), append(ids, state.ID)
		}
	}
	if len(narrowed) == 0 {
		return nil
	}
	in, err := s.deps.Services.Environments(ctx, ids...)
	if err != nil {
		return err
	}
	for _, state := range narrowed {
		*state = state.Narrowed(sightOf(by, state.Name), in[state.ID])
	}
	return nil
}

// narrowSaved is narrow for a service that was just saved. Where its environments cannot be
// loaded, the caller sees nothing that they could share.
func (s *Service) narrowSaved(ctx context.Context, by access.Caller, state registry.State) registry.State {
	if s.narrow(ctx, by, &state) != nil {
		return state.Narrowed(sightOf(by, state.Name), []scope.Environment{{}})
	}
	return state
}

// environmentsOf returns the environments of instances, in no order and maybe several times.
func environmentsOf(instances []*registry.Instance) []scope.Environment {
	in := make([]scope.Environment, len(instances))
	for n, i := range instances {
		in[n] = i.Environment
	}
	return in
}

// seenEnvironments returns the environments in which the caller may see a service, and
// whether these are all there are.
func (s *Service) seenEnvironments(by access.Caller, name scope.ServiceName) (in []scope.Environment, all bool) {
	sight := sightOf(by, name)
	return sight.Within(s.deps.Environments.All()), sight == nil
}
