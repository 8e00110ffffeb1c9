package registry

import (
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Failures of this module.
var (
	// ErrNotFound is a service that does not exist or is deregistered.
	ErrNotFound = fault.New(fault.NotFound, "service_not_found", "The service does not exist. Register it first.")
	// ErrInstanceNotFound is an instance that does not exist or was removed.
	ErrInstanceNotFound = fault.New(fault.NotFound, "instance_not_found",
		"The instance does not exist or was removed. Register it again.")
	// ErrLeaseLost is a heartbeat with an epoch that is not the present one.
	ErrLeaseLost = fault.New(fault.Conflict, "lease_lost",
		"The lease belongs to a later registration. Register again to take it over.")
	// ErrLimitReached is an instance of a service beyond the bound.
	ErrLimitReached = fault.New(fault.Invalid, "limit_reached", "A service has at most 10,000 instances.")
	// ErrTooManyServices is a service beyond the bound of all replicas.
	ErrTooManyServices = fault.New(fault.Invalid, "service_limit_reached",
		"The number of services has reached REGISTRY_MAX_SERVICES. Deregister some, or raise it.")
	// ErrTooManyInstances is an instance of any service beyond the bound.
	ErrTooManyInstances = fault.New(fault.Invalid, "instance_limit_reached",
		"The number of instances has reached REGISTRY_MAX_INSTANCES. Deregister some, or raise it.")
	// ErrTooMuchMetadata is metadata of services and instances beyond the bound.
	ErrTooMuchMetadata = fault.New(fault.Invalid, "metadata_limit_reached",
		"The metadata has reached REGISTRY_MAX_METADATA_BYTES. Send less, or raise it.")
	// ErrTooManyHeartbeats is a batch of more than 1,000.
	ErrTooManyHeartbeats = fault.New(fault.Invalid, "too_many_heartbeats",
		"A batch must contain at most 1,000 heartbeats. Send the others in another batch.")
	// ErrInstanceRequired is a report without an instance about a service that has
	// instances.
	ErrInstanceRequired = fault.New(fault.Invalid, "instance_required",
		"The service has instances. Name one with instance_id.")
	// ErrEnvironmentRequired is an instance id without an environment that exists in
	// several; those that the caller may see are its detail "environments".
	ErrEnvironmentRequired = fault.New(fault.Conflict, "environment_required",
		"The id exists in several environments. Name one with environment.")
	// ErrSharedDetails is a change of what all instances of a service share, by a caller
	// without the right to write in each of their environments. Its detail "required" is
	// the action, "fields" what would change, and "environments" those that the caller may
	// see, but not write to.
	ErrSharedDetails = fault.New(fault.Forbidden, "shared_by_environments",
		"service_url, health_check_url and metadata of a service are those of all environments in which it has "+
			"instances. Changing them needs the right in each; register with an instance_id to describe an instance.")
	// ErrNoLease is a heartbeat of an instance that has no lease.
	ErrNoLease = fault.New(fault.Conflict, "no_lease",
		"The instance has no lease to renew. Report its health, or register one with an instance_id.")
	// ErrLeasesUnavailable is an unavailable lease store.
	ErrLeasesUnavailable = fault.New(fault.Unavailable, "leases_unavailable",
		"Leases cannot be granted or renewed right now; none expires meanwhile. Try again shortly.")
	// ErrDamaged is a service or an instance with an unreadable row.
	ErrDamaged = scope.ErrDamaged.WithMessage("The stored row is unreadable. Deregister it and register " +
		"it again, or repair its row in the database (docs/operations.md, Damaged rows).")
	// ErrStale is a write against a version that is not the present one.
	ErrStale = scope.ErrStale
)
