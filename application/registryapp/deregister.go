package registryapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// DeregisterInstance removes an instance and its lease. An unknown one is ErrNotFound or
// ErrInstanceNotFound.
func (s *Service) DeregisterInstance(ctx context.Context, by access.Caller, in Target) error {
	p := &parsing{}
	t := s.parseTarget(p, in.ServiceName, &in.InstanceID, in.Environment)
	if err := p.faults.Err(); err != nil {
		return err
	}
	var removed *registry.Instance
	_, err := s.change(ctx, by, t, func(service *registry.Service, i *registry.Instance) error {
		removed = i
		return service.DeregisterInstance(i.Ref(), s.stamp(by))
	})
	if err != nil {
		return err
	}
	s.removeLeases(ctx, grant(t.service, removed).LeaseKey)
	return nil
}

// Everywhere is every environment of a service.
const Everywhere = "*"

// Deregister is the input of Deregister.
type Deregister struct {
	ServiceName string
	// Environment is the one to remove the service from: "" for the only one in which the
	// caller sees it, Everywhere for all.
	Environment string
}

// Deregister removes the instances of a service in one environment, and the service where
// it has no other. Its id and version continue if it is registered again. If no
// environment is named, a service that the caller sees in several is ErrEnvironmentRequired
// with the list. One that is unknown, or has no instance in the environment, is ErrNotFound.
func (s *Service) Deregister(ctx context.Context, by access.Caller, in Deregister) error {
	p := &parsing{}
	everywhere := in.Environment == Everywhere
	if everywhere {
		in.Environment = ""
	}
	t := s.parseTarget(p, in.ServiceName, nil, in.Environment)
	if err := p.faults.Err(); err != nil {
		return err
	}
	if err := requireWrite(by, t.service, false); err != nil {
		return err
	}
	var leases []registry.LeaseKey
	removal := mutation{name: t.service, all: true, repairs: true}
	removal.apply = func(service *registry.Service) error {
		e, err := withdrawn(by, service, t.Environment, everywhere)
		if err != nil {
			return err
		}
		leases = leasesIn(service, e)
		if e.IsZero() {
			return service.Deregister(s.stamp(by))
		}
		return service.Withdraw(e, s.stamp(by))
	}
	written, err := s.write(ctx, removal)
	if err != nil {
		return err
	}
	s.removeLeases(ctx, leases...)
	if written.Deleted() {
		_ = s.deps.Readings.Forget(context.WithoutCancel(ctx), []string{t.service.String()})
	}
	return nil
}

// withdrawn returns the environment from which the caller removes a service, zero for all of
// them: a named one, everywhere, or else the only one in which it sees the service. It has
// to have the right there.
func withdrawn(
	by access.Caller, service *registry.Service, environment scope.Environment, everywhere bool,
) (scope.Environment, error) {
	name, in := service.State().Name, service.Environments()
	seen := sightOf(by, name).Within(in)
	switch {
	case !environment.IsZero():
		return environment, requireWriteIn(by, name, registry.ErrNotFound, environment)
	case everywhere && 0 < len(seen) && len(seen) < len(in):
		return scope.Environment{}, access.ErrForbidden.WithDetail("required", string(access.WriteService))
	case everywhere || len(seen) == len(in) && len(in) < 2 || len(seen) == 0:
		return scope.Environment{}, requireWriteIn(by, name, registry.ErrNotFound, in...)
	}
	if err := requireWriteIn(by, name, registry.ErrNotFound, seen...); err != nil {
		return scope.Environment{}, err
	}
	if len(seen) > 1 {
		return scope.Environment{}, registry.SeveralEnvironments(seen...)
	}
	return seen[0], nil
}
