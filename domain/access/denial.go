package access

import (
	"errors"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Denial is what a caller was denied. It is the cause of errors, for the audit log, and is
// never shown.
//
//nolint:errname // it is a denial where it is read, and an error only to be carried
type Denial struct {
	// Action is empty where it is not known.
	Action   Action
	Resource Resource
	// hidden says that the caller may not see the resource.
	hidden bool
}

// Error describes it without the resource.
func (d Denial) Error() string {
	if d.hidden {
		return ErrOutOfScope.Error()
	}
	return "denied: " + string(d.Action)
}

// Is reports whether the denial hides a resource, for ErrOutOfScope.
func (d Denial) Is(target error) bool { return d.hidden && target == ErrOutOfScope }

// DenialOf returns what an error has denied, and the zero Denial for other errors.
func DenialOf(err error) Denial {
	d, _ := errors.AsType[Denial](err)
	return d
}

// Hidden returns the error for an absent resource with its true cause, for the audit log.
func Hidden(absent error) error { return HiddenFrom("", Resource{}, absent) }

// HiddenFrom is Hidden with what was denied.
func HiddenFrom(action Action, resource Resource, absent error) error {
	return fault.Of(absent).WithCause(Denial{Action: action, Resource: resource, hidden: true})
}

// denied returns ErrForbidden, or ErrUnauthenticated where the caller is anonymous.
func (c Caller) denied(action Action, resource Resource) error {
	d := Denial{Action: action, Resource: resource}
	if (c.Actor == scope.Actor{}) {
		return ErrUnauthenticated.WithCause(d)
	}
	return ErrForbidden.WithDetail("required", string(action)).WithCause(d)
}
