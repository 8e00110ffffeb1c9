package configuration

import (
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Failures of this module.
var (
	// ErrNotFound is a configuration that does not exist or is deleted.
	ErrNotFound = fault.New(fault.NotFound, "configuration_not_found", "There is no such configuration.")
	// ErrVersionNotFound is a version that the configuration never had.
	ErrVersionNotFound = scope.ErrVersionNotFound
	// ErrAlreadyExists is a creation where a configuration of that identity lives.
	ErrAlreadyExists = scope.ErrAlreadyExists
	// ErrVersionIsDelete is a rollback to a version that was a deletion.
	ErrVersionIsDelete = scope.ErrVersionIsDelete
	// ErrDamaged is a configuration or a version whose row cannot be read.
	ErrDamaged = scope.ErrDamaged
	// ErrStale is a write against a version that is not the present one.
	ErrStale = scope.ErrStale
)
