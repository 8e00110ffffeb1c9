package access

import (
	"slices"
	"strconv"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// MaxGrants bounds the grants of a key.
const MaxGrants = 20

// Grant allows the actions of a role on the resources of an area.
type Grant struct {
	// Role is zero for a grant that is not of a key.
	Role Role
	// Reveal shows the values of encrypted configurations. The roles admin and operator
	// have it, the role evaluator does not.
	Reveal bool
	Area   scope.Area
	// actions are those of the role; a grant has them once it was expanded.
	actions []Action
}

// Allow returns the grant that allows these actions everywhere and no others.
func Allow(actions ...Action) Grant { return Grant{actions: slices.Clone(actions)} }

// AllowIn is Allow in an area.
func AllowIn(area scope.Area, actions ...Action) Grant {
	return Grant{Area: area, actions: slices.Clone(actions)}
}

// Unrestricted returns the grants that allow everything.
func Unrestricted(added ...Added) []Grant {
	return Expand([]Grant{{Role: RoleAdmin, Reveal: true}}, added...)
}

// ReadOnly returns the grants that allow reading without revealing.
func ReadOnly(added ...Added) []Grant {
	grant := Grant{Role: RoleReader, actions: reads()}
	for _, a := range added {
		if a.Reader {
			grant.actions = append(grant.actions, a.Action)
		}
	}
	return []Grant{grant}
}

// Expand returns grants of roles with their actions.
func Expand(grants []Grant, added ...Added) []Grant {
	list := make([]Grant, len(grants))
	for i, g := range grants {
		g.actions = actionsOf(g.Role, g.Reveal, added)
		list[i] = g
	}
	return list
}

// Equal reports whether two grants are of the same role, area and right to reveal.
func (g Grant) Equal(other Grant) bool {
	return g.Role == other.Role && g.Reveal == other.Reveal && g.Area.Equal(other.Area)
}

// IsFullAdmin reports whether the grant allows everything everywhere.
func (g Grant) IsFullAdmin() bool { return g.Role == RoleAdmin && g.Area.IsAll() }

// allows reports whether the grant allows an action on some resource.
func (g Grant) allows(a Action) bool { return slices.Contains(g.actions, a) }

// check returns ErrInvalid for a grant that no key has.
func (g Grant) check() error {
	var role, reveal error
	if g.Role.String() == Role(0).String() {
		role = errRole()
	}
	if g.Role == RoleEvaluator && g.Reveal {
		reveal = fault.Bad("reveal", "is not for the role evaluator, which reads no configuration")
	}
	return fault.Merge(role, reveal, g.Area.Check())
}

// checkGrants returns ErrInvalid where a key cannot have these grants.
func checkGrants(grants []Grant) error {
	if len(grants) == 0 || len(grants) > MaxGrants {
		return fault.Bad("grants", "must have 1 to 20 entries")
	}
	var all []error
	entries := 0
	for i, g := range grants {
		entries += len(g.Area.Environments) + len(g.Area.Services) + len(g.Area.Prefixes)
		all = append(all, fault.Within("grants["+strconv.Itoa(i)+"].", g.check()))
	}
	if entries > scope.MaxAreaEntries {
		all = append(all, fault.Bad("grants", "must have at most 100 environments, services and prefixes together"))
	}
	return fault.Merge(all...)
}

// Covers reports whether every action of other grants is allowed by these, at least in
// the same area, each by one grant. Grants without actions are covered.
func Covers(grants, others []Grant) bool {
	return !slices.ContainsFunc(others, func(other Grant) bool {
		return slices.ContainsFunc(other.actions, func(a Action) bool {
			return !slices.ContainsFunc(grants, func(g Grant) bool { return g.allows(a) && g.Area.Covers(other.Area) })
		})
	})
}
