package registryapp

import (
	"cmp"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Selection selects instances; zero fields select all.
type Selection struct {
	// Ready selects instances that are ready, or held by self-preservation.
	Ready              bool
	Zone, Tag, Version string
}

// Admits reports whether the selection includes an instance.
func (n Selection) Admits(i *registry.Instance) bool {
	return i.Listed() && (!n.Ready || i.Offered()) && (n.Zone == "" || n.Zone == i.Zone) &&
		(n.Version == "" || n.Version == i.Version) && (n.Tag == "" || slices.Contains(i.Tags, n.Tag))
}

// Select returns the selected instances of a view, in the order of their ids.
func (v *View) Select(n Selection) []*registry.Instance {
	var list []*registry.Instance
	for _, i := range v.Instances {
		if n.Admits(i) {
			list = append(list, i)
		}
	}
	return list
}

// Discover returns the cached instances of a service in an environment, in the default
// one for "", without I/O. A service that is not registered is ErrNotFound, a damaged one
// ErrDamaged; before the first Refresh it is fault.ErrUnavailable.
func (s *Service) Discover(by access.Caller, serviceName, environment string) (*View, error) {
	service := s.catalogue.find(serviceName)
	if service == nil {
		return nil, s.undiscovered(by, serviceName)
	}
	e, err := s.environment(environment)
	if err != nil {
		return nil, err
	}
	if err := by.Require(access.ReadService, access.Resource{Environment: e, Service: service.name}); err != nil {
		return nil, err
	}
	v := service.view(e)
	if v == nil {
		return nil, service.missing()
	}
	return v, nil
}

func (s *Service) undiscovered(by access.Caller, serviceName string) error {
	name, err := registry.ParseName(serviceName)
	if err != nil {
		return err
	}
	if err := by.Require(access.ReadService, resource(name)); err != nil {
		return err
	}
	if !s.catalogue.confirmation.Ever() {
		return fault.ErrUnavailable
	}
	return registry.ErrNotFound
}

// Everything returns the views of all services in an environment, or in all for
// "", ordered by the services' names and the environments; of one service if it is
// named. Services without instances there are left out.
func (s *Service) Everything(by access.Caller, environment, serviceName string) ([]*View, error) {
	environments := s.deps.Environments.All()
	if environment != "" {
		e, err := s.deps.Environments.Parse(environment)
		if err != nil {
			return nil, err
		}
		environments = []scope.Environment{e}
	}
	for _, e := range environments {
		if err := by.Require(access.ReadService, access.Resource{Environment: e}); err != nil {
			return nil, err
		}
	}
	if !s.catalogue.confirmation.Ever() {
		return nil, fault.ErrUnavailable
	}
	var views []*View
	s.catalogue.each(func(service *cachedService) bool {
		for _, e := range environments {
			v := service.view(e)
			if v != nil && len(v.Instances) > 0 && (serviceName == "" || v.Service.Name.String() == serviceName) {
				views = append(views, v)
			}
		}
		return true
	})
	slices.SortFunc(views, func(a, b *View) int {
		return cmp.Or(cmp.Compare(a.Service.Name.String(), b.Service.Name.String()),
			cmp.Compare(a.Environment.String(), b.Environment.String()))
	})
	return views, nil
}
