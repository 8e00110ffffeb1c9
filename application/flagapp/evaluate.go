package flagapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Snapshot returns all flags of an environment as they stand in memory, for
// callers who may evaluate them. It waits for nothing while the memory is known to be
// fresh; else it is loaded anew first, and used as it is where that fails: Staleness
// tells. It fails only for who asks: an environment that is not supported is
// ErrInvalid for "environment".
func (s *Service) Snapshot(ctx context.Context, by access.Caller, environment string) (*Snapshot, error) {
	c, err := s.cell(by, environment)
	if err != nil {
		return nil, err
	}
	if s.Staleness() > Tolerated {
		s.revive(ctx)
		if c, err = s.cell(by, environment); err != nil {
			return nil, err
		}
	}
	return c.current.Load(), nil
}

// SnapshotAt returns the first snapshot of at least that revision, or the present
// one when ctx ends before there is one. It fails as Snapshot does.
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
	c := s.memory.find(environment)
	if c == nil {
		if _, err := s.deps.Environments.Parse(environment); err != nil {
			return nil, err
		}
		return nil, fault.ErrUnavailable
	}
	return c, by.Require(access.EvaluateFlag, access.Resource{Environment: c.current.Load().environment})
}

// Explain says what to explain.
type Explain struct {
	Name        string
	Environment string
	// Version explains what the flag did at a version, if it is not zero.
	Version scope.Version
	Context *targeting.Context
}

// Explained is a decision with all that led to it.
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
