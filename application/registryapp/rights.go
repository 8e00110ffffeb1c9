package registryapp

import (
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
// of the instance, or, without one, in those of the instances that it may change.
func requireRegister(by access.Caller, service *registry.Service, r *registry.Registration) error {
	in := []scope.Environment{r.Fallback}
	switch {
	case r.Environment != nil:
		in = []scope.Environment{*r.Environment}
	case r.Instance.IsZero():
		in = append(service.Environments(), r.Fallback)
	}
	name := service.State().Name
	for _, e := range in {
		if err := by.RequireRight(access.WriteService, resource(name, e)); err != nil {
			return err
		}
	}
	return nil
}

// concealed returns an error as a caller may see it: for one that may not see services in
// every environment, a service that does not exist is like an instance that does not, since
// the service may live where the caller does not see it.
func concealed(by access.Caller, name scope.ServiceName, err error) error {
	if errors.Is(err, registry.ErrNotFound) && !by.Has(access.ReadService, resource(name, scope.Environment{})) {
		return registry.ErrInstanceNotFound
	}
	return err
}

// seen returns the instances that the caller may see.
func seen(by access.Caller, name scope.ServiceName, instances []*registry.Instance) []*registry.Instance {
	if by.Has(access.ReadService, resource(name, scope.Environment{})) {
		return instances
	}
	return slices.DeleteFunc(slices.Clone(instances), func(i *registry.Instance) bool {
		return !by.Has(access.ReadService, resource(name, i.Environment))
	})
}

// seenEnvironments returns the environments in which the caller may see a service, and
// whether these are all there are.
func (s *Service) seenEnvironments(by access.Caller, name scope.ServiceName) (in []scope.Environment, all bool) {
	if by.Has(access.ReadService, resource(name, scope.Environment{})) {
		return s.deps.Environments.All(), true
	}
	return slices.DeleteFunc(slices.Clone(s.deps.Environments.All()), func(e scope.Environment) bool {
		return !by.Has(access.ReadService, resource(name, e))
	}), false
}
