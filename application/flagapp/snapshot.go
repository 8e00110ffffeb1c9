package flagapp

import (
	"cmp"
	"maps"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Snapshot is all flags of an environment as they were at one moment. It never changes.
type Snapshot struct {
	environment scope.Environment
	revision    int64
	flags       map[string]*flag.Compiled
	ordered     []*flag.Compiled
	// versions are those of all flags, deleted ones too.
	versions map[flag.ID]version
	// damaged are the names of flags that are not deleted and unreadable in the store, and
	// of which no earlier version is cached; in order.
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

// Damaged returns the names of the flags that cannot be evaluated, because their row is
// unreadable; it is not to be changed.
func (s *Snapshot) Damaged() []string { return s.damaged }

// Missing returns why there is no flag of that name: flag.ErrDamaged, or
// flag.ErrNotFound.
func (s *Snapshot) Missing(name string) error {
	if slices.Contains(s.damaged, name) {
		return flag.ErrDamaged
	}
	return flag.ErrNotFound
}

// Environment returns the environment of the flags.
func (s *Snapshot) Environment() scope.Environment { return s.environment }

// Revision returns how many changes of the environment's flags there have been, 0 for
// none: the same number on every replica for the same flags, and a greater one for later
// ones.
func (s *Snapshot) Revision() int64 { return s.revision }

// Find returns the flag of that name, or nil where there is none.
func (s *Snapshot) Find(name string) *flag.Compiled { return s.flags[name] }

// All returns the flags that are not deleted, ordered by name; it is not to be changed.
func (s *Snapshot) All() []*flag.Compiled { return s.ordered }

// with returns the snapshot with those flags in place of their older versions, or
// itself where it has all of them already. A flag that was loaded from the store also
// replaces the same version by another event. A damaged flag keeps its form of this or
// of an earlier snapshot, if there is one.
func (s *Snapshot) with(states []flag.State, loaded bool, earlier *Snapshot) *Snapshot {
	newer := slices.DeleteFunc(slices.Clone(states), func(f flag.State) bool {
		cached, known := s.versions[f.ID]
		if !known {
			return false
		}
		if f.Version == cached.number {
			return !loaded || !scope.Differ(f.Event, cached.event)
		}
		return f.Version < cached.number
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
		next.replace(f, earlier)
	}
	slices.Sort(next.damaged)
	next.ordered = slices.SortedFunc(maps.Values(next.flags), func(a, b *flag.Compiled) int {
		return cmp.Compare(a.Name(), b.Name())
	})
	return next
}

// replace puts a flag in place of its older version.
func (s *Snapshot) replace(f flag.State, earlier *Snapshot) {
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
