package accessapp

import (
	"context"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Check is the input of Check.
type Check struct {
	Action string
	// Environment, ServiceName and Name are those of the resource, empty where it has none.
	Environment, ServiceName, Name string
	// KeyID is that of another key, or empty for the caller's own rights.
	KeyID string
}

// Checked is the output of Check.
type Checked struct {
	access.Decision
	// By is the grant that allows the action; nil where none does.
	By *access.Grant
	// Status is the state of the key; empty for callers without one.
	Status access.KeyStatus
}

// Check decides whether the caller, or a key that it manages, is allowed an action on a
// resource, and why. An action that does not exist is ErrInvalid. For another key it
// fails as Read does. A key that is not valid is allowed nothing, for the reason that its
// status is.
func (s *Service) Check(ctx context.Context, by access.Caller, in Check) (Checked, error) {
	action, resource, err := s.parseCheck(in)
	if err != nil {
		return Checked{}, err
	}
	grants, status := by.Grants, access.KeyStatus("")
	switch {
	case in.KeyID != "" && in.KeyID != by.Actor.KeyID:
		key, err := s.Read(ctx, by, in.KeyID)
		if err != nil {
			return Checked{}, err
		}
		grants, status = key.Expanded(s.deps.Policy.Added...), key.Status(s.deps.Clock.Now())
	case by.Verdict != nil:
		status = access.KeyActive
	}
	out := Checked{Decision: access.Decide(grants, action, resource), Status: status}
	if out.Allowed {
		out.By = &grants[out.Grant]
	}
	if status != "" && status != access.KeyActive && status != access.KeyExpiring {
		out = Checked{Decision: access.Decision{Grant: -1, Reason: access.Reason("key_" + status)}, Status: status}
	}
	return out, nil
}

func (s *Service) parseCheck(in Check) (access.Action, access.Resource, error) {
	resource := access.Resource{Name: in.Name}
	var actionErr, environmentErr, serviceErr, nameErr error
	if !slices.Contains(access.AllActions(s.deps.Policy.Added...), access.Action(in.Action)) {
		actionErr = fault.Bad("action", "must be one of the actions in docs/access.md, such as configuration.read")
	}
	if in.Environment != "" {
		resource.Environment, environmentErr = s.deps.Policy.Environments.Parse(in.Environment)
	}
	if in.ServiceName != "" {
		resource.Service, serviceErr = scope.ParseServiceName(in.ServiceName)
	}
	if len(in.Name) > maxNameBytes {
		nameErr = fault.Bad("name", "must be at most 255 bytes long")
	}
	return access.Action(in.Action), resource, fault.Merge(actionErr,
		fault.Within("resource.", fault.Merge(environmentErr, serviceErr, nameErr)))
}

// maxNameBytes is the length of the longest name of a resource.
const maxNameBytes = 255
