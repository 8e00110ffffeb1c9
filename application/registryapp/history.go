package registryapp

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// HealthHistory is the input of ReadHealthHistory.
type HealthHistory struct {
	ServiceName string
	// InstanceID is nil for all instances.
	InstanceID *string
	// Environment narrows to one. Where it is "", an instance is that of the only
	// environment of the id.
	Environment string
	// Limit is 1 to page.MaxLimit. There is no offset.
	scope.Window
}

// ReadHealthHistory returns a page of the transitions of a service, newest first, without
// their number. It includes a deregistered service; an unknown one is ErrNotFound.
func (s *Service) ReadHealthHistory(
	ctx context.Context, by access.Caller, in HealthHistory,
) (versioned.Page[registry.Transition], error) {
	var none versioned.Page[registry.Transition]
	p := &parsing{}
	t := s.parseTarget(p, in.ServiceName, in.InstanceID, in.Environment)
	p.note(page.CheckNumbered(in.Window))
	if err := p.faults.Err(); err != nil {
		return none, err
	}
	if err := requireSight(by, t.service); err != nil {
		return none, err
	}
	narrowed, err := s.narrowHistory(by, &t)
	if err != nil {
		return none, err
	}
	found, err := s.deps.Services.Find(ctx, t.service, named(t.Instance)...)
	if err != nil {
		return none, err
	}
	// A removed instance has its transitions in all its environments.
	if !t.Instance.IsZero() {
		i, err := found.Locate(t.Environment, t.Instance, sightOf(by, t.service))
		switch {
		case err == nil:
			t.Environment = i.Environment
		case !errors.Is(err, registry.ErrInstanceNotFound):
			return none, err
		}
	}
	before, err := page.Number(in.After)
	if err != nil {
		return none, err
	}
	list, err := s.deps.History.Transitions(ctx, found.State().ID, t.Ref, before, in.Limit+1)
	if err == nil && len(list) == 0 && before == 0 && narrowed {
		err = access.Hidden(registry.ErrNotFound) // the service was never in the environment
	}
	out := versioned.Page[registry.Transition]{Items: list[:min(len(list), in.Limit)], More: len(list) > in.Limit}
	for _, one := range out.Items {
		out.Positions = append(out.Positions, scope.Position{strconv.FormatInt(one.ID, 10)})
	}
	return out, err
}

// narrowHistory narrows a target to an environment in which the caller may see the
// service, unless it may in all. Where there are several, one has to be named.
func (s *Service) narrowHistory(by access.Caller, t *targetRef) (narrowed bool, err error) {
	in, all := s.seenEnvironments(by, t.service)
	switch {
	case all:
		return false, nil
	case !t.Environment.IsZero() && slices.Contains(in, t.Environment):
		return true, nil
	case !t.Environment.IsZero() || len(in) == 0:
		return true, access.Hidden(registry.ErrNotFound)
	case len(in) > 1:
		return true, registry.SeveralEnvironments(in...)
	}
	t.Environment = in[0]
	return true, nil
}
