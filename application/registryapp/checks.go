package registryapp

import (
	"cmp"
	"context"
	"hash/fnv"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/ports"
)

const (
	// MemberTTL is how long a replica is alive without an announcement, announceEvery how
	// often it announces itself.
	memberTTL     = 3 * time.Second
	announceEvery = time.Second
	// FastLatency is below the latency of a target that occupies its slot only briefly.
	fastLatency = time.Second
)

// checks is the active health checks of this replica.
type checks struct {
	mu      sync.Mutex
	targets map[registry.Key]*target
	// changes is the catalogue's counter up to which targets is correct.
	changes   int64
	suspicion health.Suspicion
	slots     health.Slots
	running   sync.WaitGroup
	// forbidden counts the targets whose last check was not allowed.
	forbidden int64
	// replicas were alive at the last announcement, which was made at announcedAt.
	replicas    []string
	announcedAt time.Duration
	announced   bool
}

// target is an instance that is checked.
type target struct {
	key registry.Key
	// instance is the one from which probe was made.
	instance *registry.Instance
	probe    health.Probe
	interval time.Duration
	due      time.Duration
	busy     bool
	assessed health.Assessment
	// dialled is the address of the last check, passed that of the last one that passed.
	dialled, passed netip.Addr
	// fast says that the last check ended within fastLatency, forbidden that it was not
	// allowed.
	fast, forbidden bool
	// reports is the number of reports when counting last restarted.
	reports int64
}

// Check starts the checks that are due and owned by this replica. They end by themselves,
// or with ctx; Settle waits for them.
func (s *Service) Check(ctx context.Context) {
	now := s.deps.Stopwatch.Elapsed()
	s.announce(ctx, now)
	c := &s.checks
	c.mu.Lock()
	defer c.mu.Unlock()
	if changes := s.catalogue.changes.Load(); changes != c.changes {
		s.syncTargets(now)
		c.changes = changes
	}
	for _, t := range c.due(now, s.deps.Replica) {
		t.busy, t.due = true, now+t.interval
		probe := t.probe
		if c.suspicion.Whole(now) {
			probe.Timeout = min(health.SuspicionFactor*probe.Timeout, t.interval, health.MaxTimeout)
		}
		claim := t.claim()
		c.running.Go(func() { s.probe(ctx, t, probe, claim) })
	}
}

// Settle waits until the started checks have ended.
func (s *Service) Settle() { s.checks.running.Wait() }

// announce announces this replica, unless most of its checks fail at once: then other
// replicas take over its checks, and it continues with those that it had.
func (s *Service) announce(ctx context.Context, now time.Duration) {
	c := &s.checks
	c.mu.Lock()
	recent := c.announced && now-c.announcedAt < announceEvery
	suspect := c.suspicion.Whole(now)
	c.mu.Unlock()
	if recent || suspect && c.announced {
		return
	}
	replicas, err := s.deps.Members.Announce(ctx, s.deps.Replica, memberTTL)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.replicas = replicas
	}
	c.announcedAt, c.announced = now, true
}

// syncTargets updates the targets to the catalogue.
func (s *Service) syncTargets(now time.Duration) {
	c := &s.checks
	seen := map[registry.Key]bool{}
	s.catalogue.each(func(service *cachedService) bool {
		service.mu.RLock()
		defer service.mu.RUnlock()
		for i := range service.instances.all() {
			if i.Removed || i.Expired || !service.state.Usable() {
				continue
			}
			key := registry.Key{Service: service.name, Ref: i.Ref()}
			if c.setTarget(key, i.Instance, now) {
				seen[key] = true
			}
		}
		return true
	})
	for key := range c.targets {
		if !seen[key] {
			c.setForbidden(c.targets[key], false)
			delete(c.targets, key)
		}
	}
}

// setTarget adds or updates the target of an instance, and reports whether it has a check.
// The first check of a new target is at a random time of its interval.
func (c *checks) setTarget(key registry.Key, i *registry.Instance, now time.Duration) bool {
	t := c.targets[key]
	if t != nil && t.instance == i {
		return true
	}
	p, checked := i.Probe()
	if !checked {
		return false
	}
	check, _ := i.ActiveCheck()
	if t == nil {
		t = &target{key: key, due: now + jitter(key, check.Interval)}
		t.assessed.Restart(i.Evidence)
		c.targets[key] = t
	}
	t.instance, t.probe, t.interval = i, p, check.Interval
	return true
}

// jitter returns a part of an interval, the same for each key.
func jitter(key registry.Key, interval time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(nameOf(key)))
	return time.Duration(h.Sum64() % uint64(interval)) //nolint:gosec // intervals are positive
}

// nameOf returns a name that is unique over all services.
func nameOf(key registry.Key) string {
	return key.Service.String() + "/" + key.Environment.String() + "/" + key.Instance.String()
}

// due returns the targets to check now, the longest overdue first, as far as there are
// slots.
func (c *checks) due(now time.Duration, replica string) []*target {
	var list []*target
	for _, t := range c.targets {
		owned := len(c.replicas) == 0 ||
			health.Owner(nameOf(t.key), c.replicas) == replica
		switch {
		case t.busy || t.due > now:
		case !owned:
			t.due = now + t.interval
			c.setForbidden(t, false)
		default:
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *target) int { return cmp.Compare(a.due, b.due) })
	return slices.DeleteFunc(list, func(t *target) bool { return !c.slots.Take(t.claim()) })
}

// claim returns the slot that a check of the target needs.
func (t *target) claim() health.Claim {
	return health.Claim{
		Service: t.key.Service.String(), Place: health.Place(t.probe.Host, t.dialled), Source: t.probe.Source,
		Prompt: t.fast,
	}
}

// setForbidden records whether the last check of a target was not allowed.
func (c *checks) setForbidden(t *target, forbidden bool) {
	switch {
	case forbidden && !t.forbidden:
		c.forbidden++
	case !forbidden && t.forbidden:
		c.forbidden--
	}
	t.forbidden = forbidden
}

// probe makes a check and applies its result.
func (s *Service) probe(ctx context.Context, t *target, p health.Probe, claim health.Claim) {
	result := health.Result{Failed: health.Forbidden}
	if s.deps.Prober != nil {
		result = s.deps.Prober.Probe(ctx, p)
	}
	if ctx.Err() == nil {
		s.applyResult(ctx, t, result)
	}
	c := &s.checks
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slots.Release(claim)
	t.busy = false
	t.dialled = cmp.Or(result.Dialled, t.dialled)
	t.fast = result.Failed != health.TimedOut && result.Latency < fastLatency
	if c.targets[t.key] == t {
		c.setForbidden(t, result.Failed == health.Forbidden)
	}
}

// Conditions reports checks of this replica that are not allowed, unless checks are
// turned off.
func (s *Service) Conditions() []ports.Condition {
	s.checks.mu.Lock()
	defer s.checks.mu.Unlock()
	if s.deps.Prober == nil || s.checks.forbidden == 0 {
		return nil
	}
	return []ports.Condition{{
		Name: "checks_not_allowed", Count: s.checks.forbidden,
		Message: "Health checks of instances are not made, because their addresses are private or they read " +
			"bodies, or because the name of the database, Redis or Kafka cannot be resolved. Name the networks in " +
			"PROBE_ALLOW_CIDRS, repair DNS, or turn checks off with PROBES_ENABLED=false.",
	}}
}

// applyResult counts a result, and saves a changed verdict.
func (s *Service) applyResult(ctx context.Context, t *target, result health.Result) {
	i := s.catalogue.instance(t.key)
	if i == nil || i.Expired {
		return
	}
	if result.Failed == health.Forbidden {
		s.saveForbidden(ctx, t.key, i)
		return
	}
	s.restartCount(ctx, t, i, result.Passed())
	verdict, suspect := s.count(t, result)
	s.noteReading(ctx, t.key, i, result)
	settled := verdict.Status == i.Evidence && verdict.Flapping == i.Flapping
	// The reason of a check that is allowed again is replaced by the first result that
	// confirms the status.
	allowedAgain := i.Reason == registry.ReasonCheckNotAllowed && result.Passed() == i.Evidence.Serving()
	if settled && !allowedAgain || verdict.Status == health.Critical && suspect {
		return
	}
	s.saveVerdict(ctx, t.key, verdict, result)
}

// count adds a result, and reports whether failures are more likely this replica's than
// the instances'.
func (s *Service) count(t *target, result health.Result) (verdict health.Verdict, suspect bool) {
	c := &s.checks
	now := s.deps.Stopwatch.Elapsed()
	c.mu.Lock()
	defer c.mu.Unlock()
	if result.Passed() {
		t.passed = result.Dialled
	}
	service := t.key.Service.String()
	place := health.Place(t.probe.Host, cmp.Or(t.passed, result.Dialled))
	c.suspicion.Add(service, place, result.Passed(), now)
	return t.assessed.Add(result.Passed(), now), c.suspicion.Of(service, now)
}

// saveForbidden saves that an instance may not be checked. A failed write is repeated
// after the next check.
func (s *Service) saveForbidden(ctx context.Context, key registry.Key, i *registry.Instance) {
	if !i.CheckForbiddable() {
		return
	}
	_, _ = s.write(ctx, edition{
		name: key.Service, instances: []registry.InstanceID{key.Instance},
		apply: func(r *registry.Service) error { return r.ForbidCheck(key.Ref, s.own()) },
	})
}

// restartCount restarts counting where the status was reported since, or was changed by
// something else than a check.
func (s *Service) restartCount(ctx context.Context, t *target, i *registry.Instance, passed bool) {
	s.checks.mu.Lock()
	disagrees, same := t.assessed.Disagrees(passed), t.assessed.Verdict().Status == i.Evidence
	s.checks.mu.Unlock()
	if !disagrees && same {
		return
	}
	reports := t.reports
	if readings, err := s.deps.Readings.Instances(ctx, t.key); err == nil {
		reports = readings[0].Reports
	}
	s.checks.mu.Lock()
	defer s.checks.mu.Unlock()
	if !same || reports != t.reports {
		t.assessed.Restart(i.Evidence)
		t.reports = reports
	}
}

// noteReading stores the result of a check as a reading, on a best effort. The latency of
// a failure without details (health.Failed) is omitted: it would distinguish a refused
// port from a filtered one.
func (s *Service) noteReading(ctx context.Context, key registry.Key, i *registry.Instance, result health.Result) {
	status := health.Critical
	if result.Passed() {
		status = health.Passing
	}
	o := registry.Observation{Status: &status}
	if result.Failed != health.Failed {
		o.ResponseTime = new(float64(result.Latency) / float64(time.Millisecond))
	}
	_ = s.deps.Readings.Note(ctx, registry.Note{Key: key, Observation: o, URL: i.Address.Base()})
}

// saveVerdict saves a verdict. A failed write is repeated after the next results.
func (s *Service) saveVerdict(ctx context.Context, key registry.Key, verdict health.Verdict, result health.Result) {
	reason := registry.ReasonCheckPassed
	if !result.Passed() {
		reason = registry.ReasonCheckFailed + ":" + result.Failed.String()
	}
	_, _ = s.write(ctx, edition{
		name: key.Service, instances: []registry.InstanceID{key.Instance},
		apply: func(r *registry.Service) error {
			return r.Judge(key.Ref, verdict, reason, s.own())
		},
	})
}
