package registry

import (
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// Status is the status of a service, derived from its instances. The zero value is
// StatusUnknown.
type Status uint8

// The states of a service.
const (
	// StatusUnknown is before the health of any instance is known.
	StatusUnknown Status = iota
	// Healthy has an instance that is ready.
	Healthy
	// Unhealthy has none.
	Unhealthy
)

// String returns "unknown", "healthy" or "unhealthy".
func (s Status) String() string {
	switch s {
	case Healthy:
		return "healthy"
	case Unhealthy:
		return "unhealthy"
	case StatusUnknown:
	}
	return "unknown"
}

// ParseStatus is the inverse of String; another text is ErrInvalid for "status".
func ParseStatus(text string) (Status, error) {
	for _, s := range []Status{StatusUnknown, Healthy, Unhealthy} {
		if s.String() == text {
			return s, nil
		}
	}
	return 0, fault.Bad("status", "must be healthy, unhealthy or unknown")
}

// Details is the registered description of a service.
type Details struct {
	URL         URL
	HealthCheck URL
	Metadata    Metadata
}

func (d Details) same(e Details) bool {
	return d.URL == e.URL && d.HealthCheck == e.HealthCheck && d.Metadata.Same(e.Metadata)
}

// Tally counts the instances that are not removed, so that the status needs none of them
// loaded.
type Tally struct {
	Total int
	// Offered counts the ready or held ones.
	Offered int
	// Known counts those with a known health.
	Known int
}

func (t *Tally) add(i *Instance, sign int) {
	if i == nil || i.Removed {
		return
	}
	t.Total += sign
	if i.Offered() {
		t.Offered += sign
	}
	if i.Observed() != health.Unknown {
		t.Known += sign
	}
}

func (t *Tally) status() Status {
	switch {
	case t.Offered > 0:
		return Healthy
	case t.Total > 0 && t.Known == 0:
		return StatusUnknown
	}
	return Unhealthy
}

// Protection is the protection of a service in an environment.
type Protection struct {
	Environment scope.Environment
	Since       time.Time
}

// State is the state of a service, without its instances. Of a damaged one details and
// protections are empty, and the other fields are as far as readable.
type State struct {
	ID ID
	Attributes
	scope.Lifecycle
}

// Attributes is the state of a service without its id and lifecycle.
type Attributes struct {
	Name scope.ServiceName
	Details
	Status Status
	Tally  Tally
	// Protections are in the order of their beginning.
	Protections []Protection
	// Epoch is the last one that was drawn for an instance.
	Epoch Epoch
	// Purged is the generation up to which removed instances may be purged.
	Purged int64
	// Generation counts the saves of the service, also those without a version.
	Generation int64
	// LastCheck is when its health was last reported; the zero time for never.
	LastCheck time.Time
	// ResponseTime is of the reports, in milliseconds; nil for none.
	ResponseTime *ResponseTime
}

// ResponseTime is the last response time in milliseconds, and the exponentially
// weighted moving average of them all with a weight of 0.2 for the last.
type ResponseTime struct{ Last, Average float64 }

// Usable reports whether the service is registered and can be read.
func (s *State) Usable() bool { return s.ID != 0 && !s.Deleted && !s.Damaged }

// Protected returns since when the service is protected in an environment.
func (s *Attributes) Protected(e scope.Environment) (since time.Time, protected bool) {
	i := slices.IndexFunc(s.Protections, func(p Protection) bool { return p.Environment == e })
	if i < 0 {
		return time.Time{}, false
	}
	return s.Protections[i].Since, true
}

// Service is the aggregate: a service with its loaded instances. Every published change
// makes a version and an event; a Repository stores them all at once. Its id and version,
// and the epochs of its instances, continue after it is deregistered.
type Service struct {
	versioned.Root[ID, Transition]
	state     Attributes
	instances map[Ref]*Instance
	changed   map[Ref]bool
	// founded reports that it is registered anew.
	founded bool
	// dropped reports that all instances are removed, also those that were not loaded.
	dropped bool
	growth  Size
}

// New returns an unsaved service without a registration.
func New(name scope.ServiceName) *Service { return NewAbove(name, 0) }

// NewAbove is New for a service whose epochs begin above another one.
func NewAbove(name scope.ServiceName, epoch Epoch) *Service {
	return Rehydrate(State{Attributes: Attributes{Name: name, Epoch: epoch}})
}

// Rehydrate rebuilds a service from storage; only stores call it.
func Rehydrate(state State, instances ...*Instance) *Service {
	s := &Service{
		Root:  versioned.Rehydrate[ID, Transition](state.ID, state.Lifecycle),
		state: state.Attributes, instances: map[Ref]*Instance{}, changed: map[Ref]bool{},
	}
	for _, i := range instances {
		s.instances[i.Ref()] = i
	}
	return s
}

// State returns the current state.
func (s *Service) State() State {
	return State{ID: s.ID(), Attributes: s.state, Lifecycle: s.Lifecycle()}
}

// Damage returns ErrDamaged with the id where the service's stored row is unreadable,
// else nil.
func (s *Service) Damage() error {
	if !s.Damaged() {
		return nil
	}
	return ErrDamaged.WithDetail("id", int64(s.ID())).WithDetail("version", int64(s.Version()))
}

// Instance returns a loaded instance that is not removed, also a damaged one, or
// ErrInstanceNotFound.
func (s *Service) Instance(ref Ref) (*Instance, error) {
	if i := s.find(ref); i != nil {
		return i, nil
	}
	return nil, ErrInstanceNotFound
}

// Environments returns the environments of loaded instances, in the order of the names.
func (s *Service) Environments() []scope.Environment {
	var living []*Instance
	for ref := range s.instances {
		if i := s.find(ref); i != nil {
			living = append(living, i)
		}
	}
	return environmentsOf(living)
}

func environmentsOf(instances []*Instance) []scope.Environment {
	list := make([]scope.Environment, len(instances))
	for n, i := range instances {
		list[n] = i.Environment
	}
	slices.SortFunc(list, func(a, b scope.Environment) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(list)
}

// Instances returns the loaded instances, removed ones too, in the order of their
// ids and environments.
func (s *Service) Instances() []*Instance {
	list := make([]*Instance, 0, len(s.instances))
	for _, i := range s.instances {
		list = append(list, i)
	}
	slices.SortFunc(list, ByID)
	return list
}

// ByID orders instances by their ids, and those of one id by their environments,
// bytewise.
func ByID(a, b *Instance) int {
	if c := cmp.Compare(a.ID.id, b.ID.id); c != 0 {
		return c
	}
	return cmp.Compare(a.Environment.String(), b.Environment.String())
}

// find returns a loaded instance that is not removed, or nil.
func (s *Service) find(ref Ref) *Instance {
	if i := s.instances[ref]; i != nil && !i.Removed && !s.Deleted() {
		return i
	}
	return nil
}

// readable returns a loaded instance that is neither removed nor damaged, or nil.
func (s *Service) readable(ref Ref) *Instance {
	if i := s.find(ref); i != nil && !i.Damaged {
		return i
	}
	return nil
}

// lives reports whether the service is registered.
func (s *Service) lives() bool { return s.Version() > 0 && !s.Deleted() }

// put replaces an instance, and makes a version with its event. A transition of the
// observed health is recorded with the reason.
func (s *Service) put(next Instance, kind, reason string, stamp scope.Stamp) {
	stamp = s.raise(kind, scope.ActionUpdate, stamp, func(data map[string]any) string {
		data["instance_id"] = next.ID.String()
		data["status"] = next.Observed().String()
		data["desired"] = next.Desired.String()
		if reason != "" {
			data["reason"] = reason
		}
		return next.Environment.String()
	})
	s.keep(next, reason, stamp)
}

// keep replaces an instance, within the current version.
func (s *Service) keep(next Instance, reason string, stamp scope.Stamp) {
	ref := next.Ref()
	before := s.instances[ref]
	from, known := health.Unknown, before != nil && !before.Removed && !before.Damaged
	if known {
		from = before.Observed()
	}
	to := next.Observed()
	if next.Removed {
		to = health.Unknown
	}
	next.UpdatedAt = stamp.At
	if from != to || !known || next.Removed {
		next.Since, next.Reason = stamp.At, reason
		s.AddEntry(Transition{Ref: ref, At: stamp.At, From: from, To: to, Reason: reason})
	}
	s.state.Tally.add(before, -1)
	s.state.Tally.add(&next, +1)
	s.growth = s.growth.Plus(SizeOf(&next)).Minus(SizeOf(before))
	s.instances[ref] = &next
	s.changed[ref] = true
}

// raise makes a version and its event; describe adds to the event's data and returns its
// environment.
func (s *Service) raise(
	kind string, action scope.Action, stamp scope.Stamp, describe func(data map[string]any) string,
) scope.Stamp {
	made := s.Next(action, stamp)
	name := s.state.Name.String()
	data := map[string]any{"key": name, "service_name": name, "version": int64(s.Version())}
	environment := ""
	if describe != nil {
		environment = describe(data)
	}
	if environment != "" {
		data["environment"] = environment
	}
	// Names, states and reasons are published, no address and no metadata.
	s.Record(versioned.NewChanged(event.Envelope{
		Type: kind, AggregateType: AggregateType, Environment: environment,
		ServiceName: s.state.Name.String(), Data: data,
	}, made, false))
	return made.Stamp
}

// settle updates the status from the instances.
func (s *Service) settle(stamp scope.Stamp) {
	if !s.lives() {
		return
	}
	before, now := s.state.Status, s.state.Tally.status()
	if before == now {
		return
	}
	s.state.Status = now
	s.raise(ServiceHealthChanged, scope.ActionUpdate, stamp, func(data map[string]any) string {
		data["from"], data["status"] = before.String(), now.String()
		return ""
	})
}
