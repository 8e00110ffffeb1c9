package registryapp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// ExpiryLimit bounds the leases of one step, so that it is short.
const ExpiryLimit = 100

// expirer is the state between the steps of lease expiry. Only ExpireLeases uses it.
type expirer struct {
	mu sync.Mutex
	// confirmation is of steps.
	confirmation freshness.Confirmation
	// purges is the catalogue's counter up to which preservations is correct.
	purges int64
	// preservations are cached while this replica is elected.
	preservations map[place]*preservation
	// everElected is whether this replica has been elected since its start, storeFailed
	// whether a store was unavailable since the last successful step.
	everElected, storeFailed bool
	// now and elapsed are of the last step: the store's clock and the stopwatch.
	now     registry.Instant
	elapsed time.Duration
	timed   bool
	// unverified are the instances whose leases are not yet verified in this round, batch
	// how many are in each step.
	unverified []registry.Key
	batch      int
	// elected is whether this replica was elected in the last step.
	elected atomic.Bool
	// resynced says that the catalogue was reloaded, so that the state is outdated.
	resynced atomic.Bool
}

// preservation is the self-preservation of a place.
type preservation struct {
	*registry.Preservation
	// deregistered is the catalogue's count at the last step.
	deregistered int
}

// place is a service in an environment.
type place struct {
	service     string
	environment scope.Environment
}

// maxClockJump is how far the store's clock may deviate from the stopwatch within one
// step before all leases are granted again.
const maxClockJump = 300 * time.Millisecond

// ExpireLeases makes one step of expiring leases and removing instances: at most
// ExpiryLimit of each. It reports whether there is more to do. While another replica is
// elected it does nothing. After a pause of these steps, an outage of a store, or a jump of
// its clock, it grants all leases again and expires none.
func (s *Service) ExpireLeases(ctx context.Context) (more bool, err error) {
	s.expirer.mu.Lock()
	defer s.expirer.mu.Unlock()
	began := s.deps.Stopwatch.Elapsed()
	more, err = s.expireLeases(ctx)
	s.expirer.confirmation.Record(began, err)
	if err != nil {
		s.expirer.storeFailed = s.expirer.storeFailed || fault.Of(err).Kind() == fault.Unavailable
		return false, err
	}
	return more, nil
}

func (s *Service) expireLeases(ctx context.Context) (more bool, err error) {
	// Without the store no expiry can be saved. A replica that reaches it is elected, and
	// begins with a grace.
	if !s.catalogue.Ready() || s.catalogue.Failing() {
		return false, fault.ErrUnavailable
	}
	if s.expirer.resynced.Swap(false) {
		s.expirer.reset()
		s.expirer.unverified = nil
	}
	found, err := s.deps.Leases.Due(ctx, s.deps.Replica, ExpiryLimit)
	if err != nil {
		return false, err
	}
	s.expirer.elected.Store(found.Elected)
	if !found.Elected {
		s.expirer.reset()
		return false, nil
	}
	if grace := s.expirer.grace(&found, s.deps.Stopwatch.Elapsed()); grace > 0 {
		if err := s.grantAll(ctx, grace); err != nil {
			return false, err
		}
		found.Overdue = s.withLongerTTL(found.Overdue, grace)
	}
	if err := s.expireOverdue(ctx, &found); err != nil {
		return false, err
	}
	if err := s.removeDue(ctx, found.Removable); err != nil {
		return false, err
	}
	if err := s.grantMissing(ctx); err != nil {
		return false, err
	}
	return len(found.Overdue) == ExpiryLimit || len(found.Removable) == ExpiryLimit, nil
}

// reset discards the state that is valid only while this replica is elected.
func (e *expirer) reset() {
	clear(e.preservations)
	e.timed = false
}

// grace returns the TTL up to which leases are to be granted again; 0 for none.
func (e *expirer) grace(found *registry.DueLeases, elapsed time.Duration) time.Duration {
	jumped := false
	if e.timed {
		jump := found.Now.Sub(e.now) - (elapsed - e.elapsed)
		jumped = jump.Abs() > maxClockJump
	}
	first := !e.everElected && found.Since > registry.ElectionTerm
	all := found.Emptied || first || e.storeFailed || jumped
	e.everElected, e.storeFailed, e.timed, e.now, e.elapsed = true, false, true, found.Now, elapsed
	if all {
		return registry.MaxTTL
	}
	if short := pauseFactor * found.Since; short > registry.MinTTL {
		return short
	}
	return 0
}

// pauseFactor times a pause is the longest TTL for which the pause needs a grace.
const pauseFactor = 3

// withLongerTTL returns the leases with a longer TTL than a grace.
func (s *Service) withLongerTTL(leases []registry.Lease, grace time.Duration) []registry.Lease {
	return slices.DeleteFunc(leases, func(l registry.Lease) bool {
		i := s.catalogue.Instance(l.Key)
		return i == nil || i.TTL <= grace
	})
}

// grantChunk bounds the leases of one call.
const grantChunk = 500

// grantAll grants all leases again whose TTL is at most the grace.
func (s *Service) grantAll(ctx context.Context, grace time.Duration) error {
	var grants []registry.Grant
	s.eachLeased(func(name scope.ServiceName, i *registry.Instance) {
		if i.TTL <= grace {
			grants = append(grants, grant(name, i))
		}
	})
	for chunk := range slices.Chunk(grants, grantChunk) {
		if err := s.grantStored(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// grantStored grants leases of stored instances. A lease under a higher epoch stays: the
// catalogue is stale, or its registration is not stored yet.
func (s *Service) grantStored(ctx context.Context, grants []registry.Grant) error {
	err := s.deps.Leases.Grant(ctx, grants...)
	if errors.As(err, new(*registry.RefusedError)) {
		return nil
	}
	return err
}

// eachLeased calls visit with every instance that has a lease.
func (s *Service) eachLeased(visit func(scope.ServiceName, *registry.Instance)) {
	s.catalogue.Each(func(service *catalogue.Service) bool {
		_, instances := service.Living()
		for _, i := range instances {
			if i.Leased() {
				visit(service.Name(), i)
			}
		}
		return true
	})
}

// verifySteps is in how many steps every lease is verified once.
const verifySteps = 120

// grantMissing grants some of the leases that the lease store lacks, because it has lost
// them, or because a process ended between saving an instance and granting its lease.
func (s *Service) grantMissing(ctx context.Context) error {
	e := &s.expirer
	if len(e.unverified) == 0 {
		s.eachLeased(func(name scope.ServiceName, i *registry.Instance) {
			e.unverified = append(e.unverified, registry.Key{Service: name, Ref: i.Ref()})
		})
		e.batch = 1 + len(e.unverified)/verifySteps
	}
	var grants []registry.Grant
	n := min(e.batch, len(e.unverified))
	for _, key := range e.unverified[:n] {
		if i := s.catalogue.Instance(key); i != nil {
			g := grant(key.Service, i)
			g.IfAbsent = true
			grants = append(grants, g)
		}
	}
	e.unverified = e.unverified[n:]
	if len(grants) == 0 {
		return nil
	}
	return s.grantStored(ctx, grants)
}

// removeDue removes instances whose removal is due, and leases without an instance. Where
// self-preservation protects a service the removal is postponed.
func (s *Service) removeDue(ctx context.Context, leases []registry.Lease) error {
	for name, found := range byService(leases) {
		var removable, postponed []registry.LeaseKey
		for _, l := range found {
			i := s.catalogue.Instance(l.Key)
			switch {
			case i == nil || i.Expired && i.Epoch == l.Epoch && !s.preserves(name, i):
				removable = append(removable, l.LeaseKey)
			default:
				postponed = append(postponed, l.LeaseKey)
			}
		}
		if err := s.postpone(ctx, postponed); err != nil {
			return err
		}
		if err := s.removeExpired(ctx, name, removable); err != nil {
			return err
		}
	}
	return nil
}

// preserves reports whether self-preservation prevents the removal of an instance.
func (s *Service) preserves(name scope.ServiceName, i *registry.Instance) bool {
	service := s.catalogue.Find(name.String())
	if service == nil {
		return false
	}
	state := service.State()
	_, protected := state.Protected(i.Environment)
	return protected || i.Held
}

// postpone grants leases again: those of expired instances as expired ones, so that
// their removal is due later.
func (s *Service) postpone(ctx context.Context, leases []registry.LeaseKey) error {
	var grants []registry.Grant
	for _, l := range leases {
		if i := s.catalogue.Instance(l.Key); i != nil {
			grants = append(grants, grant(l.Service, i))
		}
	}
	if len(grants) == 0 {
		return nil
	}
	return s.grantStored(ctx, grants)
}

func (s *Service) removeExpired(ctx context.Context, name scope.ServiceName, leases []registry.LeaseKey) error {
	if len(leases) == 0 {
		return nil
	}
	_, err := s.write(ctx, mutation{
		name: name, instances: instancesOf(leases), cached: true,
		apply: func(r *registry.Service) error {
			r.RemoveExpired(s.own(), leases...)
			return nil
		},
	})
	if err := ignoreRemoved(err); err != nil {
		return err
	}
	return s.deps.Leases.Remove(ctx, leases...)
}

func instancesOf(leases []registry.LeaseKey) []registry.InstanceID {
	ids := make([]registry.InstanceID, len(leases))
	for i, l := range leases {
		ids[i] = l.Instance
	}
	return ids
}

func refsOf(leases []registry.LeaseKey) []registry.Ref {
	refs := make([]registry.Ref, len(leases))
	for i, l := range leases {
		refs[i] = l.Ref
	}
	return refs
}

func byService(leases []registry.Lease) map[scope.ServiceName][]registry.Lease {
	groups := map[scope.ServiceName][]registry.Lease{}
	for _, l := range leases {
		groups[l.Service] = append(groups[l.Service], l)
	}
	return groups
}
