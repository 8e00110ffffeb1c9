package registry

import (
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// Transition is a change of the observed health of an instance. It is immutable.
type Transition struct {
	// ID numbers the transitions of all services; 0 until it is stored.
	ID int64
	Ref
	At       time.Time
	From, To health.Status
	Reason   string
	// Damaged reports that the stored row is unreadable: only ID is known.
	Damaged bool
}

// Unsaved is what a Repository has to write for one service, all or none. Events
// are PendingEvents.
type Unsaved struct {
	// State is the state after the change, its generation included.
	State State
	// Base is the generation that the store must hold; 0 for a service that it must
	// not have yet.
	Base int64
	// Founded reports that the service is registered anew: what Touch has stored before
	// is to be reset.
	Founded bool
	// Dropped reports that every stored instance is to be marked removed and not held,
	// before Instances are written.
	Dropped bool
	// Instances are those that have changed.
	Instances []*Instance
	// Transitions are to be added, oldest first.
	Transitions []Transition
}

// Empty reports whether there is nothing to write.
func (u Unsaved) Empty() bool { return u.State.Generation == u.Base }

// Unsaved returns the unsaved changes.
func (s *Service) Unsaved() Unsaved {
	u := Unsaved{
		State: s.State(), Base: s.state.Generation, Founded: s.founded, Dropped: s.dropped, Transitions: s.Entries(),
	}
	for ref := range s.changed {
		u.Instances = append(u.Instances, s.instances[ref])
	}
	if len(s.PendingEvents()) > 0 || len(u.Instances) > 0 {
		u.State.Generation++
	}
	return u
}

// MarkSaved records that the service is stored, under which id, and the id of the
// event that made its version; only stores call it, after their commit.
func (s *Service) MarkSaved(id ID, event string) {
	s.state.Generation = s.Unsaved().State.Generation
	s.Root.MarkSaved(id, event)
	s.changed, s.founded, s.dropped = map[Ref]bool{}, false, false
	s.growth = Size{}
}

// AggregateType is the type of services in events.
const AggregateType = "service"

// The types of events.
const (
	ServiceRegistered     = "service.registered"
	ServiceUpdated        = "service.updated"
	ServiceHealthChanged  = "service.health_changed"
	ServiceDeregistered   = "service.deregistered"
	InstanceRegistered    = "instance.registered"
	InstanceHealthChanged = "instance.health_changed"
	InstanceDrained       = "instance.drained"
	InstanceDeregistered  = "instance.deregistered"
)
