package registryapp

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// List says which services to list.
type List struct {
	// Status narrows to "healthy", "unhealthy" or "unknown"; "" does not.
	Status string
	// Limit is 1 to page.MaxLimit.
	scope.Window
}

// List returns a page of the registered services that the caller may see in some
// environment, ordered by name, without their instances. While the store is unavailable they are the cached ones.
func (s *Service) List(ctx context.Context, by access.Caller, in List) (Listing, error) {
	query := registry.Query{Window: in.Window}
	var statusErr error
	if in.Status != "" {
		var status registry.Status
		status, statusErr = registry.ParseStatus(in.Status)
		query.Status = &status
	}
	if err := fault.Merge(statusErr, page.Check(in.Window, 1)); err != nil {
		return Listing{}, err
	}
	var err error
	if query.Within, err = by.Areas(access.ReadService); err != nil {
		return Listing{}, err
	}
	return s.list(ctx, by, query)
}

// Listing is a page, or the first part of one, with the true number of all that
// matches.
type Listing = versioned.Page[Reading]

// Healthy returns the healthy services that List returns, in parts.
func (s *Service) Healthy(ctx context.Context, by access.Caller) (Listing, error) {
	areas, err := by.Areas(access.ReadService)
	if err != nil {
		return Listing{}, err
	}
	return s.list(ctx, by, registry.Query{
		Status: new(registry.Healthy), Within: areas, Window: scope.Window{Limit: math.MaxInt32},
	})
}

func (s *Service) list(ctx context.Context, by access.Caller, query registry.Query) (Listing, error) {
	found, err := s.deps.Services.List(ctx, query)
	switch {
	case err == nil:
		return s.listing(ctx, by, found)
	case errors.Is(err, fault.ErrUnavailable) && s.catalogue.Ready():
		out := s.listCached(by, query)
		s.observeAll(ctx, out.Items)
		return out, nil
	}
	return Listing{}, err
}

// listing narrows the services of a part, and adds to them what is observed of them.
func (s *Service) listing(ctx context.Context, by access.Caller, found registry.Page) (Listing, error) {
	out := versioned.Map(found, func(f *registry.Service) Reading { return Reading{Service: f.State()} })
	states := make([]*registry.State, len(out.Items))
	for i := range out.Items {
		states[i] = &out.Items[i].Service
	}
	if err := s.narrow(ctx, by, states...); err != nil {
		return Listing{}, err
	}
	s.observeAll(ctx, out.Items)
	if found.Next != nil {
		out.Next = func(ctx context.Context) (Listing, error) {
			next, err := found.Next(ctx)
			if err != nil {
				return Listing{}, err
			}
			return s.listing(ctx, by, next)
		}
	}
	return out, nil
}

func (s *Service) observeAll(ctx context.Context, services []Reading) {
	all := make([]*Reading, len(services))
	for i := range services {
		all[i] = &services[i]
	}
	s.observe(ctx, all...)
}

// listCached answers a query from the catalogue.
func (s *Service) listCached(by access.Caller, query registry.Query) Listing {
	var all []Reading
	s.catalogue.Each(func(service *catalogue.Service) bool {
		state, instances := service.Living()
		matches := query.Status == nil || *query.Status == state.Status
		if !state.Deleted && matches && query.Contains(state, instances) {
			state = state.Narrowed(sightOf(by, state.Name), environmentsOf(instances))
			all = append(all, Reading{Service: state})
		}
		return true
	})
	nameOf := func(r Reading) string { return r.Service.Name.String() }
	slices.SortFunc(all, func(a, b Reading) int { return cmp.Compare(nameOf(a), nameOf(b)) })
	out := Listing{Total: len(all)}
	if len(query.After) > 0 {
		all = slices.DeleteFunc(all, func(r Reading) bool { return nameOf(r) <= query.After[0] })
	}
	from := min(query.Offset, len(all))
	to := min(from+query.Limit, len(all))
	out.Items, out.More = all[from:to], to < len(all)
	for _, r := range out.Items {
		out.Positions = append(out.Positions, scope.Position{nameOf(r)})
	}
	return out
}
