package registryapp

import (
	"context"
	"net/netip"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Register is the input of Register; nil fields leave the registered values.
type Register struct {
	ServiceName string
	// InstanceID is nil for a service without instances.
	InstanceID *string
	// ServiceURL and HealthCheckURL are the instance's where there is one. An empty
	// HealthCheckURL removes it.
	ServiceURL, HealthCheckURL *string
	// Metadata is a JSON object.
	Metadata      []byte
	Host          *string
	Ports         map[string]int
	Environment   *string
	Zone, Version *string
	Tags          *[]string
	Weight        *int
	TTLSeconds    *int
	// DeregisterAfterSeconds is at least TTLSeconds; ten times that by default.
	DeregisterAfterSeconds *int
	Check                  *health.Spec
	// Source is the address of the client; the zero address where it is unknown.
	Source netip.Addr
}

// Registered is a service after a registration, narrowed to what the caller may see.
type Registered struct {
	registry.Registered
	Service registry.State
}

// Register registers a service without instances, or an instance with a lease that runs
// from now. A repeated registration replaces the given fields, and gives the instance a
// new epoch: the former lease is lost. While leases cannot be granted an instance is
// ErrLeasesUnavailable, and nothing is stored. A registration without an instance that
// changes what all instances share needs the right in the environment of each; else it is
// registry.ErrSharedDetails.
func (s *Service) Register(ctx context.Context, by access.Caller, in Register) (Registered, error) {
	name, r, err := s.parseRegistration(in)
	if err != nil {
		return Registered{}, err
	}
	if err := requireWrite(by, name, true); err != nil {
		return Registered{}, err
	}
	var out Registered
	var granted *registry.LeaseKey
	founded := false
	written, err := s.write(ctx, mutation{
		name: name, instances: named(r.Instance), creates: true,
		all: r.Instance.IsZero() && !by.Has(access.WriteService, resource(name, scope.Environment{})),
		apply: func(service *registry.Service) (err error) {
			if err := requireRegister(by, service, &r); err != nil {
				return err
			}
			out.Registered, err = service.Register(r, s.stamp(by))
			founded = service.Unsaved().Founded
			return err
		},
		before: func(ctx context.Context, _ *registry.Service) error {
			if out.Instance == nil {
				return nil
			}
			g := grant(name, out.Instance)
			granted = &g.LeaseKey
			return s.grantFirst(ctx, g, &r.After)
		},
	})
	if err != nil {
		if granted != nil {
			s.removeLeases(ctx, *granted)
		}
		return Registered{}, err
	}
	out.Service = s.narrowSaved(ctx, by, written.State())
	s.forgetReadings(ctx, name, founded, out.Registered)
	return out, nil
}

// forgetReadings resets the readings of new registrations.
func (s *Service) forgetReadings(ctx context.Context, name scope.ServiceName, founded bool, r registry.Registered) {
	var services []string
	var instances []registry.Key
	if founded {
		services = []string{name.String()}
	}
	if r.Created && r.Instance != nil {
		instances = []registry.Key{{Service: name, Ref: r.Instance.Ref()}}
	}
	if len(services)+len(instances) > 0 {
		// Readings are informational; nothing is decided by them.
		_ = s.deps.Readings.Forget(context.WithoutCancel(ctx), services, instances...)
	}
}

// named returns the id, unless it is zero.
func named(id registry.InstanceID) []registry.InstanceID {
	if id.IsZero() {
		return nil
	}
	return []registry.InstanceID{id}
}

// parseRegistration parses the input; the error names every invalid field.
func (s *Service) parseRegistration(in Register) (scope.ServiceName, registry.Registration, error) {
	p := &parsing{}
	name := parse(p, registry.ParseName, in.ServiceName)
	r := registry.Registration{
		Host: in.Host, Ports: in.Ports, Zone: in.Zone, Version: in.Version, Tags: in.Tags, Source: in.Source,
	}
	if in.InstanceID != nil {
		r.Instance = parse(p, registry.ParseInstanceID, *in.InstanceID)
	}
	r.URL = parseURL(p, "service_url", in.ServiceURL)
	r.HealthCheck = parseURL(p, "health_check_url", in.HealthCheckURL)
	r.Metadata = parseMetadata(p, in.Metadata)
	r.Fallback = parse(p, s.environment, "")
	if in.Environment != nil {
		r.Environment = new(parse(p, s.deps.Environments.Parse, *in.Environment))
	}
	r.Weight = in.Weight
	r.TTL = p.seconds("ttl_seconds", in.TTLSeconds)
	r.Removal = p.seconds("deregister_after_seconds", in.DeregisterAfterSeconds)
	if in.Check != nil {
		check, err := health.ParseCheck(*in.Check)
		p.note(fault.Within("/check", err))
		r.Check = &check
	}
	p.note(r.Validate())
	return name, r, p.faults.Err()
}
