package registryapp

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Reading is a service as it stands, with what was observed of it lately.
type Reading struct {
	Service registry.State
	// Observed is of all its instances; the zero reading where nothing is known.
	Observed registry.Reading
	// Instances are those that were asked for, in the order of their ids.
	Instances []Observed
}

// Observed is an instance with what was observed of it lately.
type Observed struct {
	*registry.Instance
	Reading registry.Reading
}

// Read returns a service with all its instances. Deregistered or unknown is
// ErrNotFound, damaged ErrDamaged. While the store is away it is what is in memory.
func (s *Service) Read(ctx context.Context, by access.Caller, serviceName string) (Reading, error) {
	name, err := registry.ParseName(serviceName)
	if err != nil {
		return Reading{}, err
	}
	if err := by.Require(access.ReadService, resource(name)); err != nil {
		return Reading{}, err
	}
	state, instances, err := s.whole(ctx, name)
	if err != nil {
		return Reading{}, err
	}
	out := Reading{Service: state, Instances: s.observed(ctx, name, instances...)}
	s.observe(ctx, &out)
	return out, nil
}

// SizeOf returns how large a service with all its instances is in memory; zero where it
// is deregistered or not known.
func (s *Service) SizeOf(serviceName string) registry.Size {
	known := s.catalogue.find(serviceName)
	if known == nil {
		return registry.Size{}
	}
	known.mu.RLock()
	defer known.mu.RUnlock()
	return known.currentSize()
}

func (s *Service) whole(ctx context.Context, name scope.ServiceName) (registry.State, []*registry.Instance, error) {
	found, err := s.deps.Services.FindWhole(ctx, name)
	if err == nil && found.Deleted() {
		err = registry.ErrNotFound
	}
	if err == nil {
		err = found.Damage()
	}
	if err == nil {
		return found.State(), found.Instances(), nil
	}
	if !fails(err, fault.ErrUnavailable) || !s.catalogue.confirmation.Ever() {
		return registry.State{}, nil, err
	}
	known := s.catalogue.find(name.String())
	if known == nil {
		return registry.State{}, nil, registry.ErrNotFound
	}
	state, instances := known.living()
	if !state.Usable() {
		return registry.State{}, nil, known.missing()
	}
	return state, instances, nil
}

// observed adds the readings to instances. Without the lease store there are none.
func (s *Service) observed(
	ctx context.Context, name scope.ServiceName, instances ...*registry.Instance,
) []Observed {
	keys := make([]registry.Key, len(instances))
	list := make([]Observed, len(instances))
	for n, i := range instances {
		keys[n], list[n] = registry.Key{Service: name, Ref: i.Ref()}, Observed{Instance: i}
	}
	readings, err := s.deps.Readings.Instances(ctx, keys...)
	if err != nil {
		return list
	}
	for n := range list {
		list[n].Reading = readings[n]
	}
	return list
}

// observe adds the readings to services. Without the lease store there are none.
func (s *Service) observe(ctx context.Context, services ...*Reading) {
	names := make([]string, len(services))
	for i, r := range services {
		names[i] = r.Service.Name.String()
	}
	readings, err := s.deps.Readings.Services(ctx, names...)
	if err != nil {
		return
	}
	for i, r := range services {
		r.Observed = readings[i]
	}
}

// List says which services to list.
type List struct {
	// Status narrows to "healthy", "unhealthy" or "unknown"; "" does not.
	Status string
	// Limit is 1 to page.MaxLimit, Offset 0 or more.
	Limit, Offset int
}

// Listing is a page, or the first part of one, with the true number of all that
// matches.
type Listing struct {
	Services []Reading
	Total    int
	// Bytes is how many bytes the store holds of this part of the page.
	Bytes int
	// Next returns the next part of the page; it is nil at the end.
	Next func(context.Context) (Listing, error)
}

// List returns a page of the services that are registered, ordered by name,
// without their instances. While the store is away it is what is in memory.
func (s *Service) List(ctx context.Context, by access.Caller, in List) (Listing, error) {
	query := registry.Query{Limit: in.Limit, Offset: in.Offset}
	var statusErr error
	if in.Status != "" {
		var status registry.Status
		status, statusErr = registry.ParseStatus(in.Status)
		query.Status = &status
	}
	if err := fault.Merge(statusErr, page.Check(in.Limit, in.Offset)); err != nil {
		return Listing{}, err
	}
	if err := by.Require(access.ReadService, access.Resource{}); err != nil {
		return Listing{}, err
	}
	return s.list(ctx, query)
}

// Healthy returns all services that are healthy, ordered by name, in parts.
func (s *Service) Healthy(ctx context.Context, by access.Caller) (Listing, error) {
	if err := by.Require(access.ReadService, access.Resource{}); err != nil {
		return Listing{}, err
	}
	return s.list(ctx, registry.Query{Status: new(registry.Healthy), Limit: math.MaxInt32})
}

func (s *Service) list(ctx context.Context, query registry.Query) (Listing, error) {
	found, err := s.deps.Services.List(ctx, query)
	switch {
	case err == nil:
		return s.listing(ctx, found), nil
	case fails(err, fault.ErrUnavailable) && s.catalogue.confirmation.Ever():
		out := s.listKnown(query)
		s.observeAll(ctx, out.Services)
		return out, nil
	}
	return Listing{}, err
}

func (s *Service) listing(ctx context.Context, found registry.Page) Listing {
	out := Listing{Total: found.Total, Bytes: found.Bytes}
	for _, f := range found.Items {
		out.Services = append(out.Services, Reading{Service: f.State()})
	}
	s.observeAll(ctx, out.Services)
	if found.Next != nil {
		out.Next = func(ctx context.Context) (Listing, error) {
			next, err := found.Next(ctx)
			if err != nil {
				return Listing{}, err
			}
			return s.listing(ctx, next), nil
		}
	}
	return out
}

func (s *Service) observeAll(ctx context.Context, services []Reading) {
	all := make([]*Reading, len(services))
	for i := range services {
		all[i] = &services[i]
	}
	s.observe(ctx, all...)
}

// listKnown answers a query from memory.
func (s *Service) listKnown(query registry.Query) Listing {
	var all []Reading
	s.catalogue.each(func(known *cachedService) bool {
		known.mu.RLock()
		state := known.state
		known.mu.RUnlock()
		if !state.Deleted && (query.Status == nil || *query.Status == state.Status) {
			all = append(all, Reading{Service: state})
		}
		return true
	})
	slices.SortFunc(all, func(a, b Reading) int {
		return cmp.Compare(a.Service.Name.String(), b.Service.Name.String())
	})
	from := min(query.Offset, len(all))
	return Listing{Services: all[from:min(from+query.Limit, len(all))], Total: len(all)}
}

// HealthHistory says which transitions to read.
type HealthHistory struct {
	ServiceName string
	// InstanceID is nil for all instances.
	InstanceID *string
	// Environment narrows to one. Where it is "", an instance is that of the only
	// environment in which the id lives.
	Environment string
	// Limit is 1 to page.MaxLimit.
	Limit int
}

// ReadHealthHistory returns the newest transitions of a service, newest first. It
// tells of a deregistered service too; an unknown one is ErrNotFound.
func (s *Service) ReadHealthHistory(
	ctx context.Context, by access.Caller, in HealthHistory,
) ([]registry.Transition, error) {
	p := &parsing{}
	t := s.parseTarget(p, in.ServiceName, in.InstanceID, in.Environment)
	p.note(page.Check(in.Limit, 0))
	if err := p.faults.Err(); err != nil {
		return nil, err
	}
	if err := by.Require(access.ReadService, resource(t.service)); err != nil {
		return nil, err
	}
	found, err := s.deps.Services.Find(ctx, t.service, named(t.Instance)...)
	if err != nil {
		return nil, err
	}
	// One that lives nowhere has had its transitions wherever it lived.
	if !t.Instance.IsZero() {
		i, err := t.find(found)
		switch {
		case err == nil:
			t.Environment = i.Environment
		case !fails(err, registry.ErrInstanceNotFound):
			return nil, err
		}
	}
	return s.deps.History.Transitions(ctx, found.State().ID, t.Ref, in.Limit)
}
