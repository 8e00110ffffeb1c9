package checks

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
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

// Dependencies is what a Runner needs.
type Dependencies struct {
	Catalogue *catalogue.Catalogue
	Members   registry.Members
	Readings  registry.Readings
	// Prober is nil where checks are turned off.
	Prober    health.Prober
	Stopwatch ports.Stopwatch
	// Replica names this process among those that share the checks.
	Replica string
	// Write changes an instance's service as the registry itself, and saves it.
	Write func(ctx context.Context, key registry.Key, apply func(*registry.Service, scope.Stamp) error) error
}

// Runner makes the active health checks of this replica.
type Runner struct {
	deps Dependencies

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

// New returns a Runner without checks.
func New(d Dependencies) *Runner {
	return &Runner{deps: d, targets: map[registry.Key]*target{}}
}

// Start starts the checks that are due and owned by this replica. They end by themselves,
// or with ctx; Settle waits for them.
func (r *Runner) Start(ctx context.Context) {
	now := r.deps.Stopwatch.Elapsed()
	r.announce(ctx, now)
	r.mu.Lock()
	defer r.mu.Unlock()
	if changes := r.deps.Catalogue.Changes(); changes != r.changes {
		r.syncTargets(now)
		r.changes = changes
	}
	for _, t := range r.due(now, r.deps.Replica) {
		t.busy, t.due = true, now+t.interval
		probe := t.probe
		if r.suspicion.Whole(now) {
			probe.Timeout = min(health.SuspicionFactor*probe.Timeout, t.interval, health.MaxTimeout)
		}
		claim := t.claim()
		r.running.Go(func() { r.probe(ctx, t, probe, claim) })
	}
}

// Settle waits until the started checks have ended.
func (r *Runner) Settle() { r.running.Wait() }

// announce announces this replica, unless most of its checks fail at once: then other
// replicas take over its checks, and it continues with those that it had.
func (r *Runner) announce(ctx context.Context, now time.Duration) {
	r.mu.Lock()
	recent := r.announced && now-r.announcedAt < announceEvery
	suspect := r.suspicion.Whole(now)
	r.mu.Unlock()
	if recent || suspect && r.announced {
		return
	}
	replicas, err := r.deps.Members.Announce(ctx, r.deps.Replica, memberTTL)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.replicas = replicas
	}
	r.announcedAt, r.announced = now, true
}

// probe makes a check and applies its result.
func (r *Runner) probe(ctx context.Context, t *target, p health.Probe, claim health.Claim) {
	result := health.Result{Failed: health.Forbidden}
	if r.deps.Prober != nil {
		result = r.deps.Prober.Probe(ctx, p)
	}
	if ctx.Err() == nil {
		r.applyResult(ctx, t, result)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slots.Release(claim)
	t.busy = false
	t.dialled = cmp.Or(result.Dialled, t.dialled)
	t.fast = result.Failed != health.TimedOut && result.Latency < fastLatency
	if r.targets[t.key] == t {
		r.setForbidden(t, result.Failed == health.Forbidden)
	}
}

// Conditions reports checks of this replica that are not allowed, unless checks are
// turned off.
func (r *Runner) Conditions() []ports.Condition {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.deps.Prober == nil || r.forbidden == 0 {
		return nil
	}
	return []ports.Condition{{
		Name: "checks_not_allowed", Count: r.forbidden,
		Message: "Health checks of instances are not made, because their addresses are private or they read " +
			"bodies, or because the name of the database, Redis or Kafka cannot be resolved. Name the networks in " +
			"PROBE_ALLOW_CIDRS, repair DNS, or turn checks off with PROBES_ENABLED=false.",
	}}
}
