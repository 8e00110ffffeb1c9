package access

import (
	"slices"
	"strings"
)

// Action is an operation on a resource: "<resource>.<verb>".
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
	// EvaluateFlag evaluates flags.
	EvaluateFlag Action = "flag.evaluate"
	// WriteFlag creates, updates, rolls back and deletes.
	WriteFlag Action = "flag.write"
	// ReadService shows services and their instances.
	ReadService Action = "registry.read"
	// WriteService registers, reports, changes and deregisters.
	WriteService Action = "registry.write"
	// RenewLease sends heartbeats.
	RenewLease Action = "registry.heartbeat"
)

// The actions that concern the installation itself. They are not those of a module.
const (
	// ReadHealth shows the details of the service's health, which name parts of the
	// installation.
	ReadHealth Action = "health.read"
	// ManageEncryption shows under which keys values are encrypted, and rotates and retires
	// these.
	ManageEncryption Action = "encryption.manage"
	// ReadAudit reads and verifies the audit log.
	ReadAudit Action = "audit.read"
	// ManageKeys creates, lists, changes, rotates and revokes API keys that grant no more
	// than the caller has.
	ManageKeys Action = "key.manage"
)

// Changes reports whether an action changes, reveals or declassifies something. Those
// with the verbs "read" and "evaluate" do not, and remain possible while the store that
// has the keys is unavailable; others need a key that was just confirmed.
func (a Action) Changes() bool {
	_, verb, _ := strings.Cut(string(a), ".")
	return verb != "read" && verb != "evaluate"
}

// Added is an action that is not among Actions, because its module is not. The roles
// admin and operator are allowed it.
type Added struct {
	Action Action
	// Reader says that every role that reads is allowed it, Editor that the role editor is.
	Reader, Editor bool
}

// Actions returns the actions of this version's modules and ReadHealth.
func Actions() []Action {
	return []Action{
		ReadConfiguration, WriteConfiguration, RevealConfiguration, DeclassifyConfiguration, ReadFlag, EvaluateFlag,
		WriteFlag, ReadService, WriteService, RenewLease, ReadHealth,
	}
}

// AllActions returns every action there is.
func AllActions(added ...Added) []Action {
	all := append(Actions(), ManageKeys, ReadAudit, ManageEncryption)
	for _, a := range added {
		all = append(all, a.Action)
	}
	return all
}

// reads are the actions of every role that reads.
func reads() []Action { return []Action{ReadConfiguration, ReadFlag, EvaluateFlag, ReadService} }

// actionsOf returns the actions of a role, with the right to reveal or without.
func actionsOf(r Role, reveal bool, added []Added) []Action {
	var list []Action
	switch r {
	case RoleAdmin:
		return AllActions(added...)
	case RoleOperator:
		list = Actions()
	case RoleEditor:
		list = append(reads(), ReadHealth, WriteConfiguration, WriteFlag)
	case RoleService:
		list = append(reads(), ReadHealth, WriteService, RenewLease)
	case RoleReader:
		list = append(reads(), ReadHealth)
	case RoleEvaluator:
		return []Action{EvaluateFlag}
	default:
		return nil
	}
	for _, a := range added {
		if a.Reader || r == RoleOperator || a.Editor && r == RoleEditor {
			list = append(list, a.Action)
		}
	}
	if reveal && !slices.Contains(list, RevealConfiguration) {
		list = append(list, RevealConfiguration)
		if r == RoleEditor {
			list = append(list, DeclassifyConfiguration)
		}
	}
	return list
}
