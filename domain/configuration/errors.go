package configuration

import (
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Errors of this module.
var (
	// ErrNotFound is a configuration that does not exist or is deleted.
	ErrNotFound = fault.New(fault.NotFound, "configuration_not_found", "The configuration does not exist.")
	// ErrVersionNotFound is a version that the configuration never had.
	ErrVersionNotFound = scope.ErrVersionNotFound
	// ErrAlreadyExists is a creation with an identity that exists already.
	ErrAlreadyExists = scope.ErrAlreadyExists
	// ErrVersionIsDelete is a rollback to a version that was a deletion.
	ErrVersionIsDelete = scope.ErrVersionIsDelete
	// ErrDamaged is a configuration or a version with an unreadable row.
	ErrDamaged = scope.ErrDamaged
	// ErrStale is a write that expects another version than the current one.
	ErrStale = scope.ErrStale
)
