package registryapp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// catalogue holds all services in memory, as the store has them and as this
// process has written them since. The zero value is ready and empty.
type catalogue struct {
	// shelves are by the names of services.
	shelves sync.Map
	// byID holds the same shelves; mu guards it, and refreshes.
	mu   sync.Mutex
	byID map[registry.ID]*shelf
	// loaded is whether the store has ever been read; failing whether the last look
	// failed; confirmed when it was last known to be the store's, by the stopwatch.
	loaded, failing atomic.Bool
	confirmed       atomic.Int64
	// changes counts what was taken in.
	changes atomic.Int64
}

// shelf holds one service.
type shelf struct {
	name  scope.ServiceName
	mu    sync.RWMutex
	state registry.State
	// complete is the generation up to which nothing is missing.
	complete int64
	// doubted says that nothing that is held is known to be the store's: it is shown,
	// and loaded anew as a whole by the next Refresh. Since is the generation that this
	// process has written meanwhile.
	doubted   bool
	since     int64
	instances roster
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

// View is the instances of a service in one environment as they stood together,
// in the order of their ids. It is never changed.
type View struct {
	// Prepared and PreparedReady are for what others make of the view, of all that is
	// listed and of what is ready. They go with it.
	Prepared, PreparedReady atomic.Value

	Service     registry.State
	Environment scope.Environment
	Instances   []*registry.Instance
	// Protected says that preservation holds instances, or would.
	Protected bool
}

func (c *catalogue) find(name string) *shelf {
	if found, ok := c.shelves.Load(name); ok {
		return found.(*shelf) //nolint:errcheck,forcetypeassert // only shelves are stored
	}
	return nil
}

// each shows every shelf until show returns false.
func (c *catalogue) each(show func(*shelf) bool) {
	c.shelves.Range(func(_, v any) bool {
		return show(v.(*shelf)) //nolint:errcheck,forcetypeassert // only shelves are stored
	})
}

// instance returns an instance that lives, or nil.
func (c *catalogue) instance(key registry.Key) *registry.Instance {
	return c.find(key.Service.String()).instance(key.Ref)
}

// instance returns an instance that lives, or nil; s may be nil.
func (s *shelf) instance(ref registry.Ref) *registry.Instance {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if i := s.instances.get(ref).Instance; i != nil && !i.Removed && !s.state.Deleted {
		return i
	}
	return nil
}

// holder returns the environment in which the instance of an id holds the lease of
// an epoch. Where memory knows that no instance does any more it is ErrLeaseLost;
// where it knows nothing of that epoch, both are zero. s may be nil.
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
		default:
			others = append(others, i.Environment)
		}
	}
	if len(others) > 0 && s.complete == s.state.Generation && epoch <= s.state.Epoch {
		return none, registry.LeaseLostIn(others...)
	}
	return none, nil
}

func newShelf(name scope.ServiceName) *shelf {
	return &shelf{name: name, instances: roster{}, counts: map[scope.Environment]count{}}
}

// shelf returns the shelf of a service, which is made where there is none.
func (c *catalogue) shelf(state registry.State) *shelf {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.find(state.Name.String())
	if s == nil {
		s = newShelf(state.Name)
		c.shelves.Store(state.Name.String(), s)
	}
	if c.byID == nil {
		c.byID = map[registry.ID]*shelf{}
	}
	c.byID[state.ID] = s
	return s
}

// put takes in what this process has just saved.
func (c *catalogue) put(state registry.State, saved registry.Unsaved) {
	s := c.shelf(state)
	s.mu.Lock()
	defer s.mu.Unlock()
	if saved.Dropped {
		s.drop(state.Generation)
	}
	s.take(state, state.Generation, saved.Instances)
	if s.doubted {
		s.since = state.Generation
	} else if !saved.Empty() && s.complete == saved.Base {
		s.complete = state.Generation
	}
	c.changes.Add(1)
}

// load takes in what the store has had since a generation, up to which the shelf was
// complete.
func (c *catalogue) load(found *registry.Service, from int64) {
	state := found.State()
	s := c.shelf(state)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doubted {
		if from > 0 || state.Generation < s.since {
			return
		}
		s.replace(state, found.Instances())
	}
	s.take(state, state.Generation, found.Instances())
	s.complete = max(s.complete, state.Generation)
	c.changes.Add(1)
}

// look takes in what was read of the store beside Refresh: some of the instances.
func (c *catalogue) look(found *registry.Service) {
	state := found.State()
	s := c.shelf(state)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take(state, state.Generation, found.Instances())
	c.changes.Add(1)
}

func (s *shelf) take(state registry.State, generation int64, instances []*registry.Instance) {
	if generation >= s.state.Generation {
		s.state = state
	}
	for _, i := range instances {
		if s.instances.get(i.Ref()).generation <= generation {
			s.set(i, generation)
		}
	}
	s.views = nil
}

// set makes i what is known of an instance, and counts.
func (s *shelf) set(i *registry.Instance, generation int64) {
	if before := s.instances.get(i.Ref()).Instance; before != nil && before.Alive() {
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
	s.instances.put(placed{Instance: i, generation: generation})
}

// drop removes every instance that is not known as of a later generation.
func (s *shelf) drop(generation int64) {
	for i := range s.instances.all() {
		if i.generation > generation || i.Removed {
			continue
		}
		gone := *i.Instance
		gone.Removed, gone.Held = true, false
		s.set(&gone, generation)
	}
}

// recall returns a service as it is in memory, with the instances of an edition
// that live, or nil where memory is known to be behind.
func (c *catalogue) recall(e edition) *registry.Service {
	s := c.find(e.name.String())
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.doubted || s.state.ID == 0 || s.complete != s.state.Generation {
		return nil
	}
	var instances []*registry.Instance
	for _, id := range e.instances {
		for _, i := range s.instances[id] {
			instances = append(instances, i.Instance)
		}
	}
	return registry.Rehydrate(s.state, instances...)
}

// view returns the view of an environment, or nil where the service is not
// registered.
func (s *shelf) view(e scope.Environment) *View {
	s.mu.RLock()
	v, deleted := s.views[e], s.state.Deleted || s.state.ID == 0
	s.mu.RUnlock()
	if v != nil || deleted {
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
		if !i.Removed && !s.state.Deleted {
			list = append(list, i.Instance)
		}
	}
	slices.SortFunc(list, registry.ByID)
	return s.state, list
}

// Refresh asks the store whether services were changed elsewhere, and takes in
// what was. The first one that succeeds makes discovery possible. An error leaves
// the memory as it is; Staleness tells since when.
func (s *Service) Refresh(ctx context.Context) error {
	asked := s.deps.Stopwatch.Elapsed()
	err := s.refresh(ctx)
	s.catalogue.failing.Store(err != nil)
	if err == nil {
		s.catalogue.confirmed.Store(int64(asked))
		s.catalogue.loaded.Store(true)
	}
	return err
}

func (s *Service) refresh(ctx context.Context) error {
	pulse, err := s.deps.Source.Pulse(ctx)
	if err != nil {
		return err
	}
	if s.catalogue.loaded.Load() && s.catalogue.pulse() == pulse {
		return nil
	}
	generations, err := s.deps.Source.Generations(ctx)
	if err != nil {
		return err
	}
	for id, generation := range generations {
		held := s.catalogue.complete(id)
		if held >= generation {
			continue
		}
		found, err := s.deps.Source.Since(ctx, id, held)
		if err != nil {
			return err
		}
		s.catalogue.load(found, held)
	}
	return nil
}

// pulse returns the sum of the generations up to which nothing is missing.
func (c *catalogue) pulse() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sum int64
	for _, s := range c.byID {
		s.mu.RLock()
		sum += s.complete
		s.mu.RUnlock()
	}
	return sum
}

func (c *catalogue) complete(id registry.ID) int64 {
	c.mu.Lock()
	s := c.byID[id]
	c.mu.Unlock()
	if s == nil {
		return 0
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.complete
}

// Staleness returns for how long the store could not be asked whether services
// have changed, or the lease store which leases have ended; 0 while both can.
func (s *Service) Staleness() time.Duration {
	var stale time.Duration
	now := s.deps.Stopwatch.Elapsed()
	if s.catalogue.failing.Load() {
		stale = now - time.Duration(s.catalogue.confirmed.Load())
	}
	if s.sweeper.failing.Load() {
		stale = max(stale, now-time.Duration(s.sweeper.confirmed.Load()))
	}
	return stale
}

// fails reports whether err is target.
func fails(err, target error) bool { return errors.Is(err, target) }
