package configuration

import "github.com/signalbox-hq/signalbox/domain/fault"

// Failures of this module.
var (
	// ErrNotFound is a configuration that does not exist or is deleted.
	ErrNotFound = fault.New(fault.NotFound, "configuration_not_found", "There is no such configuration.")
	// ErrVersionNotFound is a version that the configuration never had.
	ErrVersionNotFound = fault.New(fault.NotFound, "version_not_found", "The configuration has no such version.")
	// ErrAlreadyExists is a creation where a configuration of that identity lives.
	ErrAlreadyExists = fault.New(fault.Conflict, "already_exists",
		"A configuration with this key exists in this environment and service. Update it by its id.")
	// ErrVersionIsDelete is a rollback to a version that was a deletion.
	ErrVersionIsDelete = fault.New(fault.Conflict, "version_is_delete",
		"That version is a deletion and holds no value to go back to. Choose another, or delete the configuration.")
	// ErrStale is a write against a version that is not the present one.
	ErrStale = fault.New(fault.Stale, "stale_version",
		"The configuration has changed since that version. Read it again and repeat the change.")
)

// Exists returns ErrAlreadyExists with the id of the one that lives.
func Exists(id ID) error { return ErrAlreadyExists.WithDetail("id", int64(id)) }

// StaleAt returns ErrStale with the present version.
func StaleAt(current Version) error { return ErrStale.WithDetail("current_version", int64(current)) }
