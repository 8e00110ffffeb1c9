package registry

import (
	"net/netip"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Registration is the input of Register; nil fields leave the registered values.
type Registration struct {
	// Instance is zero for a service without instances.
	Instance InstanceID
	// URL, HealthCheck and Metadata are the instance's where there is one. The zero
	// HealthCheck takes it away.
	URL, HealthCheck *URL
	Metadata         *Metadata
	Host             *string
	Ports            Ports
	// Environment is that of the instance, and Fallback the one where none is given,
	// except for a service without instances, whose only default instance keeps its
	// environment.
	Environment   *scope.Environment
	Fallback      scope.Environment
	Zone, Version *string
	Tags          *[]string
	Weight        *int
	TTL, Removal  *time.Duration
	Check         *health.Check
	// After is an epoch in the lease store: the new one is higher. 0 for none.
	After Epoch
	// Source is the client's address, the zero address where it is not known.
	Source netip.Addr
}

// describes reports whether a field is set that only instances have.
func (r *Registration) describes() bool {
	return r.Host != nil || r.Ports != nil || r.Environment != nil || r.Zone != nil || r.Version != nil ||
		r.Tags != nil || r.Weight != nil || r.Check != nil
}

// Validate returns ErrInvalid for fields that are invalid in every registration. Register
// validates the others, which depend on the registered values.
func (r *Registration) Validate() error {
	d := Definition{Weight: DefaultWeight, TTL: DefaultTTL, Removal: MaxRemoval}
	r.apply(&d)
	d.Removal = max(d.Removal, d.TTL)
	if d.Address.IsZero() {
		d.Address.Host, d.Address.Ports = "any", Ports{"any": 1}
	}
	return d.Validate()
}

// Registered is what became of a registration.
type Registered struct {
	// Created reports that the service or the instance is new, or registered again.
	Created bool
	// Instance is the registered one; nil for a service without instances.
	Instance *Instance
}

// Register makes a registration: of an instance with a lease, or of the service itself,
// with its default instance unless it has others. The instances of that id and the
// default ones have to be loaded, if they are stored. A new registration has nothing of a
// removed one but its override. Invalid fields are ErrInvalid. A damaged instance is
// registered anew; a damaged service is ErrDamaged until it is deregistered.
func (s *Service) Register(r Registration, stamp scope.Stamp) (Registered, error) {
	if s.Damaged() && s.lives() {
		return Registered{}, s.Damage()
	}
	if r.Instance.IsZero() {
		return s.registerService(r, stamp)
	}
	return s.registerInstance(r, stamp)
}

func (s *Service) registerService(r Registration, stamp scope.Stamp) (Registered, error) {
	if err := leaseless(r); err != nil {
		return Registered{}, err
	}
	before := Details{}
	if s.lives() {
		before = s.state.Details
	}
	details := r.details(before)
	if s.hasOthersAlone() {
		if r.describes() {
			return Registered{}, ErrInstanceRequired
		}
		if !details.same(before) {
			s.describe(details, nil, stamp)
		}
		return Registered{}, nil
	}
	return s.registerDefault(r, details, stamp)
}

// Place returns the environment of the instance that a registration writes; zero for a
// service that has no default instance, but others, of which only the details change.
func (s *Service) Place(r Registration) scope.Environment {
	switch {
	case !r.Instance.IsZero():
		return r.place()
	case s.hasOthersAlone():
		return scope.Environment{}
	}
	return s.defaultRef(r).Environment
}

// hasOthersAlone reports whether the service has instances, and no default one.
func (s *Service) hasOthersAlone() bool {
	return s.lives() && s.state.Tally.Total > 0 && len(s.defaultEnvironments()) == 0
}

// Redescribed returns the names of the details of a registered service that a registration
// would change, which all its instances share; nil for none.
func (s *Service) Redescribed(r Registration) []string {
	if !r.Instance.IsZero() || !s.lives() {
		return nil
	}
	before := s.state.Details
	after := r.details(before)
	var fields []string
	if after.URL != before.URL {
		fields = append(fields, "service_url")
	}
	if after.HealthCheck != before.HealthCheck {
		fields = append(fields, "health_check_url")
	}
	if !after.Metadata.Same(before.Metadata) {
		fields = append(fields, "metadata")
	}
	return fields
}

func leaseless(r Registration) error {
	var ttl, removal error
	if r.TTL != nil {
		ttl = fault.Bad("ttl_seconds", "requires instance_id")
	}
	if r.Removal != nil {
		removal = fault.Bad("deregister_after_seconds", "requires instance_id")
	}
	return fault.Merge(ttl, removal)
}

// registerDefault registers a service that has no other instance than the default one.
func (s *Service) registerDefault(r Registration, details Details, stamp scope.Stamp) (Registered, error) {
	ref := s.defaultRef(r)
	before := s.readable(ref)
	next := s.newInstance(ref, stamp)
	next.Reason = ReasonRegistered
	switch {
	case before != nil:
		next = *before
	case s.state.Tally.Total == 0:
		// What instances elsewhere have is not for this one.
		next.HealthCheck, next.Metadata = details.HealthCheck, details.Metadata
	}
	r.apply(&next.Definition)
	if err := next.Validate(); err != nil {
		return Registered{}, err
	}
	if details.URL.IsZero() {
		details.URL = URL{text: next.Address.Base()}
	}
	created := !s.lives()
	switch {
	case created:
		s.found(details, stamp)
		s.put(next, InstanceRegistered, ReasonRegistered, stamp)
	case before == nil:
		if !details.same(s.state.Details) {
			s.describe(details, nil, stamp)
		}
		s.put(next, InstanceRegistered, ReasonRegistered, stamp)
	case !details.same(s.state.Details) || !next.same(before):
		s.describe(details, &next, stamp)
	case next.Source != before.Source:
		s.replaceUnversioned(&next)
	}
	s.settle(stamp)
	return Registered{Created: created || before == nil}, nil
}

func (s *Service) registerInstance(r Registration, stamp scope.Stamp) (Registered, error) {
	if r.Instance == DefaultInstance() {
		return Registered{}, fault.Bad("instance_id",
			"must not be default, which is the instance of a service that is registered without an instance")
	}
	ref := Ref{Environment: r.place(), Instance: r.Instance}
	before, standIn := s.readable(ref), s.find(Ref{Environment: ref.Environment, Instance: DefaultInstance()})
	next, err := s.applied(r, ref, stamp)
	if err != nil {
		return Registered{}, err
	}
	if s.find(ref) == nil && standIn == nil && s.lives() && s.state.Tally.Total >= MaxInstances {
		return Registered{}, ErrLimitReached
	}
	if !s.lives() {
		s.found(Details{
			URL: URL{text: next.Address.Base()}, HealthCheck: next.HealthCheck, Metadata: next.Metadata,
		}, stamp)
	}
	if standIn != nil {
		s.remove(standIn, ReasonReplaced, stamp)
	}
	if before != nil && next.same(before) {
		// A new epoch or source alone is not published.
		s.replaceUnversioned(next)
	} else {
		s.put(*next, InstanceRegistered, ReasonRegistered, stamp)
	}
	s.state.Epoch = next.Epoch
	s.settle(stamp)
	return Registered{Created: before == nil, Instance: s.instances[ref]}, nil
}

// place returns the environment of an instance that is registered.
func (r *Registration) place() scope.Environment {
	if r.Environment != nil {
		return *r.Environment
	}
	return r.Fallback
}

// defaultRef returns which default instance a registration is about.
func (s *Service) defaultRef(r Registration) Ref {
	ref := Ref{Environment: r.place(), Instance: DefaultInstance()}
	if in := s.defaultEnvironments(); r.Environment == nil && len(in) == 1 {
		ref.Environment = in[0]
	}
	return ref
}

// defaultEnvironments returns the environments of default instances.
func (s *Service) defaultEnvironments() []scope.Environment {
	var living []*Instance
	for ref := range s.instances {
		if i := s.find(ref); i != nil && i.ID == DefaultInstance() {
			living = append(living, i)
		}
	}
	return environmentsOf(living)
}

// newInstance returns a new instance, with the override of a removed one.
func (s *Service) newInstance(ref Ref, stamp scope.Stamp) Instance {
	i := Instance{ID: ref.Instance, RegisteredAt: stamp.At}
	i.Definition = Definition{Environment: ref.Environment, Weight: DefaultWeight}
	if removed := s.instances[ref]; removed != nil {
		i.Override = removed.Override
	}
	return i
}

// applied returns the instance after a registration.
func (s *Service) applied(r Registration, ref Ref, stamp scope.Stamp) (*Instance, error) {
	before := s.readable(ref)
	next := s.newInstance(ref, stamp)
	next.TTL = DefaultTTL
	if before != nil {
		next = *before
	}
	r.apply(&next.Definition)
	if r.Removal == nil && (r.TTL != nil || before == nil) {
		next.Removal = removalsPerTTL * next.TTL
	}
	next.Epoch = max(s.state.Epoch, r.After) + 1
	next.Evidence, next.Flapping, next.Expired, next.Held = health.Passing, false, false, false
	return &next, next.Validate()
}

// replaceUnversioned replaces an instance without a version, because nothing published differs.
func (s *Service) replaceUnversioned(next *Instance) {
	s.instances[next.Ref()], s.changed[next.Ref()] = next, true
}

// found makes the version in which the service is registered, without the state of an
// earlier registration.
func (s *Service) found(details Details, stamp scope.Stamp) {
	s.founded = true
	s.growth = s.growth.Plus(Size{Services: 1, MetadataBytes: len(details.Metadata.JSON())})
	s.state.Details, s.state.Status, s.state.Protections = details, StatusUnknown, nil
	s.ClearDamage()
	s.state.LastCheck, s.state.ResponseTime = time.Time{}, nil
	s.raise(ServiceRegistered, scope.ActionCreate, stamp, func(data map[string]any) string {
		data["status"] = s.state.Status.String()
		return ""
	})
	s.Restart()
}

// describe makes a version with other details, and with another default instance
// if one is given.
func (s *Service) describe(details Details, standIn *Instance, stamp scope.Stamp) {
	s.growth.MetadataBytes += len(details.Metadata.JSON()) - len(s.state.Metadata.JSON())
	s.state.Details = details
	stamp = s.raise(ServiceUpdated, scope.ActionUpdate, stamp, nil)
	if standIn != nil {
		s.keep(*standIn, "", stamp)
	}
}

func (r *Registration) details(d Details) Details {
	assign(&d.URL, r.URL)
	assign(&d.HealthCheck, r.HealthCheck)
	assign(&d.Metadata, r.Metadata)
	return d
}

// apply sets the given fields of a definition.
func (r *Registration) apply(d *Definition) {
	assign(&d.Address.URL, r.URL)
	assign(&d.Address.Host, r.Host)
	if r.Ports != nil {
		d.Address.Ports = nil
		if len(r.Ports) > 0 {
			d.Address.Ports = r.Ports
		}
	}
	assign(&d.HealthCheck, r.HealthCheck)
	assign(&d.Metadata, r.Metadata)
	assign(&d.Zone, r.Zone)
	assign(&d.Version, r.Version)
	assign(&d.Weight, r.Weight)
	assign(&d.TTL, r.TTL)
	assign(&d.Removal, r.Removal)
	if r.Tags != nil {
		d.Tags = sortedTags(*r.Tags)
	}
	if r.Check != nil {
		d.Check = r.Check
	}
	d.Source = r.Source.Unmap()
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
