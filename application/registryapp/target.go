package registryapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Target names an instance. Where its id exists in several environments, and none is
// named, it is ErrEnvironmentRequired with the list.
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

// find returns the instance.
func (t targetRef) find(in *registry.Service) (*registry.Instance, error) {
	return in.Locate(t.Environment, t.Instance)
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
			i, err := t.find(service)
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
