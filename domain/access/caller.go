package access

import (
	"net/netip"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Ending is when a request ends, such as its context.
type Ending interface {
	// Done returns a channel that is closed when no caller waits for the answer any more.
	Done() <-chan struct{}
}

// Origin is where a request comes from.
type Origin interface {
	// Address returns the address of the client, or the zero address where it is not
	// certain.
	Address() netip.Addr
}

// Verdict is the basis of a caller's rights: a key as it was read at some time.
type Verdict interface {
	// Confirm returns nil when the key is valid with the same rights, by a look-up now or
	// within the last two seconds. A slow look-up is awaited until the ending; nil is for
	// none. ErrInvalidKey is a key that was revoked, deleted, has expired or no longer the
	// caller's secret, ErrKeyChanged one with other rights, ErrUnconfirmed a look-up that
	// did not end in time, and fault.ErrUnavailable a store that cannot be reached.
	Confirm(until Ending) error
}

// Caller is the author of a request, with its rights.
type Caller struct {
	Actor  scope.Actor
	Grants []Grant
	// Bounds are until when and from where the key is accepted.
	Bounds Bounds
	// Verdict is nil for callers without a key.
	Verdict Verdict
	// Until is when the request ends; nil is for never.
	Until Ending
	// From is where the request comes from; nil where it is unknown.
	From Origin
	// RequestID is written beside every change the caller makes.
	RequestID string
	// TraceParent is the trace that the request belongs to, or empty.
	TraceParent string
}

// Stamp returns the stamp of a change that the caller makes at that time.
func (c Caller) Stamp(at time.Time) scope.Stamp {
	return scope.Stamp{
		By: c.Actor, At: at, RequestID: c.RequestID, TraceParent: c.TraceParent, Source: c.Source(),
	}
}

// Source returns the address of the client, or "" where it is not certain.
func (c Caller) Source() string {
	if c.From == nil {
		return ""
	}
	if address := c.From.Address(); address.IsValid() {
		return address.String()
	}
	return ""
}

// Has reports whether the caller has the right to an action on a resource. It does not
// confirm the verdict, because it decides on what is shown.
func (c Caller) Has(action Action, resource Resource) bool {
	return Decide(c.Grants, action, resource).Allowed
}

// HasSomewhere is Has for a resource of that service and name in some environment.
func (c Caller) HasSomewhere(action Action, service scope.ServiceName, name string) bool {
	return slices.ContainsFunc(c.Grants, func(g Grant) bool {
		return g.allows(action) && g.Area.ContainsNamed(service, name)
	})
}

// Prefixes returns the prefixes of the names of resources in an environment, which belong
// to no service, on which the caller is allowed an action; nil is for all names. Where
// there is none, the error is that of Require.
func (c Caller) Prefixes(action Action, e scope.Environment) ([]string, error) {
	var prefixes []string
	for i := range c.Grants {
		g := &c.Grants[i]
		if !g.allows(action) || len(g.Area.Services) > 0 || !g.Area.ContainsEnvironment(e) {
			continue
		}
		if len(g.Area.Prefixes) == 0 {
			return nil, nil
		}
		prefixes = append(prefixes, g.Area.Prefixes...)
	}
	if prefixes == nil {
		return nil, c.denied(action, Resource{Environment: e})
	}
	return prefixes, nil
}

// May reports whether Require would return nil.
func (c Caller) May(action Action, resource Resource) bool {
	return c.Has(action, resource) && c.confirmed(action) == nil
}

// MayAll reports whether the caller has the right to every action of the modules on the
// resource.
func (c Caller) MayAll(resource Resource) bool {
	return !slices.ContainsFunc(Actions(), func(a Action) bool { return !c.Has(a, resource) })
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
	if c.Has(action, resource) {
		return nil
	}
	return c.denied(action, resource)
}

// RequireSight returns nil when the caller is allowed an action that shows the resource.
// Where it is allowed the action on other resources only, the error is absent, as for a
// resource that does not exist; else it is that of Require.
func (c Caller) RequireSight(action Action, resource Resource, absent error) error {
	switch d := Decide(c.Grants, action, resource); {
	case d.Allowed:
		return nil
	case d.Reason == OutOfScope:
		return HiddenFrom(action, resource, absent)
	}
	return c.denied(action, resource)
}

// RequireSeen is Require for an action on a resource that exists: where the caller is
// allowed the action at all, but not the one that shows the resource, the error is absent.
func (c Caller) RequireSeen(action, sight Action, resource Resource, absent error) error {
	if err := c.RequireConfirmed(action); err != nil {
		return err
	}
	if !c.Has(sight, resource) {
		return HiddenFrom(action, resource, absent)
	}
	return c.RequireRight(action, resource)
}

// RequireAnywhere returns nil when the caller is allowed the action on at least one
// resource, whichever that is; else what Require returns. It lets an interface reject a
// caller before it reads the body. It never allows anything: the use case still decides
// on the resource.
func (c Caller) RequireAnywhere(action Action) error {
	if slices.ContainsFunc(c.Grants, func(g Grant) bool { return g.allows(action) }) {
		return nil
	}
	return c.denied(action, Resource{})
}

// RequireConfirmed is RequireAnywhere with the confirmation of Require.
func (c Caller) RequireConfirmed(action Action) error {
	if err := c.RequireAnywhere(action); err != nil {
		return err
	}
	return c.confirmed(action)
}

// Areas returns the areas in which the caller is allowed an action, for queries; nil is
// for everywhere. Where there is none, the error is that of Require.
func (c Caller) Areas(action Action) ([]scope.Area, error) {
	var areas []scope.Area
	for _, g := range c.Grants {
		switch {
		case !g.allows(action):
		case g.Area.IsAll():
			return nil, nil
		default:
			areas = append(areas, g.Area)
		}
	}
	if areas == nil {
		return nil, c.denied(action, Resource{})
	}
	return areas, nil
}

func (c Caller) confirmed(action Action) error {
	if c.Verdict == nil || !action.Changes() {
		return nil
	}
	return c.Verdict.Confirm(c.Until)
}
