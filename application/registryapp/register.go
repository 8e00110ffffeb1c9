package registryapp

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Register says what to register; what is nil stays as it is.
type Register struct {
	ServiceName string
	// InstanceID is nil for the service as a whole.
	InstanceID *string
	// ServiceURL and HealthCheckURL are the instance's where there is one. An empty
	// HealthCheckURL takes it away.
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
	// Source is the address of the client; the zero address where it is not known.
	Source netip.Addr
}

// Registered is a service after a registration.
type Registered struct {
	registry.Registered
	Service registry.State
}

// Register registers a service as a whole, or an instance with a lease that runs
// from now. Doing it again replaces what is given, and gives the instance a new
// epoch: who held the lease before has lost it. While leases cannot be granted an
// instance is ErrLeasesUnavailable, and nothing is stored.
func (s *Service) Register(ctx context.Context, by access.Caller, in Register) (Registered, error) {
	name, r, err := s.parseRegistration(in)
	if err != nil {
		return Registered{}, err
	}
	if err := by.Require(access.WriteService, access.Resource{Service: name}); err != nil {
		return Registered{}, err
	}
	var out Registered
	var granted *registry.LeaseKey
	founded := false
	written, err := s.write(ctx, edition{
		name: name, instances: named(r.Instance), founds: true,
		apply: func(service *registry.Service) (err error) {
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
			s.abandon(ctx, *granted)
		}
		return Registered{}, err
	}
	out.Service = written.State()
	s.forgetReadings(ctx, name, founded, out.Registered)
	return out, nil
}

// forgetReadings makes what was observed begin anew with what is registered anew.
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
		// Readings are for those who look; nothing is decided by them.
		_ = s.deps.Readings.Forget(context.WithoutCancel(ctx), services, instances...)
	}
}

// grantFirst grants a lease of what is about to be saved, so that nothing is saved
// without one. Where the lease store keeps a higher epoch another registration was
// quicker, or the database has lost one: what is to be saved is stale, and is made again
// with an epoch above the kept one.
func (s *Service) grantFirst(ctx context.Context, g registry.Grant, after *registry.Epoch) error {
	err := s.deps.Leases.Grant(ctx, g)
	if refused := new(registry.RefusedError); errors.As(err, &refused) {
		*after = refused.Current[0].Epoch
		return registry.ErrStale.WithCause(refused)
	}
	return err
}

// named returns the ids that are not zero.
func named(id registry.InstanceID) []registry.InstanceID {
	if id.IsZero() {
		return nil
	}
	return []registry.InstanceID{id}
}

// grant returns the lease of an instance as it stands.
func grant(name scope.ServiceName, i *registry.Instance) registry.Grant {
	return registry.Grant{
		LeaseKey: registry.LeaseKey{Key: registry.Key{Service: name, Ref: i.Ref()}, Epoch: i.Epoch},
		TTL:      i.TTL, Removal: i.Removal, Expired: i.Expired, URL: i.Address.Base(), Status: i.Observed(),
	}
}

// parseRegistration names everything that is wrong.
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

// parsing collects what is wrong with an input.
type parsing struct{ faults fault.Collector }

func (p *parsing) note(err error) { p.faults.Note(err) }

// parse reads one text.
func parse[T any](p *parsing, how func(string) (T, error), text string) T {
	v, err := how(text)
	p.note(err)
	return v
}

// parseURL reads a URL, where "" is none.
func parseURL(p *parsing, field string, text *string) *registry.URL {
	if text == nil {
		return nil
	}
	if *text == "" && field != "service_url" {
		return &registry.URL{}
	}
	u, err := registry.ParseURL(field, *text)
	p.note(err)
	return &u
}

func parseMetadata(p *parsing, text []byte) *registry.Metadata {
	if text == nil {
		return nil
	}
	m, err := registry.ParseMetadata(text)
	p.note(err)
	return &m
}

// seconds reads a number of seconds of which the domain knows the bounds.
func (p *parsing) seconds(field string, n *int) *time.Duration {
	const most = int(registry.MaxRemoval / time.Second)
	switch {
	case n == nil:
		return nil
	case *n < 1 || *n > most:
		p.note(fault.Bad(field, "must be at least 1, and no more than there can be"))
		return nil
	}
	return new(time.Duration(*n) * time.Second)
}
