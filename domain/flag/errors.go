package flag

import (
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Failures of this module.
var (
	// ErrNotFound is a flag that does not exist or is deleted.
	ErrNotFound = fault.New(fault.NotFound, "flag_not_found", "The feature flag does not exist.")
	// ErrVersionNotFound is a version that the flag never had.
	ErrVersionNotFound = scope.ErrVersionNotFound
	// ErrAlreadyExists is a creation where a flag of that identity lives.
	ErrAlreadyExists = scope.ErrAlreadyExists
	// ErrVersionIsDelete is a rollback to a version that was a deletion.
	ErrVersionIsDelete = scope.ErrVersionIsDelete
	// ErrAnotherType is a rollback to a version from before the flag was deleted and created
	// again with another type. Programs that evaluate it expect the present type.
	ErrAnotherType = fault.New(fault.Conflict, "version_has_another_type",
		"The version is of a former flag with another type. Choose a later version, or delete the flag and "+
			"create it again.")
	// ErrDamaged is a flag or a version whose row cannot be read.
	ErrDamaged = scope.ErrDamaged
	// ErrInvalidContext is a context that is no object, or has a value that is too large
	// for the conditions that read it.
	ErrInvalidContext = fault.New(fault.Invalid, "invalid_context",
		"The context must be an object. Rules read strings and numbers of up to 4 KiB, and lists of up to "+
			"10,000 elements.")
	// ErrStale is a write against a version that is not the present one.
	ErrStale = scope.ErrStale
)
