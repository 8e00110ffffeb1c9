package registryapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Target names an instance. Where its id exists in several environments, and none is
// named, it is ErrEnvironmentRequired with the list of those that the caller may see.
type Target struct {
	ServiceName, InstanceID string
	// Environment is "" for the only one of the id.
	Environment string
}

// targetRef is a parsed Target; instance and environment are zero where they were not
// given.
type targetRef struct {
	service scope.ServiceName
	registry.Ref
}

// parseTarget parses a target; a nil id is none.
func (s *Service) parseTarget(p *parsing, serviceName string, instanceID *string, environment string) targetRef {
	t := targetRef{service: parse(p, registry.ParseName, serviceName)}
	if instanceID != nil {
		t.Instance = parse(p, registry.ParseInstanceID, *instanceID)
	}
	if environment != "" {
		t.Environment = parse(p, s.deps.Environments.Parse, environment)
	}
	return t
}

// findTarget returns the instance, so far as the caller may see it. One that it may not see is
// ErrInstanceNotFound, as is a service of which it sees no instance.
func (s *Service) findTarget(by access.Caller, t targetRef, in *registry.Service) (*registry.Instance, error) {
	sight := sightOf(by, t.service)
	i, err := in.Locate(t.Environment, t.Instance, sight)
	switch {
	case err == nil, sight == nil, errors.Is(err, registry.ErrEnvironmentRequired):
		return i, err
	case errors.Is(err, registry.ErrInstanceRequired):
		if s.seesInstance(by, t.service) {
			return nil, err
		}
		return nil, access.Hidden(registry.ErrInstanceNotFound)
	}
	if _, elsewhere := in.Locate(t.Environment, t.Instance, nil); !errors.Is(elsewhere, registry.ErrInstanceNotFound) {
		return nil, access.Hidden(registry.ErrInstanceNotFound)
	}
	return nil, err
}

// seesInstance reports whether a service has an instance that the caller may see, so far as
// it is cached.
func (s *Service) seesInstance(by access.Caller, name scope.ServiceName) bool {
	service := s.catalogue.Find(name.String())
	return service != nil && s.livesInSight(by, service)
}

// change changes the instance, for a caller with the right to.
func (s *Service) change(
	ctx context.Context, by access.Caller, t targetRef, apply func(*registry.Service, *registry.Instance) error,
) (*registry.Service, error) {
	if err := requireWrite(by, t.service, false); err != nil {
		return nil, err
	}
	written, err := s.write(ctx, mutation{
		name: t.service, instances: named(t.Instance),
		apply: func(service *registry.Service) error {
			i, err := s.findTarget(by, t, service)
			if err == nil {
				err = requireWriteIn(by, t.service, registry.ErrInstanceNotFound, i.Environment)
			}
			if err != nil {
				return err
			}
			return apply(service, i)
		},
	})
	return written, concealed(by, t.service, err)
}
