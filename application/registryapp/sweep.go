package registryapp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// SweepLimit bounds the leases that one step takes on, so that it is short.
const SweepLimit = 100

// sweeper is what the steps remember between them. Only Sweep uses it.
type sweeper struct {
	mu sync.Mutex
	// confirmation is of steps.
	confirmation freshness.Confirmation
	// purges is up to which of the catalogue's the guards are right.
	purges int64
	// guards are kept while this replica has the turn.
	guards map[place]*guard
	// swept is whether this process has ever had the turn, disturbed whether a store
	// was away since the last step that went well.
	swept, disturbed bool
	// now and elapsed are of the last step: the store's time and ours.
	now     registry.Instant
	elapsed time.Duration
	timed   bool
	// unassured are the instances whose leases are still to be assured in this round,
	// so many in each step.
	unassured []registry.Key
	assuring  int
	// turn is whether this replica has the turn, as of the last step.
	turn atomic.Bool
	// renewed says that memory was filled anew: what is known of it is to be forgotten.
	renewed atomic.Bool
}

// guard is preservation at one place.
type guard struct {
	*registry.Preservation
	// deregistered is how many had gone by themselves at the last look.
	deregistered int
}

// place is one service in one environment.
type place struct {
	service     string
	environment scope.Environment
}

// maxJump is how far the store's clock may run from ours within one step before
// its leases are begun anew.
const maxJump = 300 * time.Millisecond

// Sweep makes one step of ending leases and removing what has ended: at most
// SweepLimit of each, and reports whether there is more to do at once. While
// another replica has the turn it does nothing. It begins all leases anew, and ends
// none, after a pause of sweeping, an outage of a store, or a jump of its clock.
func (s *Service) Sweep(ctx context.Context) (more bool, err error) {
	s.sweeper.mu.Lock()
	defer s.sweeper.mu.Unlock()
	began := s.deps.Stopwatch.Elapsed()
	more, err = s.sweep(ctx)
	s.sweeper.confirmation.Record(began, err)
	if err != nil {
		s.sweeper.disturbed = s.sweeper.disturbed || fault.Of(err).Kind() == fault.Unavailable
		return false, err
	}
	return more, nil
}

func (s *Service) sweep(ctx context.Context) (more bool, err error) {
	// Without the store nothing could be ended. The turn is left to a replica that
	// reaches it, and whoever goes on afterwards begins with a grace.
	if !s.catalogue.confirmation.Ever() || s.catalogue.confirmation.Failing() {
		return false, fault.ErrUnavailable
	}
	if s.sweeper.renewed.Swap(false) {
		s.sweeper.yield()
		s.sweeper.unassured = nil
	}
	found, err := s.deps.Leases.Due(ctx, s.deps.Replica, SweepLimit)
	if err != nil {
		return false, err
	}
	s.sweeper.turn.Store(found.Elected)
	if !found.Elected {
		s.sweeper.yield()
		return false, nil
	}
	if grace := s.sweeper.grace(&found, s.deps.Stopwatch.Elapsed()); grace > 0 {
		if err := s.renewAll(ctx, grace); err != nil {
			return false, err
		}
		found.Overdue = s.outlasting(found.Overdue, grace)
	}
	if err := s.endLeases(ctx, &found); err != nil {
		return false, err
	}
	if err := s.removeEnded(ctx, found.Removable); err != nil {
		return false, err
	}
	if err := s.assure(ctx); err != nil {
		return false, err
	}
	return len(found.Overdue) == SweepLimit || len(found.Removable) == SweepLimit, nil
}

// yield forgets what only the replica that has the turn knows.
func (w *sweeper) yield() {
	clear(w.guards)
	w.timed = false
}

// grace returns the TTL up to which leases are to be begun anew; 0 for none.
func (w *sweeper) grace(found *registry.DueLeases, elapsed time.Duration) time.Duration {
	jumped := false
	if w.timed {
		jump := found.Now.Sub(w.now) - (elapsed - w.elapsed)
		jumped = jump.Abs() > maxJump
	}
	first := !w.swept && found.Since > registry.ElectionTerm
	all := found.Emptied || first || w.disturbed || jumped
	w.swept, w.disturbed, w.timed, w.now, w.elapsed = true, false, true, found.Now, elapsed
	if all {
		return registry.MaxTTL
	}
	if short := pauseFactor * found.Since; short > registry.MinTTL {
		return short
	}
	return 0
}

// pauseFactor times a pause is the longest TTL that it is a pause for.
const pauseFactor = 3

// outlasting returns the leases that a grace is not for.
func (s *Service) outlasting(leases []registry.Lease, grace time.Duration) []registry.Lease {
	return slices.DeleteFunc(leases, func(l registry.Lease) bool {
		i := s.catalogue.instance(l.Key)
		return i == nil || i.TTL <= grace
	})
}

// grantChunk bounds the leases of one call.
const grantChunk = 500

// renewAll begins the leases anew whose TTL is that long at most.
func (s *Service) renewAll(ctx context.Context, grace time.Duration) error {
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

// grantStored grants leases of what is stored. One that is kept under a higher epoch
// stays: memory is behind, or its registration is not stored yet.
func (s *Service) grantStored(ctx context.Context, grants []registry.Grant) error {
	err := s.deps.Leases.Grant(ctx, grants...)
	if errors.As(err, new(*registry.RefusedError)) {
		return nil
	}
	return err
}

// eachLeased shows every instance that has a lease.
func (s *Service) eachLeased(show func(scope.ServiceName, *registry.Instance)) {
	s.catalogue.each(func(known *cachedService) bool {
		known.mu.RLock()
		defer known.mu.RUnlock()
		for i := range known.instances.all() {
			if i.Leased() && !i.Removed && known.state.Usable() {
				show(known.name, i.Instance)
			}
		}
		return true
	})
}

// assureRounds is in how many steps every lease is assured once.
const assureRounds = 120

// assure grants some of the leases that the store should have, and lost or never
// got: because a process died between storing an instance and granting its lease.
func (s *Service) assure(ctx context.Context) error {
	w := &s.sweeper
	if len(w.unassured) == 0 {
		s.eachLeased(func(name scope.ServiceName, i *registry.Instance) {
			w.unassured = append(w.unassured, registry.Key{Service: name, Ref: i.Ref()})
		})
		w.assuring = 1 + len(w.unassured)/assureRounds
	}
	var grants []registry.Grant
	n := min(w.assuring, len(w.unassured))
	for _, key := range w.unassured[:n] {
		if i := s.catalogue.instance(key); i != nil {
			g := grant(key.Service, i)
			g.IfAbsent = true
			grants = append(grants, g)
		}
	}
	w.unassured = w.unassured[n:]
	if len(grants) == 0 {
		return nil
	}
	return s.grantStored(ctx, grants)
}

// removeEnded removes instances whose leases have ended long ago, and drops the
// leases of what is no more. Where a service is protected they wait once more.
func (s *Service) removeEnded(ctx context.Context, leases []registry.Lease) error {
	for name, found := range byService(leases) {
		var gone, kept []registry.LeaseKey
		for _, l := range found {
			i := s.catalogue.instance(l.Key)
			switch {
			case i == nil || i.Expired && i.Epoch == l.Epoch && !s.keeps(name, i):
				gone = append(gone, l.LeaseKey)
			default:
				kept = append(kept, l.LeaseKey)
			}
		}
		if err := s.postpone(ctx, kept); err != nil {
			return err
		}
		if err := s.removeExpired(ctx, name, gone); err != nil {
			return err
		}
	}
	return nil
}

// keeps reports whether preservation forbids to remove an instance.
func (s *Service) keeps(name scope.ServiceName, i *registry.Instance) bool {
	known := s.catalogue.find(name.String())
	if known == nil {
		return false
	}
	known.mu.RLock()
	defer known.mu.RUnlock()
	_, protected := known.state.Protected(i.Environment)
	return protected || i.Held
}

// postpone has leases of instances that have expired wait for their removal anew,
// and those of others run.
func (s *Service) postpone(ctx context.Context, leases []registry.LeaseKey) error {
	var grants []registry.Grant
	for _, l := range leases {
		if i := s.catalogue.instance(l.Key); i != nil {
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
	_, err := s.write(ctx, edition{
		name: name, instances: instancesOf(leases), remembered: true,
		apply: func(r *registry.Service) error {
			r.RemoveExpired(s.own(), leases...)
			return nil
		},
	})
	if err := unlessGone(err); err != nil {
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
