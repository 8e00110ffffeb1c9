package registryapp

import (
	"context"
	"errors"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// HealthHistory is the input of ReadHealthHistory.
type HealthHistory struct {
	ServiceName string
	// InstanceID is nil for all instances.
	InstanceID *string
	// Environment narrows to one. Where it is "", an instance is that of the only
	// environment of the id.
	Environment string
	// Limit is 1 to page.MaxLimit.
	Limit int
}

// ReadHealthHistory returns the newest transitions of a service, newest first. It
// includes a deregistered service; an unknown one is ErrNotFound.
func (s *Service) ReadHealthHistory(
	ctx context.Context, by access.Caller, in HealthHistory,
) ([]registry.Transition, error) {
	p := &parsing{}
	t := s.parseTarget(p, in.ServiceName, in.InstanceID, in.Environment)
	p.note(page.Check(in.Limit, 0))
	if err := p.faults.Err(); err != nil {
		return nil, err
	}
	if err := by.Require(access.ReadService, resource(t.service)); err != nil {
		return nil, err
	}
	found, err := s.deps.Services.Find(ctx, t.service, named(t.Instance)...)
	if err != nil {
		return nil, err
	}
	// A removed instance has its transitions in all its environments.
	if !t.Instance.IsZero() {
		i, err := t.find(found)
		switch {
		case err == nil:
			t.Environment = i.Environment
		case !errors.Is(err, registry.ErrInstanceNotFound):
			return nil, err
		}
	}
	return s.deps.History.Transitions(ctx, found.State().ID, t.Ref, in.Limit)
}
