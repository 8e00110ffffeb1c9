package flagapp

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Evaluate selects a flag and a context.
type Evaluate struct {
	Name        string
	Environment string
	Context     *targeting.Context
}

// Evaluated is the decision for one flag.
type Evaluated struct {
	Name string
	// Flag is nil where there is none that can be evaluated: Err returns why.
	Flag     *flag.Compiled
	Decision flag.Decision
	missing  error
}

// Err returns why there is no decision, or nil: flag.ErrNotFound, flag.ErrDamaged, or the
// error of the decision.
func (e *Evaluated) Err() error {
	if e.Flag == nil {
		return e.missing
	}
	return e.Decision.Err()
}

// Evaluate evaluates one flag, for callers that may evaluate flags of its environment. It
// fails as Snapshot does, and with context.DeadlineExceeded where the evaluation does not
// end before ctx.
func (s *Service) Evaluate(ctx context.Context, by access.Caller, in Evaluate) (Evaluated, error) {
	snapshot, err := s.Snapshot(ctx, by, in.Environment)
	if err != nil {
		return Evaluated{}, err
	}
	prefixes, err := by.Prefixes(access.EvaluateFlag, snapshot.environment)
	if err != nil {
		return Evaluated{}, err
	}
	in.Context.Until(ctx)
	var e Evaluated
	err = snapshot.evaluate(in.Name, prefixes, in.Context, &e)
	return e, err
}

// visible reports whether a caller that may evaluate flags with these prefixes, or all
// where there are none, may evaluate the one of a name.
func visible(prefixes []string, name string) bool {
	begins := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	return prefixes == nil || slices.ContainsFunc(prefixes, begins)
}

func (s *Snapshot) evaluate(name string, prefixes []string, c *targeting.Context, to *Evaluated) error {
	if !visible(prefixes, name) {
		*to = Evaluated{Name: name, missing: flag.ErrNotFound}
		return nil
	}
	f := s.Find(name)
	if f == nil {
		*to = Evaluated{Name: name, missing: s.Missing(name)}
		return nil
	}
	return evaluate(f, c, to)
}

func evaluate(f *flag.Compiled, c *targeting.Context, to *Evaluated) error {
	to.Name, to.Flag, to.Decision = f.Name(), f, flag.Evaluate(f, c)
	if to.Decision.Reason == flag.Late {
		return to.Decision.Err()
	}
	return nil
}

// EvaluateAll selects flags of an environment and a context.
type EvaluateAll struct {
	Environment string
	// Names selects flags in that order, if Listed; else all are selected, ordered by name,
	// and those that cannot be evaluated come last.
	Names  []string
	Listed bool
	// Revision is that of the snapshot that the caller was notified of: an older one waits
	// for it, up to two seconds.
	Revision int64
	Context  *targeting.Context
}

// Evaluations are the decisions for flags of one snapshot. Each is made when it is read.
type Evaluations struct {
	// Waited reports whether the snapshot was older than the revision that was named.
	Waited   bool
	snapshot *Snapshot
	names    []string
	listed   bool
	context  *targeting.Context
	// prefixes are those of the flags that the caller may evaluate, nil for all of them;
	// flags and damaged are the flags of the snapshot that have them.
	prefixes []string
	flags    []*flag.Compiled
	damaged  []string
}

// EvaluateAll evaluates flags of one snapshot. It fails as Snapshot does.
func (s *Service) EvaluateAll(ctx context.Context, by access.Caller, in EvaluateAll) (Evaluations, error) {
	snapshot, err := s.Snapshot(ctx, by, in.Environment)
	if err != nil {
		return Evaluations{}, err
	}
	waited := snapshot.Revision() < in.Revision
	if waited {
		if snapshot, err = s.snapshotAt(ctx, by, in.Environment, in.Revision); err != nil {
			return Evaluations{}, err
		}
	}
	prefixes, err := by.Prefixes(access.EvaluateFlag, snapshot.environment)
	if err != nil {
		return Evaluations{}, err
	}
	in.Context.Until(ctx)
	all := Evaluations{
		Waited: waited, snapshot: snapshot, names: in.Names, listed: in.Listed, context: in.Context,
		prefixes: prefixes, flags: snapshot.ordered, damaged: snapshot.damaged,
	}
	if prefixes != nil {
		all.narrow()
	}
	return all, nil
}

// narrow leaves the flags that the caller may evaluate.
func (e *Evaluations) narrow() {
	hidden := func(name string) bool { return !visible(e.prefixes, name) }
	e.flags = slices.DeleteFunc(slices.Clone(e.flags), func(f *flag.Compiled) bool { return hidden(f.Name()) })
	e.damaged = slices.DeleteFunc(slices.Clone(e.damaged), hidden)
}

// Prefixes returns those of the flags that the caller may evaluate; nil is for all flags.
func (e *Evaluations) Prefixes() []string { return e.prefixes }

// Environment returns the environment of the flags.
func (e *Evaluations) Environment() scope.Environment { return e.snapshot.environment }

// Revision returns the revision of the snapshot.
func (e *Evaluations) Revision() int64 { return e.snapshot.revision }

// Len returns how many flags are selected.
func (e *Evaluations) Len() int {
	if e.listed {
		return len(e.names)
	}
	return len(e.flags) + len(e.damaged)
}

// At evaluates the i-th flag into a value that callers reuse, as hundreds are read in a row.
// It fails with context.DeadlineExceeded where the evaluation does not end before the
// context of EvaluateAll.
func (e *Evaluations) At(i int, to *Evaluated) error {
	switch all := e.flags; {
	case e.listed:
		return e.snapshot.evaluate(e.names[i], e.prefixes, e.context, to)
	case i < len(all):
		return evaluate(all[i], e.context, to)
	default:
		*to = Evaluated{Name: e.damaged[i-len(all)], missing: flag.ErrDamaged}
		return nil
	}
}

// Snapshot returns the current snapshot of an environment, for callers that may
// evaluate its flags. A fresh snapshot is returned without waiting. A stale one is
// refreshed first, and returned as it is where that fails: Staleness returns its age. An
// environment that is not supported is ErrInvalid for "environment".
func (s *Service) Snapshot(ctx context.Context, by access.Caller, environment string) (*Snapshot, error) {
	c, err := s.cell(by, environment)
	if err != nil {
		return nil, err
	}
	if freshness.Stale(s.Staleness()) {
		s.snapshots.refresher.Refresh(ctx)
		if c, err = s.cell(by, environment); err != nil {
			return nil, err
		}
	}
	return c.current.Load(), nil
}

// snapshotAt returns the first snapshot of at least that revision, or the current one
// after freshness.CatchUp or when ctx ends. It fails as Snapshot does.
func (s *Service) snapshotAt(
	ctx context.Context, by access.Caller, environment string, revision int64,
) (*Snapshot, error) {
	c, err := s.cell(by, environment)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, freshness.CatchUp)
	defer cancel()
	return c.await(ctx, revision), nil
}

func (s *Service) cell(by access.Caller, environment string) (*cell, error) {
	c := s.snapshots.find(environment)
	if c == nil {
		if _, err := s.deps.Environments.Parse(environment); err != nil {
			return nil, err
		}
		return nil, fault.ErrUnavailable
	}
	_, err := by.Prefixes(access.EvaluateFlag, c.current.Load().environment)
	return c, err
}

// Explain selects a flag and a context.
type Explain struct {
	Name        string
	Environment string
	// Version explains what the flag did at a version, if it is not zero.
	Version scope.Version
	Context *targeting.Context
}

// Explained is a decision with the steps that led to it.
type Explained struct {
	Flag     *flag.Compiled
	Decision flag.Decision
	Steps    []flag.Step
}

// Explain evaluates a flag and returns each step. Deleted or unknown is
// ErrNotFound; a version that does not exist is ErrVersionNotFound; an evaluation that
// does not end before ctx is context.DeadlineExceeded.
func (s *Service) Explain(ctx context.Context, by access.Caller, in Explain) (Explained, error) {
	state, err := s.Read(ctx, by, Read{Name: in.Name, Environment: in.Environment, Version: in.Version})
	if err != nil {
		return Explained{}, err
	}
	compiled := flag.Compile(state.State)
	in.Context.Until(ctx)
	decision, steps := flag.EvaluateTraced(compiled, in.Context)
	if err := decision.Err(); errors.Is(err, context.DeadlineExceeded) {
		return Explained{}, err
	}
	return Explained{Flag: compiled, Decision: decision, Steps: steps}, nil
}
