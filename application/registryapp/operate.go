package registryapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Report says how an instance is.
type Report struct {
	ServiceName string
	// InstanceID is nil for the default instance.
	InstanceID *string
	// Environment is "" for the only one in which the instance lives.
	Environment string
	Status      string
	// ResponseTime is in milliseconds, 0 to 1e9; nil for none.
	ResponseTime *float64
}

// Report takes in what somebody says of an instance, at once. Without an instance
// it is about the default one; where the service has others that is
// ErrInstanceRequired. An unknown service or instance is ErrNotFound or
// ErrInstanceNotFound. It renews no lease.
func (s *Service) Report(ctx context.Context, by access.Caller, in Report) (Reading, error) {
	p := &parsing{}
	t := s.parseTarget(p, in.ServiceName, in.InstanceID, in.Environment)
	observation, err := parseObservation(&in.Status, in.ResponseTime)
	p.note(err)
	if err := p.faults.Err(); err != nil {
		return Reading{}, err
	}
	var about *registry.Instance
	written, err := s.change(ctx, by, t, func(service *registry.Service, i *registry.Instance) (err error) {
		if err := service.Report(i.Ref(), *observation.Status, s.stamp(by)); err != nil {
			return err
		}
		about, err = service.Instance(i.Ref())
		return err
	})
	if err != nil {
		return Reading{}, err
	}
	if err := s.deps.Services.Touch(ctx, written.State().ID, s.deps.Clock.Now(), observation.ResponseTime); err != nil {
		return Reading{}, err
	}
	// A reading that is not noted is missed by nobody: the report is stored.
	_ = s.deps.Readings.Note(ctx, registry.Note{
		Key: registry.Key{Service: t.service, Ref: about.Ref()}, Observation: observation, URL: about.Address.Base(),
	})
	return s.reread(ctx, written)
}

// change makes a change of the instance that is meant, for a caller who may.
func (s *Service) change(
	ctx context.Context, by access.Caller, t subject, apply func(*registry.Service, *registry.Instance) error,
) (*registry.Service, error) {
	if err := by.Require(access.WriteService, resource(t.service)); err != nil {
		return nil, err
	}
	return s.write(ctx, edition{
		name: t.service, instances: named(t.Instance),
		apply: func(service *registry.Service) error {
			i, err := t.find(service)
			if err != nil {
				return err
			}
			return apply(service, i)
		},
	})
}

// reread returns a service with what Touch has made of it.
func (s *Service) reread(ctx context.Context, written *registry.Service) (Reading, error) {
	found, err := s.deps.Services.Find(ctx, written.State().Name)
	if err != nil {
		return Reading{}, err
	}
	return Reading{Service: found.State()}, nil
}

// Amend says what to change about an instance; what is nil stays as it is.
type Amend struct {
	Target
	Desired, Reason *string
	Weight          *int
	// Metadata is a JSON object.
	Metadata []byte
	Tags     *[]string
}

// Amend changes what is desired of an instance, or what describes it, and returns
// it. An unknown service or instance is ErrNotFound or ErrInstanceNotFound.
func (s *Service) Amend(ctx context.Context, by access.Caller, in Amend) (Reading, error) {
	p := &parsing{}
	t := s.parseTarget(p, in.ServiceName, &in.InstanceID, in.Environment)
	a := registry.Amendment{Reason: in.Reason, Weight: in.Weight, Tags: in.Tags}
	a.Metadata = parseMetadata(p, in.Metadata)
	if in.Desired != nil {
		a.Desired = new(parse(p, registry.ParseDesired, *in.Desired))
	}
	if err := p.faults.Err(); err != nil {
		return Reading{}, err
	}
	var amended *registry.Instance
	written, err := s.change(ctx, by, t, func(service *registry.Service, i *registry.Instance) (err error) {
		if err := service.Amend(i.Ref(), a, s.stamp(by)); err != nil {
			return err
		}
		amended, err = service.Instance(i.Ref())
		return err
	})
	if err != nil {
		return Reading{}, err
	}
	return Reading{Service: written.State(), Instances: s.observed(ctx, t.service, amended)}, nil
}

// DeregisterInstance takes an instance and its lease away. An unknown one is
// ErrNotFound or ErrInstanceNotFound.
func (s *Service) DeregisterInstance(ctx context.Context, by access.Caller, in Target) error {
	p := &parsing{}
	t := s.parseTarget(p, in.ServiceName, &in.InstanceID, in.Environment)
	if err := p.faults.Err(); err != nil {
		return err
	}
	var gone *registry.Instance
	_, err := s.change(ctx, by, t, func(service *registry.Service, i *registry.Instance) error {
		gone = i
		return service.DeregisterInstance(i.Ref(), s.stamp(by))
	})
	if err != nil {
		return err
	}
	s.abandon(ctx, grant(t.service, gone).LeaseKey)
	return nil
}

// Everywhere is every environment of a service.
const Everywhere = "*"

// Deregister says which service to take away.
type Deregister struct {
	ServiceName string
	// Environment takes away what the service has there; "" for the only one in which
	// it lives, and Everywhere for all.
	Environment string
}

// Deregister takes a service and its instances away: in one environment, and as a
// whole where it lives in no other. Its id and version go on if it is registered
// again. A service that lives in several, where none is named, is
// ErrEnvironmentRequired with the list; one that is unknown, or has nothing in the
// environment, ErrNotFound.
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
	if err := by.Require(access.WriteService, resource(t.service)); err != nil {
		return err
	}
	var leases []registry.LeaseKey
	removal := edition{name: t.service, whole: true, mends: true}
	removal.apply = func(service *registry.Service) error {
		leases = leasesIn(service, t.Environment)
		in := service.Environments()
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
	s.abandon(ctx, leases...)
	if written.Deleted() {
		_ = s.deps.Readings.Forget(context.WithoutCancel(ctx), []string{t.service.String()})
	}
	return nil
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
