package flagapp

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Snapshot is all flags of an environment as they stood together. It never changes.
type Snapshot struct {
	environment scope.Environment
	revision    int64
	flags       map[string]*flag.Compiled
	ordered     []*flag.Compiled
	// versions are those of all flags, deleted ones too.
	versions map[flag.ID]version
	// damaged are the names of the flags that live, cannot be read, and of which there
	// is no earlier form; in order.
	damaged []string
}

// version is one of a flag, with the id of the event that made it.
type version struct {
	number scope.Version
	event  string
}

func emptySnapshot(e scope.Environment) *Snapshot {
	return &Snapshot{environment: e, flags: map[string]*flag.Compiled{}, versions: map[flag.ID]version{}}
}

// Damaged returns the names of the flags that live and cannot be evaluated, because
// what is stored of them cannot be read; it is not to be changed.
func (s *Snapshot) Damaged() []string { return s.damaged }

// Missing returns why there is no flag of that name: flag.ErrDamaged, or
// flag.ErrNotFound.
func (s *Snapshot) Missing(name string) error {
	if slices.Contains(s.damaged, name) {
		return flag.ErrDamaged
	}
	return flag.ErrNotFound
}

// Environment returns whose flags they are.
func (s *Snapshot) Environment() scope.Environment { return s.environment }

// Revision returns how many changes there have been to the environment's flags in
// all, 0 for none: the same number on every replica for the same flags, and a
// greater one for later ones.
func (s *Snapshot) Revision() int64 { return s.revision }

// Find returns the flag of that name, or nil where none lives.
func (s *Snapshot) Find(name string) *flag.Compiled { return s.flags[name] }

// All returns the flags that live, ordered by name; it is not to be changed.
func (s *Snapshot) All() []*flag.Compiled { return s.ordered }

// with returns the snapshot with those flags in place of their older versions, or
// itself where it holds all of them already. Where they were read from the store, one
// also takes the place of the same version that another event made. A damaged flag keeps the
// form that it has here or in an earlier snapshot, if there is one.
func (s *Snapshot) with(states []flag.State, read bool, earlier *Snapshot) *Snapshot {
	newer := slices.DeleteFunc(slices.Clone(states), func(f flag.State) bool {
		held, known := s.versions[f.ID]
		if !known {
			return false
		}
		if f.Version == held.number {
			return !read || !scope.Differ(f.Event, held.event)
		}
		return f.Version < held.number
	})
	if len(newer) == 0 {
		return s
	}
	next := &Snapshot{
		environment: s.environment, revision: s.revision, flags: maps.Clone(s.flags), versions: maps.Clone(s.versions),
		damaged: slices.Clone(s.damaged),
	}
	for _, f := range newer {
		next.revision += int64(f.Version - next.versions[f.ID].number)
		next.versions[f.ID] = version{number: f.Version, event: f.Event}
		next.take(f, earlier)
	}
	slices.Sort(next.damaged)
	next.ordered = slices.SortedFunc(maps.Values(next.flags), func(a, b *flag.Compiled) int {
		return cmp.Compare(a.Name(), b.Name())
	})
	return next
}

// take puts a flag in place of its older version.
func (s *Snapshot) take(f flag.State, earlier *Snapshot) {
	name := f.Identity.Name.String()
	before := s.flags[name]
	delete(s.flags, name)
	s.damaged = slices.DeleteFunc(s.damaged, func(d string) bool { return d == name })
	switch {
	case f.Deleted:
	case !f.Damaged:
		s.flags[name] = flag.Compile(f)
	case before != nil:
		s.flags[name] = before
	case earlier != nil && earlier.flags[name] != nil:
		s.flags[name] = earlier.flags[name]
	default:
		s.damaged = append(s.damaged, name)
	}
}

// memory holds the snapshots. The zero value holds none.
type memory struct {
	// cells are by the environment's name; the map is replaced, never changed.
	cells atomic.Pointer[map[string]*cell]
	// confirmed is when the snapshots were last known to be the store's by a look of
	// our own, by the stopwatch.
	confirmed atomic.Int64
	revival   revival
}

// cell holds the present snapshot of one environment.
type cell struct {
	current atomic.Pointer[Snapshot]
	// earlier is what was held before all was loaded anew; nil for nothing.
	earlier *Snapshot
	// mu guards the steps from one snapshot to the next, and renewed.
	mu sync.Mutex
	// renewed is closed when the present snapshot is replaced.
	renewed chan struct{}
}

func (m *memory) find(environment string) *cell {
	if cells := m.cells.Load(); cells != nil {
		return (*cells)[environment]
	}
	return nil
}

// newCells returns cells to be filled in place of those that there are.
func (m *memory) newCells(environments []scope.Environment) map[string]*cell {
	cells := map[string]*cell{}
	for _, e := range environments {
		c := &cell{renewed: make(chan struct{})}
		if before := m.find(e.String()); before != nil {
			c.earlier = before.current.Load()
		}
		c.current.Store(emptySnapshot(e))
		cells[e.String()] = c
	}
	return cells
}

// put renews the snapshot of a flag's environment, if there is one yet, with a flag
// that was read from the store or written to it.
func (m *memory) put(f flag.State, read bool) {
	if c := m.find(f.Identity.Environment.String()); c != nil {
		c.renew([]flag.State{f}, read)
	}
}

// renew takes in what is newer, and wakes who waits for it.
func (c *cell) renew(states []flag.State, read bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.current.Load().with(states, read, c.earlier)
	if next == c.current.Load() {
		return
	}
	c.current.Store(next)
	close(c.renewed)
	c.renewed = make(chan struct{})
}

// forget lets go of what was held before.
func (c *cell) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.earlier = nil
}

// await returns the first snapshot of at least that revision, or the present one
// when ctx ends first.
func (c *cell) await(ctx context.Context, revision int64) *Snapshot {
	for {
		c.mu.Lock()
		renewed, s := c.renewed, c.current.Load()
		c.mu.Unlock()
		if s.revision >= revision {
			return s
		}
		select {
		case <-renewed:
		case <-ctx.Done():
			return c.current.Load()
		}
	}
}

// Refresh asks the store which flags were changed elsewhere, and takes them in. The
// first one that succeeds makes evaluation possible. An error leaves the snapshots
// as they are; Staleness tells since when.
func (s *Service) Refresh(ctx context.Context) error {
	asked := s.deps.Stopwatch.Elapsed()
	cells := s.memory.cells.Load()
	if cells == nil {
		return s.Renew(ctx)
	}
	if err := s.fill(ctx, *cells); err != nil {
		return err
	}
	s.memory.confirmed.Store(int64(asked))
	return nil
}

// Renew forgets all that is in memory, and loads the snapshots from the store.
func (s *Service) Renew(ctx context.Context) error {
	s.reads.Clear()
	asked := s.deps.Stopwatch.Elapsed()
	cells := s.memory.newCells(s.deps.Environments.All())
	if err := s.fill(ctx, cells); err != nil {
		return err
	}
	for _, c := range cells {
		c.forget()
	}
	s.memory.cells.Store(&cells)
	s.memory.confirmed.Store(int64(asked))
	return nil
}

// fill brings cells up to what the store has.
func (s *Service) fill(ctx context.Context, cells map[string]*cell) error {
	counts, err := s.deps.Source.Counts(ctx)
	if err != nil {
		return err
	}
	for _, e := range s.deps.Environments.All() {
		c := cells[e.String()]
		count, some := counts[e]
		// Where nothing counts, there may still be damaged flags.
		if c.current.Load().revision == count && (count > 0 || !some) {
			continue
		}
		if err := s.reload(ctx, e, c); err != nil {
			return err
		}
	}
	return nil
}

// Follow takes in the flags that were changed.
func (s *Service) Follow(ctx context.Context, changes []ports.Change) error {
	var ids []flag.ID
	var last int64
	for _, c := range changes {
		if c.AggregateType == flag.AggregateType {
			ids = append(ids, flag.ID(c.AggregateID))
			last = c.Revision
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	flags, err := s.deps.Source.Load(ctx, slices.Compact(ids)...)
	if err != nil {
		return err
	}
	for _, f := range flags {
		s.memory.put(f.State(), true)
		s.reads.Told(f.Identity().Locator(), int64(f.Version()), last, f.State().Event)
	}
	return nil
}

// reload takes in the flags that are not held, and those that are held in an older
// version. The version of a damaged flag may be 0.
func (s *Service) reload(ctx context.Context, e scope.Environment, c *cell) error {
	versions, err := s.deps.Source.Versions(ctx, e)
	if err != nil {
		return err
	}
	held := c.current.Load().versions
	var ids []flag.ID
	for id, v := range versions {
		if h, known := held[id]; !known || h.number < v {
			ids = append(ids, id)
		}
	}
	flags, err := s.deps.Source.Load(ctx, ids...)
	if err != nil {
		return err
	}
	states := make([]flag.State, len(flags))
	for i, f := range flags {
		states[i] = f.State()
	}
	c.renew(states, true)
	return nil
}

// Staleness returns since when there may be changes of flags that are not in the
// snapshots.
func (s *Service) Staleness() time.Duration {
	age := max(0, s.deps.Stopwatch.Elapsed()-time.Duration(s.memory.confirmed.Load()))
	if age < Tolerated {
		return age
	}
	return min(age, s.deps.Freshness.Age())
}

// Tolerated is how old snapshots may be before they are loaded anew for who asks.
const Tolerated = 2 * time.Second

// How long a caller waits for snapshots that are loaded anew, for how long that is
// tried, and how long after a failure nobody tries.
const (
	revivalPatience = 250 * time.Millisecond
	revivalTimeout  = time.Second
	revivalPause    = time.Second
)

// revival loads the snapshots anew, once for all who ask at the same time.
type revival struct {
	mu sync.Mutex
	// running is closed when the load that is under way has ended; nil without one.
	running chan struct{}
	// resting is until when nobody tries, by the stopwatch.
	resting time.Duration
}

// revive loads the snapshots anew where that has not failed just now, and returns
// when that is done, or takes too long.
func (s *Service) revive(ctx context.Context) {
	running := s.startRevival() //nolint:contextcheck // it is for all who ask, and outlives the first
	if running == nil {
		return
	}
	patience := time.NewTimer(revivalPatience)
	defer patience.Stop()
	select {
	case <-running:
	case <-patience.C:
	case <-ctx.Done():
	}
}

func (s *Service) startRevival() <-chan struct{} {
	r := &s.memory.revival
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running != nil || s.deps.Stopwatch.Elapsed() < r.resting {
		return r.running
	}
	running := make(chan struct{})
	r.running = running
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), revivalTimeout)
		defer cancel()
		err := s.Refresh(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.running = nil; err != nil {
			r.resting = s.deps.Stopwatch.Elapsed() + revivalPause
		}
		close(running)
	}()
	return running
}
