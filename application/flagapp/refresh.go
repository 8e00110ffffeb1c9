package flagapp

import (
	"context"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// refreshTimeout bounds a refresh that an evaluation has started.
const refreshTimeout = time.Second

// Refresh loads the flags that were changed elsewhere into the snapshots. Evaluation is
// possible from the first success on. After an error the snapshots stay as they are;
// Staleness returns their age.
func (s *Service) Refresh(ctx context.Context) error {
	began := s.deps.Stopwatch.Elapsed()
	cells := s.snapshots.cells.Load()
	if cells == nil {
		return s.Resync(ctx)
	}
	err := s.fill(ctx, *cells)
	s.snapshots.confirmation.Record(began, err)
	return err
}

// Resync discards all cached flags, and loads the snapshots from the store.
func (s *Service) Resync(ctx context.Context) error {
	s.cache.Clear()
	began := s.deps.Stopwatch.Elapsed()
	cells := s.snapshots.newCells(s.deps.Environments.All())
	if err := s.fill(ctx, cells); err != nil {
		return err
	}
	for _, c := range cells {
		c.discardEarlier()
	}
	s.snapshots.cells.Store(&cells)
	s.snapshots.confirmation.Record(began, nil)
	return nil
}

// fill loads the changes of the store that the cells lack.
func (s *Service) fill(ctx context.Context, cells map[string]*cell) error {
	counts, err := s.deps.Source.Counts(ctx)
	if err != nil {
		return err
	}
	for _, e := range s.deps.Environments.All() {
		c := cells[e.String()]
		count, found := counts[e]
		// Damaged flags may count nothing.
		if c.current.Load().revision == count && (count > 0 || !found) {
			continue
		}
		if err := s.reload(ctx, e, c); err != nil {
			return err
		}
	}
	return nil
}

// Apply loads the flags that were changed.
func (s *Service) Apply(ctx context.Context, changes []ports.Change) error {
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
		s.snapshots.put(f.State(), true)
		s.cache.Changed(f.Identity().Locator(), int64(f.Version()), last, f.State().Event)
	}
	return nil
}

// reload loads the flags that a cell lacks, or has in an older version. The version of
// a damaged flag may be 0.
func (s *Service) reload(ctx context.Context, e scope.Environment, c *cell) error {
	versions, err := s.deps.Source.Versions(ctx, e)
	if err != nil {
		return err
	}
	cached := c.current.Load().versions
	var ids []flag.ID
	for id, v := range versions {
		if have, known := cached[id]; !known || have.number < v {
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
	c.update(states, true)
	return nil
}

// Staleness returns since when there may be changes of flags that are not in the
// snapshots.
func (s *Service) Staleness() time.Duration {
	age := s.snapshots.confirmation.Age(s.deps.Stopwatch.Elapsed())
	if age < freshness.MaxStaleness {
		return age
	}
	return min(age, s.deps.Feed.Age())
}
