package registry

import (
	"slices"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Amendment is what an operator changes about an instance; nil stays as it is.
type Amendment struct {
	Desired *Desired
	// Reason is that of the desired state; at most 1 KiB.
	Reason   *string
	Weight   *int
	Metadata *Metadata
	Tags     *[]string
}

// Amend makes an amendment. The author of another desired state is stored with it. A
// reason without a desired state is ErrInvalid, as are invalid fields; else it fails as
// Instance does.
func (s *Service) Amend(ref Ref, a Amendment, stamp scope.Stamp) error {
	before, err := s.Instance(ref)
	if err != nil {
		return err
	}
	if err := a.validate(); err != nil {
		return err
	}
	kind := ServiceUpdated
	if a.Desired != nil && *a.Desired == Draining && before.Desired != Draining {
		kind = InstanceDrained
	}
	return s.amend(ref, kind, "", stamp, func(i *Instance) {
		a.override(i, stamp.By)
		assign(&i.Weight, a.Weight)
		assign(&i.Metadata, a.Metadata)
		if a.Tags != nil {
			i.Tags = sortedTags(*a.Tags)
		}
	})
}

// override changes the desired state, if it or its reason is another.
func (a *Amendment) override(i *Instance, by scope.Actor) {
	if a.Desired == nil {
		return
	}
	next := Override{Desired: *a.Desired, By: i.By}
	assign(&next.Reason, a.Reason)
	if next != i.Override {
		next.By = by
		i.Override = next
	}
}

func (a *Amendment) validate() error {
	var reasonErr, tagsErr, weightErr error
	if a.Reason != nil {
		if message := scope.TextFault(*a.Reason, MaxReasonBytes, "1 KiB"); message != "" {
			reasonErr = fault.Bad("reason", message)
		} else if a.Desired == nil {
			reasonErr = fault.Bad("reason", "is for what is desired: give desired too")
		}
	}
	if a.Tags != nil {
		tagsErr = tagsFault(*a.Tags)
	}
	if a.Weight != nil {
		weightErr = weightFault(*a.Weight)
	}
	return fault.Merge(reasonErr, tagsErr, weightErr)
}

// DeregisterInstance removes an instance, also a damaged one. Its override is kept. It
// fails as Instance does.
func (s *Service) DeregisterInstance(ref Ref, stamp scope.Stamp) error {
	i, err := s.Instance(ref)
	if err != nil {
		return err
	}
	s.remove(i, ReasonDeregistered, stamp)
	s.settle(stamp)
	return nil
}

// RemoveExpired removes instances whose leases expired long ago. Those that are removed
// already, have not expired, are held, or have a lease of another epoch by now, are
// skipped.
func (s *Service) RemoveExpired(stamp scope.Stamp, leases ...LeaseKey) {
	for _, l := range leases {
		if i := s.find(l.Ref); i != nil && i.Expired && !i.Held && i.Epoch == l.Epoch {
			s.remove(i, ReasonLeaseExpired, stamp)
		}
	}
	s.settle(stamp)
}

func (s *Service) remove(i *Instance, reason string, stamp scope.Stamp) {
	gone := *i
	gone.Removed, gone.Held = true, false
	s.put(gone, InstanceDeregistered, reason, stamp)
}

// Deregister removes the service and all its instances, also those that were not loaded,
// and damaged ones. One that is deregistered already is ErrNotFound.
func (s *Service) Deregister(stamp scope.Stamp) error {
	if !s.lives() {
		return ErrNotFound
	}
	s.state.Details, s.state.Status, s.state.Protections, s.state.Tally = Details{}, StatusUnknown, nil, Tally{}
	s.raise(ServiceDeregistered, scope.ActionDelete, stamp, nil)
	s.dropped = true
	for ref, i := range s.instances {
		gone := *i
		gone.Removed, gone.Held, gone.UpdatedAt = true, false, s.UpdatedAt()
		s.instances[ref] = &gone
	}
	return nil
}

// Withdraw removes the instances of an environment, and the service with them where it
// has no others. All instances have to be loaded. A service without an instance there is
// ErrNotFound.
func (s *Service) Withdraw(e scope.Environment, stamp scope.Stamp) error {
	in := s.Environments()
	switch {
	case !slices.Contains(in, e):
		return ErrNotFound
	case len(in) == 1:
		return s.Deregister(stamp)
	}
	for _, i := range s.Instances() {
		if i.Environment == e && s.find(i.Ref()) != nil {
			s.remove(i, ReasonDeregistered, stamp)
		}
	}
	s.settle(stamp)
	return nil
}
