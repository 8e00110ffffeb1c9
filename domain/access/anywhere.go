package access

import (
	"slices"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// RequireAnywhere returns nil when the caller is allowed the action on at least one
// resource, whichever that is; else what Require returns. It lets an interface reject a
// caller before it reads the body. It never allows anything: the use case still decides
// on the resource.
func (c Caller) RequireAnywhere(action Action) error {
	allowed := slices.ContainsFunc(c.Grants, func(g Grant) bool { return slices.Contains(g.actions, action) })
	switch {
	case allowed:
		return nil
	case c.Actor == scope.Actor{}:
		return ErrUnauthenticated
	}
	return ErrForbidden.WithDetail("required", string(action))
}
