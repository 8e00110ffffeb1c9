package registryapp

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// expireOverdue decides about the overdue leases, and about those that self-preservation
// holds.
func (s *Service) expireOverdue(ctx context.Context, found *registry.DueLeases) error {
	groups := map[place][]registry.Lease{}
	for _, l := range found.Overdue {
		i, err := s.overdueInstance(ctx, l)
		if err != nil {
			return err
		}
		if i != nil {
			at := place{service: l.Service.String(), environment: i.Environment}
			groups[at] = append(groups[at], l)
		}
	}
	for _, at := range s.observeAlive(found.Now, groups) {
		if err := s.decide(ctx, at, found.Now, groups[at]); err != nil {
			return err
		}
	}
	return nil
}

// overdueInstance returns the instance of an overdue lease, or nil where it was removed or
// is damaged; then the lease is removed.
func (s *Service) overdueInstance(ctx context.Context, l registry.Lease) (*registry.Instance, error) {
	if i := s.catalogue.Instance(l.Key); i != nil && i.Epoch == l.Epoch {
		return i, nil
	}
	found, err := s.deps.Services.Find(ctx, l.Service, l.Instance)
	if err == nil && !found.Deleted() && found.Damage() == nil {
		var i *registry.Instance
		if i, err = found.Instance(l.Ref); err == nil && i.Epoch == l.Epoch && !i.Damaged {
			s.catalogue.PutFound(found)
			return i, nil
		}
	}
	if err != nil && !errors.Is(err, registry.ErrNotFound) && !errors.Is(err, registry.ErrInstanceNotFound) {
		return nil, err
	}
	return nil, s.deps.Leases.Remove(ctx, l.LeaseKey)
}

// observeAlive updates the counts of every preservation, and returns the places with a
// decision to make, in order.
func (s *Service) observeAlive(now registry.Instant, groups map[place][]registry.Lease) []place {
	var busy []place
	if purges := s.catalogue.Purges(); purges != s.expirer.purges {
		s.expirer.purges = purges
		maps.DeleteFunc(s.expirer.preservations, func(at place, _ *preservation) bool {
			return s.catalogue.Find(at.service) == nil
		})
	}
	var counts []catalogue.Count
	s.catalogue.Each(func(service *catalogue.Service) bool {
		counts = service.AppendCounts(counts[:0])
		for _, c := range counts {
			at := place{service: service.Name().String(), environment: c.Environment}
			p := s.expirer.preservations[at]
			if p == nil {
				p = &preservation{
					Preservation: s.restorePreservation(service, c.Environment, now), deregistered: c.Deregistered,
				}
				s.expirer.preservations[at] = p
			}
			p.Observe(now, c.Alive, c.Deregistered-p.deregistered)
			p.deregistered = c.Deregistered
			if !p.Idle() || len(groups[at]) > 0 {
				busy = append(busy, at)
			}
		}
		return true
	})
	slices.SortFunc(busy, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.environment.String(), b.environment.String()))
	})
	return busy
}

// restorePreservation returns the preservation as the previously elected replica has
// stored it.
func (s *Service) restorePreservation(
	service *catalogue.Service, e scope.Environment, now registry.Instant,
) *registry.Preservation {
	at := func(t time.Time) registry.Instant {
		return now.Add(-min(max(0, s.deps.Clock.Now().Sub(t)), registry.MaxProtection))
	}
	state, instances := service.Living()
	var p registry.Preserved
	if t, protected := state.Protected(e); protected {
		p.Since = new(at(t))
	}
	for _, i := range instances {
		if !i.Expired || i.Environment != e {
			continue
		}
		lease := registry.Lease{LeaseKey: grant(state.Name, i).LeaseKey, Ends: at(i.UpdatedAt)}
		if i.Held {
			p.Held = append(p.Held, lease)
		} else if now.Sub(lease.Ends) < registry.LeaveWindow {
			p.Left = append(p.Left, lease)
		}
	}
	return registry.NewPreservation(p)
}

// decide makes the next step of self-preservation for a place with overdue leases. A
// decision that could not be stored is made again.
func (s *Service) decide(ctx context.Context, at place, now registry.Instant, overdue []registry.Lease) error {
	p := s.expirer.preservations[at]
	next := p.Clone()
	waiting := map[registry.LeaseKey]bool{}
	for _, l := range next.Waiting() {
		if i := s.catalogue.Instance(l.Key); i != nil && i.Expired && i.Epoch == l.Epoch {
			waiting[l] = true
		} else {
			next.Forget(l)
		}
	}
	var expired []registry.LeaseKey
	for _, l := range overdue {
		i := s.catalogue.Instance(l.Key)
		recorded := i != nil && i.Expired && i.Epoch == l.Epoch
		if !waiting[l.LeaseKey] && !recorded {
			expired = append(expired, l.LeaseKey)
		}
	}
	if err := s.storeDecision(ctx, at, next.Decide(now, expired)); err != nil {
		return err
	}
	p.Preservation = next
	return s.recordExpiry(ctx, overdue)
}

// storeDecision stores a decision, in short parts.
func (s *Service) storeDecision(ctx context.Context, at place, d registry.Decision) error {
	service := s.catalogue.Find(at.service)
	if service == nil {
		// The service was purged.
		return nil
	}
	state := service.State()
	if _, protected := state.Protected(at.environment); protected != d.Protected {
		if err := s.amend(ctx, state.Name, nil, func(r *registry.Service) {
			r.Protect(at.environment, d.Protected, s.own())
		}); err != nil {
			return err
		}
	}
	for _, part := range []struct {
		leases []registry.LeaseKey
		apply  func(*registry.Service, []registry.LeaseKey)
	}{
		{d.Hold, func(r *registry.Service, l []registry.LeaseKey) { r.Expire(true, s.own(), l...) }},
		{d.Leave, func(r *registry.Service, l []registry.LeaseKey) { r.Expire(false, s.own(), l...) }},
		{d.Release, func(r *registry.Service, l []registry.LeaseKey) { r.Release(s.own(), refsOf(l)...) }},
	} {
		for chunk := range slices.Chunk(part.leases, ExpiryLimit) {
			err := s.amend(ctx, state.Name, chunk, func(r *registry.Service) { part.apply(r, chunk) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// amend writes to a service. One that was deregistered meanwhile, or is damaged, is
// skipped.
func (s *Service) amend(
	ctx context.Context, name scope.ServiceName, leases []registry.LeaseKey, apply func(*registry.Service),
) error {
	_, err := s.write(ctx, mutation{
		name: name, instances: instancesOf(leases), cached: true,
		apply: func(r *registry.Service) error {
			apply(r)
			return nil
		},
	})
	return ignoreRemoved(err)
}

// ignoreRemoved returns err, or nil where a service is missing or damaged, so that the
// step continues with the others.
func ignoreRemoved(err error) error {
	if errors.Is(err, registry.ErrNotFound) || errors.Is(err, registry.ErrDamaged) {
		return nil
	}
	return err
}

// recordExpiry records that leases have expired, and restores instances whose lease was
// renewed since.
func (s *Service) recordExpiry(ctx context.Context, overdue []registry.Lease) error {
	if len(overdue) == 0 {
		return nil
	}
	expired, err := s.deps.Leases.Expire(ctx, overdue...)
	if err != nil {
		return err
	}
	var renewed []registry.LeaseKey
	for n, l := range overdue {
		if !expired[n] {
			renewed = append(renewed, l.LeaseKey)
		}
	}
	if len(renewed) == 0 {
		return nil
	}
	return s.amend(ctx, renewed[0].Service, renewed, func(r *registry.Service) {
		for _, l := range renewed {
			// A removed instance, or one with another epoch, stays as it is.
			_ = r.Revive(l.Ref, l.Epoch, s.own())
		}
	})
}
