package catalogue

import (
	"slices"
	"sync"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Service is a cached service. A removed instance is cached only until all earlier
// generations are complete.
type Service struct {
	name  scope.ServiceName
	id    registry.ID
	mu    sync.RWMutex
	state registry.State
	// complete is the generation up to which no change is missing.
	complete int64
	// invalid says that the outcome of a write is unknown: the service is served as it
	// is, and the next Refresh loads it completely. SavedSince is the generation that this
	// process has saved meanwhile.
	invalid    bool
	savedSince int64
	// instances are those that live, and those that are removed.
	instances instanceSet
	removed   []registry.Ref
	// compacted is the highest generation of removed instances that are no longer cached:
	// reads of earlier generations may not add instances.
	compacted int64
	// size is that of the instances, counted the share of the service in the catalogue's
	// totals.
	size, counted registry.Size
	// views are of the current state, and built when they are read.
	views map[scope.Environment]*View
	// counts are by environment.
	counts map[scope.Environment]Count
}

// Count is the input of self-preservation for a service in an environment.
type Count struct {
	Environment scope.Environment
	// Alive have a lease and are listed; Deregistered were deregistered since this
	// process began.
	Alive, Deregistered int
}

func newService(name scope.ServiceName, id registry.ID) *Service {
	return &Service{name: name, id: id, instances: instanceSet{}, counts: map[scope.Environment]Count{}}
}

// Name returns the name of the service.
func (s *Service) Name() scope.ServiceName { return s.name }

// State returns the current state.
func (s *Service) State() registry.State {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state
}

// Instance returns an instance that lives, or nil; s may be nil.
func (s *Service) Instance(ref registry.Ref) *registry.Instance {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if i := s.instances.get(ref).Instance; i != nil && !i.Removed && s.state.Usable() {
		return i
	}
	return nil
}

// Holder returns the environment in which the instance of an id has the lease of an
// epoch. Where no instance has it any more the error is ErrLeaseLost if one of the id is
// seen; where the epoch is not cached both results are zero. The service may be nil.
func (s *Service) Holder(
	id registry.InstanceID, epoch registry.Epoch, sight registry.Sight,
) (scope.Environment, error) {
	var none scope.Environment
	if s == nil {
		return none, nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.holder(id, epoch, sight)
}

// Locate sets the environments of renewals of this service that have none, under one lock.
// It leaves those out for which Holder returns no environment. The service may be nil.
func (s *Service) Locate(renewals []registry.Renewal) {
	if s == nil {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for n := range renewals {
		if r := &renewals[n]; r.Environment.IsZero() {
			r.Environment, _ = s.holder(r.Instance, r.Epoch, nil)
		}
	}
}

func (s *Service) holder(
	id registry.InstanceID, epoch registry.Epoch, sight registry.Sight,
) (scope.Environment, error) {
	var none scope.Environment
	var others []scope.Environment
	for _, i := range s.instances[id] {
		switch {
		case i.Removed || s.state.Deleted || !i.Leased():
		case i.Epoch == epoch:
			return i.Environment, nil
		case s.state.Undone(i.Instance, epoch) || !sight.Includes(i.Environment):
		default:
			others = append(others, i.Environment)
		}
	}
	if len(others) > 0 && s.complete == s.state.Generation && epoch <= s.state.Epoch {
		return none, registry.LeaseLostIn(others...)
	}
	return none, nil
}

// merge takes over a state and instances as of a generation, unless newer ones are
// cached.
func (s *Service) merge(state registry.State, generation int64, instances []*registry.Instance) {
	if generation >= s.state.Generation {
		s.state = state
	}
	for _, i := range instances {
		cached := s.instances.get(i.Ref())
		if cached.generation <= generation && (cached.Instance != nil || generation >= s.compacted) {
			s.mergeInstance(i, generation)
		}
	}
	s.views = nil
}

// mergeInstance takes over an instance. A damaged one replaces its former version by a
// removal.
func (s *Service) mergeInstance(i *registry.Instance, generation int64) {
	if !i.Damaged {
		s.set(i, generation)
		return
	}
	if before := s.instances.get(i.Ref()).Instance; before != nil && !before.Removed {
		s.remove(before, generation)
	}
}

// set puts an instance, and updates the counts.
func (s *Service) set(i *registry.Instance, generation int64) {
	before := s.instances.get(i.Ref()).Instance
	if before != nil && before.Alive() {
		c := s.counts[before.Environment]
		c.Alive--
		if i.Removed && !before.Expired {
			c.Deregistered++
		}
		s.counts[before.Environment] = c
	}
	if i.Alive() {
		c := s.counts[i.Environment]
		c.Environment = i.Environment
		c.Alive++
		s.counts[i.Environment] = c
	}
	if i.Removed {
		s.removed = append(s.removed, i.Ref())
	}
	s.size = s.size.Plus(registry.SizeOf(i)).Minus(registry.SizeOf(before))
	s.instances.put(cachedInstance{Instance: i, generation: generation})
}

// remove replaces an instance by its removed form.
func (s *Service) remove(i *registry.Instance, generation int64) {
	removed := *i
	removed.Removed, removed.Held = true, false
	s.set(&removed, generation)
}

// retain removes all instances except the given ones and those of later generations.
func (s *Service) retain(generation int64, instances []*registry.Instance) {
	retained := make(map[registry.Ref]bool, len(instances))
	for _, i := range instances {
		retained[i.Ref()] = true
	}
	for i := range s.instances.all() {
		if i.generation > generation || i.Removed || retained[i.Ref()] {
			continue
		}
		s.remove(i.Instance, generation)
	}
}

// compact discards removed instances up to the complete generation.
func (s *Service) compact() {
	s.removed = slices.DeleteFunc(s.removed, func(ref registry.Ref) bool {
		i := s.instances.get(ref)
		if i.Instance == nil || !i.Removed {
			return true
		}
		if i.generation > s.complete {
			return false
		}
		s.compacted = max(s.compacted, i.generation)
		s.instances.remove(ref)
		return true
	})
}

// Size returns the size of the service; zero where it is not registered.
func (s *Service) Size() registry.Size {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.currentSize()
}

// currentSize returns the size of the service; zero where it is not registered.
func (s *Service) currentSize() registry.Size {
	if s.state.Deleted || s.state.ID == 0 {
		return registry.Size{}
	}
	return s.size.Plus(registry.Size{Services: 1, MetadataBytes: len(s.state.Metadata.JSON())})
}

// View returns the view of an environment, or nil where the service is not
// registered.
func (s *Service) View(e scope.Environment) *View {
	s.mu.RLock()
	v, usable := s.views[e], s.state.Usable()
	s.mu.RUnlock()
	if v != nil || !usable {
		return v
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.views[e] == nil {
		if s.views == nil {
			s.views = map[scope.Environment]*View{}
		}
		s.views[e] = s.buildView(e)
	}
	return s.views[e]
}

func (s *Service) buildView(e scope.Environment) *View {
	v := &View{Service: s.state, Environment: e}
	_, v.Protected = s.state.Protected(e)
	for i := range s.instances.all() {
		if i.Removed || i.Environment != e {
			continue
		}
		v.Instances = append(v.Instances, i.Instance)
		v.Protected = v.Protected || i.Held
	}
	slices.SortFunc(v.Instances, registry.ByID)
	return v
}

// Missing returns why there is no view.
func (s *Service) Missing() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.state.Damaged && !s.state.Deleted {
		return registry.ErrDamaged
	}
	return registry.ErrNotFound
}

// Living returns the state and the instances that live, in no order.
func (s *Service) Living() (registry.State, []*registry.Instance) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.state.Usable() {
		return s.state, nil
	}
	list := make([]*registry.Instance, 0, len(s.instances))
	for i := range s.instances.all() {
		if !i.Removed {
			list = append(list, i.Instance)
		}
	}
	return s.state, list
}

// AppendCounts appends the counts of every environment to list; none of a damaged
// service.
func (s *Service) AppendCounts(list []Count) []Count {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.state.Damaged {
		return list
	}
	for _, c := range s.counts {
		list = append(list, c)
	}
	return list
}
