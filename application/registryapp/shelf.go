package registryapp

import (
	"slices"
	"sync"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// shelf holds one service. Of what was removed it holds nothing for longer than it
// takes to know all that came before.
type shelf struct {
	name  scope.ServiceName
	id    registry.ID
	mu    sync.RWMutex
	state registry.State
	// complete is the generation up to which nothing is missing.
	complete int64
	// doubted says that nothing that is held is known to be the store's: it is shown,
	// and loaded anew as a whole by the next Refresh. Since is the generation that this
	// process has written meanwhile.
	doubted bool
	since   int64
	// instances are those that live, and those that are removed.
	instances roster
	removed   []registry.Ref
	// forgotten is the highest generation of removed instances that are no longer held:
	// what was read of earlier ones is too old to add an instance.
	forgotten int64
	// size is that of the instances, counted what the catalogue counts of the service.
	size, counted registry.Size
	// views are of the present state; they are made when they are asked for.
	views map[scope.Environment]*View
	// counts are by environment.
	counts map[scope.Environment]count
}

// count is what preservation has to know of a service in an environment.
type count struct {
	// alive hold a lease and are listed; deregistered have gone by themselves since
	// this process began.
	alive, deregistered int
}

func newShelf(name scope.ServiceName, id registry.ID) *shelf {
	return &shelf{name: name, id: id, instances: roster{}, counts: map[scope.Environment]count{}}
}

// instance returns an instance that lives, or nil; s may be nil.
func (s *shelf) instance(ref registry.Ref) *registry.Instance {
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

// holder returns the environment in which the instance of an id holds the lease of
// an epoch. Where memory knows that no instance does any more it is ErrLeaseLost;
// where it knows nothing of that epoch, both are zero. The shelf may be nil.
func (s *shelf) holder(id registry.InstanceID, epoch registry.Epoch) (scope.Environment, error) {
	var none scope.Environment
	if s == nil {
		return none, nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var others []scope.Environment
	for _, i := range s.instances[id] {
		switch {
		case i.Removed || s.state.Deleted || !i.Leased():
		case i.Epoch == epoch:
			return i.Environment, nil
		case s.state.Undone(i.Instance, epoch):
		default:
			others = append(others, i.Environment)
		}
	}
	if len(others) > 0 && s.complete == s.state.Generation && epoch <= s.state.Epoch {
		return none, registry.LeaseLostIn(others...)
	}
	return none, nil
}

// take takes in what is known as of a generation.
func (s *shelf) take(state registry.State, generation int64, instances []*registry.Instance) {
	if generation >= s.state.Generation {
		s.state = state
	}
	for _, i := range instances {
		known := s.instances.get(i.Ref())
		if known.generation <= generation && (known.Instance != nil || generation >= s.forgotten) {
			s.admit(i, generation)
		}
	}
	s.views = nil
}

// set makes i what is known of an instance, and counts.
func (s *shelf) set(i *registry.Instance, generation int64) {
	before := s.instances.get(i.Ref()).Instance
	if before != nil && before.Alive() {
		c := s.counts[before.Environment]
		c.alive--
		if i.Removed && !before.Expired {
			c.deregistered++
		}
		s.counts[before.Environment] = c
	}
	if i.Alive() {
		c := s.counts[i.Environment]
		c.alive++
		s.counts[i.Environment] = c
	}
	if i.Removed {
		s.removed = append(s.removed, i.Ref())
	}
	s.size = s.size.Plus(registry.SizeOf(i)).Minus(registry.SizeOf(before))
	s.instances.put(placed{Instance: i, generation: generation})
}

// keep removes every instance that is not among those kept, and is not known as of a
// later generation.
func (s *shelf) keep(generation int64, kept []*registry.Instance) {
	stays := make(map[registry.Ref]bool, len(kept))
	for _, i := range kept {
		stays[i.Ref()] = true
	}
	for i := range s.instances.all() {
		if i.generation > generation || i.Removed || stays[i.Ref()] {
			continue
		}
		gone := *i.Instance
		gone.Removed, gone.Held = true, false
		s.set(&gone, generation)
	}
}

// forget lets go of removed instances of which nothing earlier can be missing.
func (s *shelf) forget() {
	s.removed = slices.DeleteFunc(s.removed, func(ref registry.Ref) bool {
		i := s.instances.get(ref)
		if i.Instance == nil || !i.Removed {
			return true
		}
		if i.generation > s.complete {
			return false
		}
		s.forgotten = max(s.forgotten, i.generation)
		s.instances.drop(ref)
		return true
	})
}

// present returns the size of the service.
func (s *shelf) present() registry.Size {
	if s.state.Deleted || s.state.ID == 0 {
		return registry.Size{}
	}
	return s.size.Plus(registry.Size{Services: 1, MetadataBytes: len(s.state.Metadata.JSON())})
}

// view returns the view of an environment, or nil where the service is not
// registered.
func (s *shelf) view(e scope.Environment) *View {
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
		s.views[e] = s.look(e)
	}
	return s.views[e]
}

func (s *shelf) look(e scope.Environment) *View {
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

// living returns the state and the instances that live, in the order of their ids.
func (s *shelf) living() (registry.State, []*registry.Instance) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []*registry.Instance
	for i := range s.instances.all() {
		if !i.Removed && s.state.Usable() {
			list = append(list, i.Instance)
		}
	}
	slices.SortFunc(list, registry.ByID)
	return s.state, list
}
