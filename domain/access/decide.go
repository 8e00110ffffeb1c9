package access

import (
	"slices"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Action is an operation on a resource.
type Action string

// The actions of this version's modules. A module from outside adds its own (Added).
const (
	// ReadConfiguration shows everything but the values of encrypted ones.
	ReadConfiguration Action = "configuration.read"
	// WriteConfiguration creates, updates, rolls back and deletes.
	WriteConfiguration Action = "configuration.write"
	// RevealConfiguration shows the value of an encrypted configuration.
	RevealConfiguration Action = "configuration.reveal"
	// DeclassifyConfiguration turns the encryption of a configuration off.
	DeclassifyConfiguration Action = "configuration.declassify"
	// ReadFlag shows the definitions of flags.
	ReadFlag Action = "flag.read"
	// EvaluateFlag evaluates the flags of an environment.
	EvaluateFlag Action = "flag.evaluate"
	// WriteFlag creates, updates, rolls back and deletes.
	WriteFlag Action = "flag.write"
	// ReadService shows services and their instances.
	ReadService Action = "service.read"
	// WriteService registers, renews, reports, changes and deregisters.
	WriteService Action = "service.write"
	// ReadHealth shows the details of the service's health, which name parts of the
	// installation.
	ReadHealth Action = "health.read"
)

// Resource is what an action is done to. Zero fields mean any: a list over all
// environments is an action on every one of them.
type Resource struct {
	Environment scope.Environment
	Service     scope.ServiceName
}

// needsConfirmation reports whether an action is allowed only to a caller whose key
// was just confirmed: it changes, reveals or declassifies something. "<resource>.read"
// and "<resource>.evaluate" do not, and remain possible while the store that has the
// keys is unavailable.
func (a Action) needsConfirmation() bool {
	_, verb, _ := strings.Cut(string(a), ".")
	return verb != "read" && verb != "evaluate"
}

// Grant allows some actions, everywhere or in one environment.
type Grant struct {
	actions []Action
	// environment is zero for everywhere.
	environment scope.Environment
}

// Allow returns the grant that allows these actions and no others.
func Allow(actions ...Action) Grant { return Grant{actions: slices.Clone(actions)} }

// AllowIn returns the grant that allows these actions on resources of one environment,
// and nothing where that is none.
func AllowIn(e scope.Environment, actions ...Action) Grant {
	if e.IsZero() {
		return Grant{}
	}
	return Grant{actions: slices.Clone(actions), environment: e}
}

// Decide reports whether the grants allow the action on the resource. Without a matching
// grant nothing is allowed. A grant for one environment allows nothing on a resource of
// any environment.
func Decide(grants []Grant, action Action, resource Resource) bool {
	return slices.ContainsFunc(grants, func(g Grant) bool {
		return (g.environment.IsZero() || g.environment == resource.Environment) && slices.Contains(g.actions, action)
	})
}

// Actions returns the actions of this version's modules.
func Actions() []Action {
	return []Action{
		ReadConfiguration, WriteConfiguration, RevealConfiguration, DeclassifyConfiguration, ReadFlag, EvaluateFlag,
		WriteFlag, ReadService, WriteService, ReadHealth,
	}
}

// Added is an action that is not among Actions, because its module is not.
type Added struct {
	Action Action
	// Reader says that every role that reads is allowed it.
	Reader bool
}

// Unrestricted returns the grants that allow everything.
func Unrestricted(added ...Added) []Grant {
	allowed := Actions()
	for _, a := range added {
		allowed = append(allowed, a.Action)
	}
	return []Grant{Allow(allowed...)}
}

// ReadOnly returns the grants that allow reading without revealing.
func ReadOnly(added ...Added) []Grant {
	allowed := []Action{ReadConfiguration, ReadFlag, EvaluateFlag, ReadService}
	for _, a := range added {
		if a.Reader {
			allowed = append(allowed, a.Action)
		}
	}
	return []Grant{Allow(allowed...)}
}

// Ending is when a request ends, such as its context.
type Ending interface {
	// Done returns a channel that is closed when no caller waits for the answer any more.
	Done() <-chan struct{}
}

// Verdict is the basis of a caller's rights: a key as it was read at some time.
type Verdict interface {
	// Confirm returns nil when the key is valid with the same rights, by a look-up now or
	// within the last two seconds. A slow look-up is awaited until the ending; nil is for
	// none. ErrInvalidKey is a key that was revoked, deleted, has expired or has other
	// rights, ErrUnconfirmed a look-up that did not end in time, and fault.ErrUnavailable
	// a store that cannot be reached.
	Confirm(until Ending) error
}

// Caller is the author of a request, with its rights.
type Caller struct {
	Actor  scope.Actor
	Grants []Grant
	// Verdict is nil for callers without a key.
	Verdict Verdict
	// Until is when the request ends; nil is for never.
	Until Ending
	// RequestID is written beside every change the caller makes.
	RequestID string
	// TraceParent is the trace that the request belongs to, or empty.
	TraceParent string
}

// Stamp returns the stamp of a change that the caller makes at that time.
func (c Caller) Stamp(at time.Time) scope.Stamp {
	return scope.Stamp{By: c.Actor, At: at, RequestID: c.RequestID, TraceParent: c.TraceParent}
}

// May reports whether Require would return nil.
func (c Caller) May(action Action, resource Resource) bool {
	return Decide(c.Grants, action, resource) && c.confirmed(action) == nil
}

// MayAll reports whether the caller has the right to every action on the resource. It
// does not confirm the verdict, because it decides on what is shown.
func (c Caller) MayAll(resource Resource) bool {
	return !slices.ContainsFunc(Actions(), func(a Action) bool { return !Decide(c.Grants, a, resource) })
}

// Require returns nil when the caller is allowed the action on the resource, ErrForbidden
// when it is not, and ErrUnauthenticated when it is not and the caller is anonymous. An
// action that changes, reveals or declassifies something needs a confirmed verdict, for
// which Require waits: it fails as Verdict.Confirm does.
func (c Caller) Require(action Action, resource Resource) error {
	if err := c.RequireRight(action, resource); err != nil {
		return err
	}
	return c.confirmed(action)
}

// RequireRight is Require without the confirmation of the verdict, for actions that
// change nothing in the database, such as the renewal of a lease.
func (c Caller) RequireRight(action Action, resource Resource) error {
	switch {
	case Decide(c.Grants, action, resource):
		return nil
	case c.Actor == scope.Actor{}:
		return ErrUnauthenticated
	}
	return ErrForbidden.WithDetail("required", string(action))
}

func (c Caller) confirmed(action Action) error {
	if c.Verdict == nil || !action.needsConfirmation() {
		return nil
	}
	return c.Verdict.Confirm(c.Until)
}
