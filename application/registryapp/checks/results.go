package checks

import (
	"cmp"
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// applyResult counts a result, and saves a changed verdict.
func (r *Runner) applyResult(ctx context.Context, t *target, result health.Result) {
	i := r.deps.Catalogue.Instance(t.key)
	if i == nil || i.Expired {
		return
	}
	if result.Failed == health.Forbidden {
		r.saveForbidden(ctx, t.key, i)
		return
	}
	r.restartCount(ctx, t, i, result.Passed())
	verdict, suspect := r.count(t, result)
	r.noteReading(ctx, t.key, result)
	settled := verdict.Status == i.Evidence && verdict.Flapping == i.Flapping
	// The reason of a check that is allowed again is replaced by the first result that
	// confirms the status.
	allowedAgain := i.Reason == registry.ReasonCheckNotAllowed && result.Passed() == i.Evidence.Serving()
	if settled && !allowedAgain || verdict.Status == health.Critical && suspect {
		return
	}
	r.saveVerdict(ctx, t.key, verdict, result)
}

// count adds a result, and reports whether failures are more likely this replica's than
// the instances'.
func (r *Runner) count(t *target, result health.Result) (verdict health.Verdict, suspect bool) {
	now := r.deps.Stopwatch.Elapsed()
	r.mu.Lock()
	defer r.mu.Unlock()
	if result.Passed() {
		t.passed = result.Dialled
	}
	service := t.key.Service.String()
	place := health.Place(t.probe.Host, cmp.Or(t.passed, result.Dialled))
	r.suspicion.Add(service, place, result.Passed(), now)
	return t.assessed.Add(result.Passed(), now), r.suspicion.Of(service, now)
}

// saveForbidden saves that an instance may not be checked. A failed write is repeated
// after the next check.
func (r *Runner) saveForbidden(ctx context.Context, key registry.Key, i *registry.Instance) {
	if !i.CheckForbiddable() {
		return
	}
	_ = r.deps.Write(ctx, key, func(s *registry.Service, by scope.Stamp) error {
		return s.ForbidCheck(key.Ref, by)
	})
}

// restartCount restarts counting where the status was reported since, or was changed by
// something else than a check.
func (r *Runner) restartCount(ctx context.Context, t *target, i *registry.Instance, passed bool) {
	r.mu.Lock()
	disagrees, same := t.assessed.Disagrees(passed), t.assessed.Verdict().Status == i.Evidence
	r.mu.Unlock()
	if !disagrees && same {
		return
	}
	reports := t.reports
	if readings, err := r.deps.Readings.Instances(ctx, t.key); err == nil {
		reports = readings[0].Reports
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !same || reports != t.reports {
		t.assessed.Restart(i.Evidence)
		t.reports = reports
	}
}

// noteReading stores the result of a check as a reading, on a best effort. The latency of
// a failure without details (health.Failed) is omitted: it would distinguish a refused
// port from a filtered one.
func (r *Runner) noteReading(ctx context.Context, key registry.Key, result health.Result) {
	status := health.Critical
	if result.Passed() {
		status = health.Passing
	}
	o := registry.Observation{Status: &status}
	if result.Failed != health.Failed {
		o.ResponseTime = new(float64(result.Latency) / float64(time.Millisecond))
	}
	_ = r.deps.Readings.Note(ctx, registry.Note{Key: key, Observation: o})
}

// saveVerdict saves a verdict. A failed write is repeated after the next results.
func (r *Runner) saveVerdict(ctx context.Context, key registry.Key, verdict health.Verdict, result health.Result) {
	reason := registry.ReasonCheckPassed
	if !result.Passed() {
		reason = registry.ReasonCheckFailed + ":" + result.Failed.String()
	}
	_ = r.deps.Write(ctx, key, func(s *registry.Service, by scope.Stamp) error {
		return s.Judge(key.Ref, verdict, reason, by)
	})
}
