package registryapp

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// How many checks are made at once, and how replicas share them.
const (
	maxProbes        = 64
	maxProbesPerHost = 4
	// A replica lives so long without a word, and gives one so often.
	memberTTL     = 3 * time.Second
	announceEvery = time.Second
)

// checks is the active checks of this replica.
type checks struct {
	mu      sync.Mutex
	targets map[registry.Key]*target
	// changes is up to which change of the catalogue the targets are right.
	changes int64
	doubt   health.Doubt
	// perHost and all count the checks that are being made.
	perHost map[string]int
	all     int
	running sync.WaitGroup
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
		if c.doubt.Doubtful(now) {
			probe.Timeout = min(health.DoubtFactor*probe.Timeout, t.interval)
		}
		c.begin(probe.OwnHost)
		c.running.Go(func() { s.probe(ctx, t, probe) })
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
	doubtful := c.doubt.Doubtful(now)
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
	s.catalogue.each(func(known *shelf) bool {
		known.mu.RLock()
		defer known.mu.RUnlock()
		for i := range known.instances.all() {
			if i.Removed || i.Expired || known.state.Deleted {
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

// due returns the targets to check now, the longest overdue first.
func (c *checks) due(now time.Duration, replica string) []*target {
	var list []*target
	for _, t := range c.targets {
		mine := len(c.replicas) == 0 ||
			health.Owner(nameOf(t.key), c.replicas) == replica
		switch {
		case t.busy || t.due > now:
		case !mine:
			t.due = now + t.interval
		default:
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *target) int { return cmp.Compare(a.due, b.due) })
	var chosen []*target
	hosts := map[string]int{}
	for _, t := range list {
		host := t.probe.OwnHost
		if c.all+len(chosen) < maxProbes && c.perHost[host]+hosts[host] < maxProbesPerHost {
			hosts[host]++
			chosen = append(chosen, t)
		}
	}
	return chosen
}

func (c *checks) begin(host string) {
	if c.perHost == nil {
		c.perHost = map[string]int{}
	}
	c.perHost[host]++
	c.all++
}

func (c *checks) finish(t *target, host string) {
	if c.perHost[host]--; c.perHost[host] == 0 {
		delete(c.perHost, host)
	}
	c.all--
	t.busy = false
}

// probe makes a check, and takes its result in.
func (s *Service) probe(ctx context.Context, t *target, p health.Probe) {
	result := s.deps.Prober.Probe(ctx, p)
	if ctx.Err() == nil {
		s.conclude(ctx, t, result)
	}
	s.checks.mu.Lock()
	defer s.checks.mu.Unlock()
	s.checks.finish(t, p.OwnHost)
}

// conclude counts a result, and writes what the results have come to.
func (s *Service) conclude(ctx context.Context, t *target, result health.Result) {
	i := s.catalogue.instance(t.key)
	if i == nil || i.Expired {
		return
	}
	s.recount(ctx, t, i, result.Passed())
	now := s.deps.Stopwatch.Elapsed()
	s.checks.mu.Lock()
	s.checks.doubt.Add(i.Address.HostName(), result.Passed(), now)
	verdict := t.assessed.Add(result.Passed(), now)
	doubtful := s.checks.doubt.Doubtful(now)
	s.checks.mu.Unlock()
	s.note(ctx, t.key, i, result)
	if verdict.Status == i.Evidence && verdict.Flapping == i.Flapping || verdict.Status == health.Critical && doubtful {
		return
	}
	s.judge(ctx, t.key, verdict, result)
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

// note tells those who look what a check found; they can do without.
func (s *Service) note(ctx context.Context, key registry.Key, i *registry.Instance, result health.Result) {
	status := health.Critical
	if result.Passed() {
		status = health.Passing
	}
	latency := float64(result.Latency) / float64(time.Millisecond)
	_ = s.deps.Readings.Note(ctx, registry.Note{
		Key: key, Observation: registry.Observation{Status: &status, ResponseTime: &latency}, URL: i.Address.Base(),
	})
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
