package scope

import (
	"slices"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Action is what made a version: one of the constants, or a verb of a module's own such
// as "start". The zero value is no action.
type Action string

// The actions of every module.
const (
	ActionCreate   Action = "create"
	ActionUpdate   Action = "update"
	ActionRollback Action = "rollback"
	ActionDelete   Action = "delete"
)

// maxActionBytes is the longest action.
const maxActionBytes = 32

// Actions returns the actions of every module.
func Actions() []Action { return []Action{ActionCreate, ActionUpdate, ActionRollback, ActionDelete} }

// String returns the verb, and "unknown" for no action.
func (a Action) String() string {
	if a == "" {
		return "unknown"
	}
	return string(a)
}

// PastTense returns what events call one of Actions: "created", "updated",
// "rolled_back" or "deleted". A module names the events of its own verbs.
func (a Action) PastTense() string {
	switch a {
	case ActionCreate:
		return "created"
	case ActionUpdate:
		return "updated"
	case ActionRollback:
		return "rolled_back"
	case ActionDelete:
		return "deleted"
	}
	panic("scope: no past tense of the action " + a.String())
}

// Valid reports whether the action is a verb: 1 to 32 bytes of [a-z_] that begin with a
// letter.
func (a Action) Valid() bool {
	return a != "" && len(a) <= maxActionBytes && a[0] != '_' &&
		!strings.ContainsFunc(string(a), func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
}

// ParseAction is the inverse of String for Actions and a module's own verbs; another
// text is ErrInvalid for "action".
func ParseAction(text string, own ...Action) (Action, error) {
	allowed := append(Actions(), own...)
	if a := Action(text); a.Valid() && slices.Contains(allowed, a) {
		return a, nil
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = a.String()
	}
	last := len(names) - 1
	return "", fault.Bad("action", "must be "+strings.Join(names[:last], ", ")+" or "+names[last])
}
