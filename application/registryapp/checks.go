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

// How replicas share the checks.
const (
	// A replica lives so long without a word, and gives one so often.
	memberTTL     = 3 * time.Second
	announceEvery = time.Second
	// A check that ends so soon is expected to do so again.
	promptly = time.Second
)

// checks is the active checks of this replica.
type checks struct {
	mu      sync.Mutex
	targets map[registry.Key]*target
	// changes is up to which change of the catalogue the targets are right.
	changes int64
	doubt   health.Doubt
	slots   health.Slots
	running sync.WaitGroup
	// barred counts the targets whose last check was not allowed.
	barred int64
	// replicas were alive when this one was last announced.
	replicas  []string
	announced time.Duration
	known     bool
}

// target is an instance that is checked.
type target struct {
	key registry.Key
	// instance is the one that probe is of.
	instance *registry.Instance
	probe    health.Probe
	interval time.Duration
	due      time.Duration
	busy     bool
	assessed health.Assessment
	// dialled is what was dialled last, answered what was when a check last passed.
	dialled, answered netip.Addr
	// prompt says that the last check ended soon, barred that it was not allowed.
	prompt, barred bool
	// reports is how many there were when results were last counted anew.
	reports int64
}

// Check begins the active checks that are due and this replica's to make. They end
// by themselves, or with ctx; Settle waits for that.
func (s *Service) Check(ctx context.Context) {
	now := s.deps.Stopwatch.Elapsed()
	s.announce(ctx, now)
	c := &s.checks
	c.mu.Lock()
	defer c.mu.Unlock()
	if changes := s.catalogue.changes.Load(); changes != c.changes {
		s.retarget(now)
		c.changes = changes
	}
	for _, t := range c.due(now, s.deps.Replica) {
		t.busy, t.due = true, now+t.interval
		probe := t.probe
		if c.doubt.Whole(now) {
			probe.Timeout = min(health.DoubtFactor*probe.Timeout, t.interval, health.MaxTimeout)
		}
		claim := t.claim()
		c.running.Go(func() { s.probe(ctx, t, probe, claim) })
	}
}

// Settle waits until the checks that were begun have ended.
func (s *Service) Settle() { s.checks.running.Wait() }

// announce says that this replica lives, unless it doubts itself: then the others
// take its checks on, and it goes on with those that were its own.
func (s *Service) announce(ctx context.Context, now time.Duration) {
	c := &s.checks
	c.mu.Lock()
	wait := c.known && now-c.announced < announceEvery
	doubtful := c.doubt.Whole(now)
	c.mu.Unlock()
	if wait || doubtful && c.known {
		return
	}
	replicas, err := s.deps.Members.Announce(ctx, s.deps.Replica, memberTTL)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.replicas = replicas
	}
	c.announced, c.known = now, true
}

// retarget brings the targets in line with the catalogue.
func (s *Service) retarget(now time.Duration) {
	c := &s.checks
	seen := map[registry.Key]bool{}
	s.catalogue.each(func(known *cachedService) bool {
		known.mu.RLock()
		defer known.mu.RUnlock()
		for i := range known.instances.all() {
			if i.Removed || i.Expired || !known.state.Usable() {
				continue
			}
			key := registry.Key{Service: known.name, Ref: i.Ref()}
			if c.aim(key, i.Instance, now) {
				seen[key] = true
			}
		}
		return true
	})
	for key := range c.targets {
		if !seen[key] {
			c.bar(c.targets[key], false)
			delete(c.targets, key)
		}
	}
}

// aim makes a target of an instance, or changes the one that there is, and reports
// whether the instance is to be checked. New ones begin spread over their interval.
func (c *checks) aim(key registry.Key, i *registry.Instance, now time.Duration) bool {
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

// jitter returns a part of an interval that is always the same for a key.
func jitter(key registry.Key, interval time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(nameOf(key)))
	return time.Duration(h.Sum64() % uint64(interval)) //nolint:gosec // intervals are positive
}

// nameOf names an instance among those of all services.
func nameOf(key registry.Key) string {
	return key.Service.String() + "/" + key.Environment.String() + "/" + key.Instance.String()
}

// due takes slots for targets to check now, the longest overdue first, and returns
// those that got one.
func (c *checks) due(now time.Duration, replica string) []*target {
	var list []*target
	for _, t := range c.targets {
		mine := len(c.replicas) == 0 ||
			health.Owner(nameOf(t.key), c.replicas) == replica
		switch {
		case t.busy || t.due > now:
		case !mine:
			t.due = now + t.interval
			c.bar(t, false)
		default:
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *target) int { return cmp.Compare(a.due, b.due) })
	return slices.DeleteFunc(list, func(t *target) bool { return !c.slots.Take(t.claim()) })
}

// claim returns what the target needs a slot for.
func (t *target) claim() health.Claim {
	return health.Claim{
		Service: t.key.Service.String(), Place: health.Place(t.probe.Host, t.dialled), Source: t.probe.Source,
		Prompt: t.prompt,
	}
}

// bar remembers whether the last check of a target was not allowed.
func (c *checks) bar(t *target, barred bool) {
	switch {
	case barred && !t.barred:
		c.barred++
	case !barred && t.barred:
		c.barred--
	}
	t.barred = barred
}

// probe makes a check, and takes its result in.
func (s *Service) probe(ctx context.Context, t *target, p health.Probe, claim health.Claim) {
	result := health.Result{Failed: health.Forbidden}
	if s.deps.Prober != nil {
		result = s.deps.Prober.Probe(ctx, p)
	}
	if ctx.Err() == nil {
		s.conclude(ctx, t, result)
	}
	c := &s.checks
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slots.Release(claim)
	t.busy = false
	t.dialled = cmp.Or(result.Dialled, t.dialled)
	t.prompt = result.Failed != health.TimedOut && result.Latency < promptly
	if c.targets[t.key] == t {
		c.bar(t, result.Failed == health.Forbidden)
	}
}

// Conditions returns the condition that checks of this replica are not allowed,
// while they are made at all.
func (s *Service) Conditions() []ports.Condition {
	s.checks.mu.Lock()
	defer s.checks.mu.Unlock()
	if s.deps.Prober == nil || s.checks.barred == 0 {
		return nil
	}
	return []ports.Condition{{
		Name: "checks_not_allowed", Count: s.checks.barred,
		Message: "Health checks of instances are not made, because their addresses are private or they look into " +
			"bodies, or because the name of the database, Redis or Kafka cannot be resolved. Name the networks in " +
			"PROBE_ALLOW_CIDRS, repair DNS, or turn checks off with PROBES_ENABLED=false.",
	}}
}

// conclude counts a result, and writes what the results have come to.
func (s *Service) conclude(ctx context.Context, t *target, result health.Result) {
	i := s.catalogue.instance(t.key)
	if i == nil || i.Expired {
		return
	}
	if result.Failed == health.Forbidden {
		s.withdraw(ctx, t.key, i)
		return
	}
	s.recount(ctx, t, i, result.Passed())
	verdict, doubtful := s.assess(t, result)
	s.note(ctx, t.key, i, result)
	settled := verdict.Status == i.Evidence && verdict.Flapping == i.Flapping
	// A check that is made again says so, as soon as it confirms what is known.
	again := i.Reason == registry.ReasonCheckNotAllowed && result.Passed() == i.Evidence.Serving()
	if settled && !again || verdict.Status == health.Critical && doubtful {
		return
	}
	s.judge(ctx, t.key, verdict, result)
}

// assess counts a result, and reports whether failures are not to be believed.
func (s *Service) assess(t *target, result health.Result) (verdict health.Verdict, doubtful bool) {
	c := &s.checks
	now := s.deps.Stopwatch.Elapsed()
	c.mu.Lock()
	defer c.mu.Unlock()
	if result.Passed() {
		t.answered = result.Dialled
	}
	service := t.key.Service.String()
	place := health.Place(t.probe.Host, cmp.Or(t.answered, result.Dialled))
	c.doubt.Add(service, place, result.Passed(), now)
	return t.assessed.Add(result.Passed(), now), c.doubt.Of(service, now)
}

// withdraw takes in that an instance may not be checked. A write that fails is made
// again after the next check.
func (s *Service) withdraw(ctx context.Context, key registry.Key, i *registry.Instance) {
	if !i.Barrable() {
		return
	}
	_, _ = s.write(ctx, edition{
		name: key.Service, instances: []registry.InstanceID{key.Instance},
		apply: func(r *registry.Service) error { return r.Bar(key.Ref, s.own()) },
	})
}

// recount begins counting anew where the instance was reported since, or is
// another for a reason that is not a check's.
func (s *Service) recount(ctx context.Context, t *target, i *registry.Instance, passed bool) {
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

// note keeps what a check found, on best effort. The latency of a check that failed
// where the way is not told (health.Failed) is left out: a refused port could be told
// from a filtered one by it.
func (s *Service) note(ctx context.Context, key registry.Key, i *registry.Instance, result health.Result) {
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

// judge writes a verdict. One that cannot be stored is reached again by the next
// results.
func (s *Service) judge(ctx context.Context, key registry.Key, verdict health.Verdict, result health.Result) {
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
