package access

import (
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Resource is what an action is done to. Zero fields are those of a resource that has
// none: a grant for some environments, services or names allows nothing on it.
type Resource struct {
	Environment scope.Environment
	// Service is that of a configuration or of a registration.
	Service scope.ServiceName
	// Name is the key of a configuration, or the name of a flag or of a registered service.
	Name string
}

// Reason is why an action is allowed or not.
type Reason string

// The reasons.
const (
	// Granted says that a grant allows it.
	Granted Reason = "granted"
	// NotGranted says that no grant allows the action on any resource.
	NotGranted Reason = "action_not_granted"
	// OutOfScope says that grants allow the action, on other resources.
	OutOfScope Reason = "resource_out_of_scope"
)

// Decision is what Decide has decided.
type Decision struct {
	Allowed bool
	// Grant is the index of the grant that allows it, -1 where none does.
	Grant  int
	Reason Reason
}

// Decide decides whether grants allow an action on a resource. Without a matching grant
// nothing is allowed.
func Decide(grants []Grant, action Action, resource Resource) Decision {
	denied := Decision{Grant: -1, Reason: NotGranted}
	for i := range grants {
		g := &grants[i]
		if !g.allows(action) {
			continue
		}
		if g.Area.IsAll() || g.Area.Contains(resource.Environment, resource.Service, resource.Name) {
			return Decision{Allowed: true, Grant: i, Reason: Granted}
		}
		denied.Reason = OutOfScope
	}
	return denied
}
