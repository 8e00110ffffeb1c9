package checks

import (
	"cmp"
	"hash/fnv"
	"net/netip"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

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

// syncTargets updates the targets to the catalogue.
func (r *Runner) syncTargets(now time.Duration) {
	seen := map[registry.Key]bool{}
	r.deps.Catalogue.Each(func(service *catalogue.Service) bool {
		_, instances := service.Living()
		for _, i := range instances {
			if i.Expired {
				continue
			}
			key := registry.Key{Service: service.Name(), Ref: i.Ref()}
			if r.setTarget(key, i, now) {
				seen[key] = true
			}
		}
		return true
	})
	for key := range r.targets {
		if !seen[key] {
			r.setForbidden(r.targets[key], false)
			delete(r.targets, key)
		}
	}
}

// setTarget adds or updates the target of an instance, and reports whether it has a check.
// The first check of a new target is at a random time of its interval.
func (r *Runner) setTarget(key registry.Key, i *registry.Instance, now time.Duration) bool {
	t := r.targets[key]
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
		r.targets[key] = t
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
func (r *Runner) due(now time.Duration, replica string) []*target {
	var list []*target
	for _, t := range r.targets {
		owned := len(r.replicas) == 0 ||
			health.Owner(nameOf(t.key), r.replicas) == replica
		switch {
		case t.busy || t.due > now:
		case !owned:
			t.due = now + t.interval
			r.setForbidden(t, false)
		default:
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *target) int { return cmp.Compare(a.due, b.due) })
	return slices.DeleteFunc(list, func(t *target) bool { return !r.slots.Take(t.claim()) })
}

// claim returns the slot that a check of the target needs.
func (t *target) claim() health.Claim {
	return health.Claim{
		Service: t.key.Service.String(), Place: health.Place(t.probe.Host, t.dialled), Source: t.probe.Source,
		Prompt: t.fast,
	}
}

// setForbidden records whether the last check of a target was not allowed.
func (r *Runner) setForbidden(t *target, forbidden bool) {
	switch {
	case forbidden && !t.forbidden:
		r.forbidden++
	case !forbidden && t.forbidden:
		r.forbidden--
	}
	t.forbidden = forbidden
}
