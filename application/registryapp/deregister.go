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
	// Environment is the one to remove the service from: "" for its only one, Everywhere
	// for all.
	Environment string
}

// Deregister removes the instances of a service in one environment, and the service where
// it has no other. Its id and version continue if it is registered again. If no
// environment is named, a service in several is ErrEnvironmentRequired with the list. One
// that is unknown, or has no instance in the environment, is ErrNotFound.
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
		leases = leasesIn(service, t.Environment)
		in := service.Environments()
		affected := in
		if !t.Environment.IsZero() {
			affected = []scope.Environment{t.Environment}
		}
		if err := requireWriteIn(by, t.service, registry.ErrNotFound, affected...); err != nil {
			return err
		}
		switch {
		case !t.Environment.IsZero():
			return service.Withdraw(t.Environment, s.stamp(by))
		case len(in) > 1 && !everywhere:
			return registry.SeveralEnvironments(in...)
		}
		return service.Deregister(s.stamp(by))
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
