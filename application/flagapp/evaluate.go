package flagapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

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

// SnapshotAt returns the first snapshot of at least that revision, or the current one
// when ctx ends first. It fails as Snapshot does.
func (s *Service) SnapshotAt(
	ctx context.Context, by access.Caller, environment string, revision int64,
) (*Snapshot, error) {
	c, err := s.cell(by, environment)
	if err != nil {
		return nil, err
	}
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
	return c, by.Require(access.EvaluateFlag, access.Resource{Environment: c.current.Load().environment})
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
// ErrNotFound; a version that never was is ErrVersionNotFound; one that does not end
// before ctx is context.DeadlineExceeded.
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
