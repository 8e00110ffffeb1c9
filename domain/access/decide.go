package access

import (
	"slices"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Action is something that can be done to a resource.
type Action string

// The actions. A new one is added here and to the roles that include it.
const (
	// ReadConfiguration shows everything but the values of encrypted ones.
	ReadConfiguration Action = "configuration.read"
	// WriteConfiguration creates, updates, rolls back and deletes.
	WriteConfiguration Action = "configuration.write"
	// RevealConfiguration shows the value of an encrypted configuration.
	RevealConfiguration Action = "configuration.reveal"
	// DeclassifyConfiguration turns the encryption of a configuration off.
	DeclassifyConfiguration Action = "configuration.declassify"
	// ReadFlag shows flags and evaluates them.
	ReadFlag Action = "flag.read"
	// WriteFlag creates, updates, rolls back and deletes.
	WriteFlag Action = "flag.write"
	// ReadService shows services and their instances.
	ReadService Action = "service.read"
	// WriteService registers, renews, reports, changes and deregisters.
	WriteService Action = "service.write"
)

// Resource is what an action is done to. Zero fields mean any: a list over all
// environments is an action on every one of them.
type Resource struct {
	Environment scope.Environment
	Service     scope.ServiceName
}

// Grant allows some actions.
type Grant struct {
	actions []Action
}

// Allow returns the grant that allows these actions and no others.
func Allow(actions ...Action) Grant { return Grant{actions: slices.Clone(actions)} }

// Decide reports whether the grants allow the action on the resource. Without a
// grant that says so, nothing is allowed. Grants of this version hold for every
// resource.
func Decide(grants []Grant, action Action, _ Resource) bool {
	return slices.ContainsFunc(grants, func(g Grant) bool {
		return slices.Contains(g.actions, action)
	})
}

// Unrestricted returns the grants that allow everything.
func Unrestricted() []Grant {
	return []Grant{Allow(
		ReadConfiguration, WriteConfiguration, RevealConfiguration, DeclassifyConfiguration, ReadFlag, WriteFlag,
		ReadService, WriteService,
	)}
}

// ReadOnly returns the grants that allow reading without revealing.
func ReadOnly() []Grant { return []Grant{Allow(ReadConfiguration, ReadFlag, ReadService)} }

// Caller is who asks, what they may do, and in which request.
type Caller struct {
	Actor  scope.Actor
	Grants []Grant
	// RequestID is written beside every change the caller makes.
	RequestID string
	// TraceParent is the trace that the request belongs to, or empty.
	TraceParent string
}

// May reports whether the caller is allowed the action on the resource.
func (c Caller) May(action Action, resource Resource) bool {
	return Decide(c.Grants, action, resource)
}

// Require returns nil when the caller is allowed the action on the resource,
// ErrForbidden when it is not, and ErrUnauthenticated when it is not and nobody
// has said who they are.
func (c Caller) Require(action Action, resource Resource) error {
	switch {
	case c.May(action, resource):
		return nil
	case c.Actor == scope.Actor{}:
		return ErrUnauthenticated
	}
	return ErrForbidden.WithDetail("required", string(action))
}
