package registryapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// Report says how an instance is.
type Report struct {
	ServiceName string
	// InstanceID is nil for the default instance.
	InstanceID *string
	Status     string
	// ResponseTime is in milliseconds, 0 to 1e9; nil for none.
	ResponseTime *float64
}

// Report takes in what somebody says of an instance, at once. Without an instance
// it is about the default one; where the service has others that is
// ErrInstanceRequired. An unknown service or instance is ErrNotFound or
// ErrInstanceNotFound. It renews no lease.
func (s *Service) Report(ctx context.Context, by access.Caller, in Report) (Reading, error) {
	name, nameErr := registry.ParseName(in.ServiceName)
	var id registry.InstanceID
	var idErr error
	if in.InstanceID != nil {
		id, idErr = registry.ParseInstanceID(*in.InstanceID)
	}
	observation, err := parseObservation(&in.Status, in.ResponseTime)
	if err := fault.Merge(nameErr, idErr, err); err != nil {
		return Reading{}, err
	}
	if err := by.Require(access.WriteService, resource(name)); err != nil {
		return Reading{}, err
	}
	var about *registry.Instance
	written, err := s.write(ctx, edition{
		name: name, instances: named(id),
		apply: func(service *registry.Service) (err error) {
			if err := service.Report(id, *observation.Status, s.stamp(by)); err != nil {
				return err
			}
			about, err = service.Instance(id)
			return err
		},
	})
	if err != nil {
		return Reading{}, err
	}
	if err := s.deps.Services.Touch(ctx, written.State().ID, s.deps.Clock.Now(), observation.ResponseTime); err != nil {
		return Reading{}, err
	}
	// A reading that is not noted is missed by nobody: the report is stored.
	_ = s.deps.Readings.Note(ctx, registry.Note{
		Key: registry.Key{Service: name, Instance: about.ID}, Observation: observation, URL: about.Address.Base(),
	})
	return s.reread(ctx, written)
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
	ServiceName, InstanceID string
	Desired, Reason         *string
	Weight                  *int
	// Metadata is a JSON object.
	Metadata []byte
	Tags     *[]string
}

// Amend changes what is desired of an instance, or what describes it, and returns
// it. An unknown service or instance is ErrNotFound or ErrInstanceNotFound.
func (s *Service) Amend(ctx context.Context, by access.Caller, in Amend) (Reading, error) {
	p := &parsing{}
	key, err := parseKey(in.ServiceName, in.InstanceID)
	p.note(err)
	a := registry.Amendment{Reason: in.Reason, Weight: in.Weight, Tags: in.Tags}
	a.Metadata = parseMetadata(p, in.Metadata)
	if in.Desired != nil {
		a.Desired = new(parse(p, registry.ParseDesired, *in.Desired))
	}
	if err := p.faults.Err(); err != nil {
		return Reading{}, err
	}
	if err := by.Require(access.WriteService, resource(key.Service)); err != nil {
		return Reading{}, err
	}
	var amended *registry.Instance
	written, err := s.write(ctx, edition{
		name: key.Service, instances: []registry.InstanceID{key.Instance},
		apply: func(service *registry.Service) (err error) {
			if err := service.Amend(key.Instance, a, s.stamp(by)); err != nil {
				return err
			}
			amended, err = service.Instance(key.Instance)
			return err
		},
	})
	if err != nil {
		return Reading{}, err
	}
	return Reading{Service: written.State(), Instances: s.observed(ctx, key.Service, amended)}, nil
}

// DeregisterInstance takes an instance and its lease away. An unknown one is
// ErrNotFound or ErrInstanceNotFound.
func (s *Service) DeregisterInstance(ctx context.Context, by access.Caller, serviceName, instanceID string) error {
	key, err := parseKey(serviceName, instanceID)
	if err != nil {
		return err
	}
	if err := by.Require(access.WriteService, resource(key.Service)); err != nil {
		return err
	}
	var gone *registry.Instance
	_, err = s.write(ctx, edition{
		name: key.Service, instances: []registry.InstanceID{key.Instance},
		apply: func(service *registry.Service) (err error) {
			if gone, err = service.Instance(key.Instance); err != nil {
				return err
			}
			return service.DeregisterInstance(key.Instance, s.stamp(by))
		},
	})
	if err != nil {
		return err
	}
	s.abandon(ctx, registry.Held{Key: key, Epoch: gone.Epoch})
	return nil
}

// Deregister takes a service and all its instances away. Its id and version go on
// if it is registered again. An unknown one is ErrNotFound.
func (s *Service) Deregister(ctx context.Context, by access.Caller, serviceName string) error {
	name, err := registry.ParseName(serviceName)
	if err != nil {
		return err
	}
	if err := by.Require(access.WriteService, resource(name)); err != nil {
		return err
	}
	whole, err := s.deps.Services.FindWhole(ctx, name)
	if err != nil {
		return err
	}
	_, err = s.write(ctx, edition{name: name, apply: func(service *registry.Service) error {
		return service.Deregister(s.stamp(by))
	}})
	if err != nil {
		return err
	}
	instances := whole.Instances()
	leases := make([]registry.Held, len(instances))
	for n, i := range instances {
		leases[n] = registry.Held{Key: registry.Key{Service: name, Instance: i.ID}, Epoch: i.Epoch}
	}
	s.abandon(ctx, leases...)
	return nil
}

// abandon drops leases of what is gone. A lease that stays because its store is
// away ends by itself, and is dropped then.
func (s *Service) abandon(ctx context.Context, leases ...registry.Held) {
	_ = s.deps.Leases.Drop(context.WithoutCancel(ctx), leases...)
}
