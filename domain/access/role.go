package access

import (
	"strings"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Role is a set of actions. The zero value is no role and allows nothing.
type Role uint8

// The roles.
const (
	// RoleReader reads; encrypted values only with the right to reveal.
	RoleReader Role = iota + 1
	// RoleAdmin does everything.
	RoleAdmin
	// RoleService is for programs that register themselves: it reads like a reader, and
	// registers and renews services.
	RoleService
	// RoleEvaluator is for browsers and devices: it evaluates flags, and reads nothing.
	RoleEvaluator
	// RoleEditor reads, and writes configurations and flags; encrypted values are hidden
	// from it without the right to reveal.
	RoleEditor
	// RoleOperator does everything but what concerns keys.
	RoleOperator
)

// Roles returns the roles, from the one that is allowed most.
func Roles() []Role {
	return []Role{RoleAdmin, RoleOperator, RoleEditor, RoleService, RoleReader, RoleEvaluator}
}

// ParseRole returns the role of that name; another text is ErrInvalid for "role".
func ParseRole(text string) (Role, error) {
	for _, r := range Roles() {
		if r.String() == text {
			return r, nil
		}
	}
	return 0, errRole()
}

func errRole() error {
	names := make([]string, len(Roles()))
	for i, r := range Roles() {
		names[i] = r.String()
	}
	last := len(names) - 1
	return fault.Bad("role", "must be "+strings.Join(names[:last], ", ")+" or "+names[last])
}

// String returns the name, such as "reader", and "none" for no role.
func (r Role) String() string {
	switch r {
	case RoleReader:
		return "reader"
	case RoleAdmin:
		return "admin"
	case RoleService:
		return "service"
	case RoleEvaluator:
		return "evaluator"
	case RoleEditor:
		return "editor"
	case RoleOperator:
		return "operator"
	}
	return "none"
}
