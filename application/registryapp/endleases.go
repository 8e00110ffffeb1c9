package registryapp

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// endLeases decides about the leases that are overdue, and about those that
// preservation still has to do with.
func (s *Service) endLeases(ctx context.Context, found *registry.DueLeases) error {
	groups := map[place][]registry.Lease{}
	for _, l := range found.Overdue {
		i, err := s.overdue(ctx, l)
		if err != nil {
			return err
		}
		if i != nil {
			at := place{service: l.Service.String(), environment: i.Environment}
			groups[at] = append(groups[at], l)
		}
	}
	for _, at := range s.observePlaces(found.Now, groups) {
		if err := s.decide(ctx, at, found.Now, groups[at]); err != nil {
			return err
		}
	}
	return nil
}

// overdue returns the instance of an overdue lease, or nil where the lease is of
// nobody any more, or of something damaged, and is dropped.
func (s *Service) overdue(ctx context.Context, l registry.Lease) (*registry.Instance, error) {
	if i := s.catalogue.instance(l.Key); i != nil && i.Epoch == l.Epoch {
		return i, nil
	}
	found, err := s.deps.Services.Find(ctx, l.Service, l.Instance)
	if err == nil && !found.Deleted() && found.Damage() == nil {
		var i *registry.Instance
		if i, err = found.Instance(l.Ref); err == nil && i.Epoch == l.Epoch && !i.Damaged {
			s.catalogue.putFound(found)
			return i, nil
		}
	}
	if err != nil && !fails(err, registry.ErrNotFound) && !fails(err, registry.ErrInstanceNotFound) {
		return nil, err
	}
	return nil, s.deps.Leases.Remove(ctx, l.LeaseKey)
}

// observePlaces tells every preservation who is alive, and returns the places at
// which there is something to decide, in order.
func (s *Service) observePlaces(now registry.Instant, groups map[place][]registry.Lease) []place {
	var busy []place
	if purges := s.catalogue.purges.Load(); purges != s.sweeper.purges {
		s.sweeper.purges = purges
		maps.DeleteFunc(s.sweeper.guards, func(at place, _ *guard) bool { return s.catalogue.find(at.service) == nil })
	}
	s.catalogue.each(func(known *cachedService) bool {
		known.mu.RLock()
		defer known.mu.RUnlock()
		if known.state.Damaged {
			return true
		}
		for e, c := range known.counts {
			at := place{service: known.name.String(), environment: e}
			g := s.sweeper.guards[at]
			if g == nil {
				g = &guard{Preservation: s.preserve(known, e, now), deregistered: c.deregistered}
				s.sweeper.guards[at] = g
			}
			g.Observe(now, c.alive, c.deregistered-g.deregistered)
			g.deregistered = c.deregistered
			if !g.Idle() || len(groups[at]) > 0 {
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

// preserve goes on from what whoever had the turn before has stored.
func (s *Service) preserve(known *cachedService, e scope.Environment, now registry.Instant) *registry.Preservation {
	at := func(t time.Time) registry.Instant {
		return now.Add(-min(max(0, s.deps.Clock.Now().Sub(t)), registry.MaxProtection))
	}
	var p registry.Preserved
	if t, protected := known.state.Protected(e); protected {
		p.Since = new(at(t))
	}
	for i := range known.instances.all() {
		if !i.Expired || i.Removed || i.Environment != e {
			continue
		}
		lease := registry.Lease{LeaseKey: grant(known.name, i.Instance).LeaseKey, Ends: at(i.UpdatedAt)}
		if i.Held {
			p.Held = append(p.Held, lease)
		} else if now.Sub(lease.Ends) < registry.LeaveWindow {
			p.Left = append(p.Left, lease)
		}
	}
	return registry.NewPreservation(p)
}

// decide takes the next step of preservation at one place, where those leases are
// overdue. What could not be stored is decided again.
func (s *Service) decide(ctx context.Context, at place, now registry.Instant, overdue []registry.Lease) error {
	g := s.sweeper.guards[at]
	next := g.Clone()
	waiting := map[registry.LeaseKey]bool{}
	for _, l := range next.Waiting() {
		if i := s.catalogue.instance(l.Key); i != nil && i.Expired && i.Epoch == l.Epoch {
			waiting[l] = true
		} else {
			next.Gone(l)
		}
	}
	var ended []registry.LeaseKey
	for _, l := range overdue {
		i := s.catalogue.instance(l.Key)
		recorded := i != nil && i.Expired && i.Epoch == l.Epoch
		if !waiting[l.LeaseKey] && !recorded {
			ended = append(ended, l.LeaseKey)
		}
	}
	if err := s.enforce(ctx, at, next.Decide(now, ended)); err != nil {
		return err
	}
	g.Preservation = next
	return s.end(ctx, overdue)
}

// enforce stores a decision, in parts that are short.
func (s *Service) enforce(ctx context.Context, at place, d registry.Decision) error {
	known := s.catalogue.find(at.service)
	if known == nil {
		// Purged; nobody is left to decide about.
		return nil
	}
	known.mu.RLock()
	_, protected := known.state.Protected(at.environment)
	known.mu.RUnlock()
	if protected != d.Protected {
		if err := s.alter(ctx, known.name, nil, func(r *registry.Service) {
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
		for chunk := range slices.Chunk(part.leases, SweepLimit) {
			if err := s.alter(ctx, known.name, chunk, func(r *registry.Service) { part.apply(r, chunk) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// alter writes to a service; one that was deregistered meanwhile, or is damaged, is
// passed over.
func (s *Service) alter(
	ctx context.Context, name scope.ServiceName, leases []registry.LeaseKey, apply func(*registry.Service),
) error {
	_, err := s.write(ctx, edition{
		name: name, instances: instancesOf(leases), remembered: true,
		apply: func(r *registry.Service) error {
			apply(r)
			return nil
		},
	})
	return unlessGone(err)
}

// unlessGone returns err, or nil where it says that there is no such service, or none
// that can be read: it keeps nobody from going on with the others.
func unlessGone(err error) error {
	if fails(err, registry.ErrNotFound) || fails(err, registry.ErrDamaged) {
		return nil
	}
	return err
}

// end records that leases have ended, and brings back whose lease was renewed
// since.
func (s *Service) end(ctx context.Context, overdue []registry.Lease) error {
	if len(overdue) == 0 {
		return nil
	}
	ended, err := s.deps.Leases.Expire(ctx, overdue...)
	if err != nil {
		return err
	}
	var renewed []registry.LeaseKey
	for n, l := range overdue {
		if !ended[n] {
			renewed = append(renewed, l.LeaseKey)
		}
	}
	if len(renewed) == 0 {
		return nil
	}
	return s.alter(ctx, renewed[0].Service, renewed, func(r *registry.Service) {
		for _, l := range renewed {
			// One that is gone, or held under another epoch by now, stays so.
			_ = r.Revive(l.Ref, l.Epoch, s.own())
		}
	})
}
