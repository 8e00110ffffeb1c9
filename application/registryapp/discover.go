package registryapp

import (
	"cmp"
	"slices"

	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Discover returns the cached instances of a service in an environment, in the default
// one for "", without I/O. A service that is not registered is ErrNotFound, a damaged one
// ErrDamaged; before the first Refresh it is fault.ErrUnavailable.
func (s *Service) Discover(by access.Caller, serviceName, environment string) (*catalogue.View, error) {
	service := s.catalogue.Find(serviceName)
	if service == nil {
		return nil, s.undiscovered(by, serviceName)
	}
	e, err := s.environment(environment)
	if err != nil {
		return nil, err
	}
	if err := by.RequireSight(access.ReadService, resource(service.Name(), e), registry.ErrNotFound); err != nil {
		return nil, err
	}
	v := service.View(e)
	if v == nil {
		return nil, service.Missing()
	}
	if len(v.Instances) == 0 && !s.livesInSight(by, service) {
		return nil, access.Hidden(registry.ErrNotFound)
	}
	return v, nil
}

// livesInSight reports whether a service has an instance in an environment in which the
// caller may see it.
func (s *Service) livesInSight(by access.Caller, service *catalogue.Service) bool {
	in, all := s.seenEnvironments(by, service.Name())
	return all || slices.ContainsFunc(in, func(e scope.Environment) bool {
		v := service.View(e)
		return v != nil && len(v.Instances) > 0
	})
}

func (s *Service) undiscovered(by access.Caller, serviceName string) error {
	name, err := registry.ParseName(serviceName)
	if err != nil {
		return err
	}
	if err := requireSight(by, name); err != nil {
		return err
	}
	if !s.catalogue.Ready() {
		return fault.ErrUnavailable
	}
	return registry.ErrNotFound
}

// Everything returns the views of the services that the caller may see in an environment,
// or in all for "", ordered by the services' names and the environments; of one service if it is
// named. Services without instances there are left out.
func (s *Service) Everything(by access.Caller, environment, serviceName string) ([]*catalogue.View, error) {
	environments := s.deps.Environments.All()
	if environment != "" {
		e, err := s.deps.Environments.Parse(environment)
		if err != nil {
			return nil, err
		}
		environments = []scope.Environment{e}
	}
	if err := by.RequireAnywhere(access.ReadService); err != nil {
		return nil, err
	}
	if !s.catalogue.Ready() {
		return nil, fault.ErrUnavailable
	}
	var views []*catalogue.View
	s.catalogue.Each(func(service *catalogue.Service) bool {
		for _, e := range environments {
			if !by.Has(access.ReadService, resource(service.Name(), e)) {
				continue
			}
			v := service.View(e)
			if v != nil && len(v.Instances) > 0 && (serviceName == "" || v.Service.Name.String() == serviceName) {
				views = append(views, v)
			}
		}
		return true
	})
	slices.SortFunc(views, func(a, b *catalogue.View) int {
		return cmp.Or(cmp.Compare(a.Service.Name.String(), b.Service.Name.String()),
			cmp.Compare(a.Environment.String(), b.Environment.String()))
	})
	return views, nil
}
