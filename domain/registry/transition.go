package registry

import (
	"slices"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Reasons of transitions. The reason of a failed check is ReasonCheckFailed with a colon
// and the class of the failure.
const (
	ReasonRegistered      = "registered"
	ReasonReported        = "reported"
	ReasonLeaseExpired    = "lease_expired"
	ReasonLeaseRenewed    = "lease_renewed"
	ReasonCheckPassed     = "check_passed"
	ReasonCheckFailed     = "check_failed"
	ReasonCheckNotAllowed = "check_not_allowed"
	ReasonProtected       = "protected"
	ReasonProtectionEnded = "protection_ended"
	ReasonDeregistered    = "deregistered"
	ReasonReplaced        = "replaced"
)

// Report records a report about an instance. The latest evidence wins, also over checks;
// an instance with an expired lease stays critical until the lease is renewed. It fails
// as Instance does.
func (s *Service) Report(ref Ref, status health.Status, stamp scope.Stamp) error {
	return s.amend(ref, InstanceHealthChanged, ReasonReported, stamp, func(i *Instance) {
		i.Evidence, i.Flapping = status, false
	})
}

// Judge records the verdict of active checks. It fails as Instance does.
func (s *Service) Judge(ref Ref, verdict health.Verdict, reason string, stamp scope.Stamp) error {
	return s.amend(ref, InstanceHealthChanged, reason, stamp, func(i *Instance) {
		i.Evidence, i.Flapping = verdict.Status, verdict.Flapping
		if i.Reason == ReasonCheckNotAllowed {
			i.Reason = reason
		}
	})
}

// Holder returns the loaded instance of an id with a lease of that epoch, in any
// environment. The errors are about those that are seen: where all leases of the id are of
// other epochs it is LeaseLostIn their environments; where there is none, ErrNoLease,
// ErrInstanceNotFound, or, if the service is deregistered, ErrNotFound. An epoch that a
// restore has undone (State.Undone) is ErrInstanceNotFound, too.
func (s *Service) Holder(id InstanceID, epoch Epoch, sight Sight) (*Instance, error) {
	if !s.lives() {
		return nil, ErrNotFound
	}
	err := ErrInstanceNotFound
	var others []scope.Environment
	for _, i := range s.Instances() {
		switch {
		case i.ID != id || s.find(i.Ref()) == nil:
		case !i.Damaged && i.Leased() && i.Epoch == epoch:
			return i, nil
		case !sight.Includes(i.Environment):
		case i.Damaged:
			err = ErrDamaged
		case !i.Leased():
			err = ErrNoLease
		case s.state.Undone(i, epoch):
		default:
			others = append(others, i.Environment)
		}
	}
	if len(others) > 0 {
		return nil, LeaseLostIn(others...)
	}
	return nil, err
}

// LeaseLostIn returns ErrLeaseLost, with the names of the environments where there
// are several.
func LeaseLostIn(in ...scope.Environment) error {
	if len(in) < 2 {
		return ErrLeaseLost
	}
	return ErrLeaseLost.WithDetail(environmentsDetail, namesOf(in))
}

// ForbidCheck records that the active check of an instance is not allowed. A reported
// state stays. The result of earlier checks is withdrawn, because nothing renews it: the
// evidence is then Passing for an instance with a lease, and Unknown for one without. It
// fails as Instance does.
func (s *Service) ForbidCheck(ref Ref, stamp scope.Stamp) error {
	return s.amend(ref, InstanceHealthChanged, ReasonCheckNotAllowed, stamp, func(i *Instance) {
		if !i.CheckForbiddable() {
			return
		}
		if i.checked() {
			i.Evidence, i.Flapping = health.Unknown, false
			if i.Leased() {
				i.Evidence = health.Passing
			}
		}
		i.Reason = ReasonCheckNotAllowed
	})
}

// CheckForbiddable reports whether ForbidCheck would change the instance: its lease runs,
// and its state is not a reported one.
func (i *Instance) CheckForbiddable() bool {
	return !i.Expired && i.Reason != ReasonReported && i.Reason != ReasonCheckNotAllowed
}

// checked reports whether the evidence is that of active checks.
func (i *Instance) checked() bool {
	return i.Flapping || i.Reason == ReasonCheckPassed || strings.HasPrefix(i.Reason, ReasonCheckFailed)
}

// Revive records that the lease of an instance was renewed after its expiry, under the
// epoch. Another epoch is ErrLeaseLost, or ErrInstanceNotFound where a restore has undone
// it (State.Undone); else it fails as Instance does.
func (s *Service) Revive(ref Ref, epoch Epoch, stamp scope.Stamp) error {
	i, err := s.Instance(ref)
	switch {
	case err != nil:
		return err
	case i.Damaged:
		return i.damage()
	case !i.Leased():
		return ErrNoLease
	case s.state.Undone(i, epoch):
		return ErrInstanceNotFound
	case i.Epoch != epoch:
		return ErrLeaseLost.WithDetail("lease_epoch", int64(i.Epoch))
	}
	return s.amend(ref, InstanceHealthChanged, ReasonLeaseRenewed, stamp, func(i *Instance) {
		i.Expired, i.Held = false, false
	})
}

// Expire records that the leases of instances have expired. Held ones stay listed.
// Instances that are removed, or have a lease of another epoch by now, are skipped.
func (s *Service) Expire(held bool, stamp scope.Stamp, leases ...LeaseKey) {
	for _, l := range leases {
		if i := s.find(l.Ref); i == nil || i.Epoch != l.Epoch {
			continue
		}
		reason := ReasonLeaseExpired
		if held && s.find(l.Ref).Expired {
			reason = ReasonProtected
		}
		// An instance that is not removed can be amended.
		_ = s.amend(l.Ref, InstanceHealthChanged, reason, stamp, func(i *Instance) {
			i.Expired, i.Held = true, held
		})
	}
}

// Release records that instances are no longer held. Those that are not held are skipped.
func (s *Service) Release(stamp scope.Stamp, refs ...Ref) {
	for _, ref := range refs {
		if i := s.find(ref); i == nil || !i.Held {
			continue
		}
		// An instance that is not removed can be amended.
		_ = s.amend(ref, InstanceHealthChanged, ReasonProtectionEnded, stamp, func(i *Instance) { i.Held = false })
	}
}

// Protect begins or ends the protection of the service in an environment. The same
// protection again changes nothing.
func (s *Service) Protect(e scope.Environment, protected bool, stamp scope.Stamp) {
	if _, already := s.state.Protected(e); already == protected || !s.lives() || s.Damaged() {
		return
	}
	mode := "normal"
	if protected {
		mode = "protected"
	}
	stamp = s.raise(ServiceHealthChanged, scope.ActionUpdate, stamp, func(data map[string]any) string {
		data["mode"], data["status"] = mode, s.state.Status.String()
		return e.String()
	})
	if protected {
		s.state.Protections = append(slices.Clone(s.state.Protections), Protection{Environment: e, Since: stamp.At})
		return
	}
	var others []Protection
	for _, p := range s.state.Protections {
		if p.Environment != e {
			others = append(others, p)
		}
	}
	s.state.Protections = others
}

// amend changes an instance, if the change is one. A damaged one is ErrDamaged.
func (s *Service) amend(
	ref Ref, kind, reason string, stamp scope.Stamp, change func(*Instance),
) error {
	before, err := s.Instance(ref)
	if err != nil {
		return err
	}
	if err := before.damage(); err != nil {
		return err
	}
	next := *before
	change(&next)
	if next.same(before) {
		return nil
	}
	s.put(next, kind, reason, stamp)
	s.settle(stamp)
	return nil
}
