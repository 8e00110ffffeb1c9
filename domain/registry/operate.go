package registry

import (
	"slices"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Amendment is what an operator changes about an instance; nil stays as it is.
type Amendment struct {
	Desired *Desired
	// Reason is for what is desired; at most 1 KiB.
	Reason   *string
	Weight   *int
	Metadata *Metadata
	Tags     *[]string
}

// Amend makes an amendment. Whoever asks for something else to be desired is
// written beside it. A reason without anything desired is ErrInvalid, as is what
// breaks a rule; else it fails as Instance does.
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
		a.wish(i, stamp.By)
		assign(&i.Weight, a.Weight)
		assign(&i.Metadata, a.Metadata)
		if a.Tags != nil {
			i.Tags = sortedTags(*a.Tags)
		}
	})
}

// wish changes what is desired, if that or its reason is another.
func (a *Amendment) wish(i *Instance, by scope.Actor) {
	if a.Desired == nil {
		return
	}
	next := Wish{Desired: *a.Desired, By: i.By}
	assign(&next.Reason, a.Reason)
	if next != i.Wish {
		next.By = by
		i.Wish = next
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

// DeregisterInstance takes an instance away, also a damaged one. Its wish is kept. It fails as
// Instance does.
func (s *Service) DeregisterInstance(ref Ref, stamp scope.Stamp) error {
	i, err := s.Instance(ref)
	if err != nil {
		return err
	}
	s.remove(i, ReasonDeregistered, stamp)
	s.settle(stamp)
	return nil
}

// RemoveExpired takes instances away whose leases have ended long ago. Those that
// do not live, have not expired, are held, or hold a lease of another epoch by
// now, are passed over.
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

// Deregister takes the service and all its instances away, also those that were
// not loaded, and damaged ones. One that is deregistered already is ErrNotFound.
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

// Withdraw takes the instances of an environment away, and the service with them
// where it has no others. All instances that live have to be loaded. A service
// without an instance there is ErrNotFound.
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
