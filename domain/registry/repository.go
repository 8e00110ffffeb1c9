package registry

import (
	"context"
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// Repository stores services with their instances. It returns deregistered services,
// removed instances and damaged ones of both too; the caller decides what they mean. An
// unreadable row costs that row only. A store that cannot be reached is
// fault.ErrUnavailable from every method.
type Repository interface {
	// Save writes the unsaved changes of all the given services in one transaction:
	// state, instances, transitions and events, all or none. It marks them saved and
	// gives new ones their id. One without changes is skipped.
	//
	// ErrStale: the store holds another generation than the one that was loaded.
	// scope.ErrAlreadyExists: a new one's name exists already, also as a deregistered
	// one. After an error that is no rejection (fault.Unavailable or fault.Internal) it
	// is unknown whether the store has them, unless it wraps fault.ErrUnreached.
	Save(ctx context.Context, services ...*Service) error
	// Find returns the service of that name, with the instances of those ids and the
	// default ones so far as they are stored, in whichever environment; or
	// ErrNotFound.
	Find(ctx context.Context, name scope.ServiceName, instances ...InstanceID) (*Service, error)
	// FindWithInstances returns the service of that name with all instances that are not
	// removed; or ErrNotFound.
	FindWithInstances(ctx context.Context, name scope.ServiceName) (*Service, error)
	// List returns a page of the services that are registered and match, without
	// their instances, ordered by name (bytewise), with the true number of all that
	// match as of the same moment. A page of many bytes comes in parts: see
	// scope.PartBytes. The position of a service is its name.
	List(ctx context.Context, query Query) (Page, error)
	// Environments returns in which environments the services of those ids have instances
	// that are not removed, in the order of the names. A service without any, or of an
	// unknown id, is missing.
	Environments(ctx context.Context, ids ...ID) (map[ID][]scope.Environment, error)
	// Touch records a report that need not change the state: its time, and the response
	// time in milliseconds if there was one. It makes no version. An unknown id is
	// skipped.
	Touch(ctx context.Context, id ID, at time.Time, responseTime *float64) error
}

// Query selects services.
type Query struct {
	// Status narrows to one, if it is not nil.
	Status *Status
	// Within narrows to services that have an instance in one of the areas; nil is for
	// everything. A service is its own service and name.
	Within []scope.Area
	scope.Window
}

// Contains reports whether a service with some instances lies in one of the areas.
func (q Query) Contains(s State, instances []*Instance) bool {
	if q.Within == nil {
		return true
	}
	return slices.ContainsFunc(q.Within, func(a scope.Area) bool {
		in := func(i *Instance) bool { return a.ContainsEnvironment(i.Environment) }
		return a.ContainsNamed(s.Name, s.Name.String()) &&
			(len(a.Environments) == 0 || slices.ContainsFunc(instances, in))
	})
}

// Page is a part of a list, or the first part of it.
type Page = versioned.Page[*Service]

// History reads the transitions that a Repository has saved.
type History interface {
	// Transitions returns the newest transitions of a service, of the instances of one
	// id and in one environment so far as these are not zero, newest first, at most
	// limit. A positive before leaves out transitions of that ID and higher ones.
	Transitions(ctx context.Context, id ID, of Ref, before int64, limit int) ([]Transition, error)
	// Purge deletes transitions from before that time, the oldest first and at most
	// limit, and returns how many.
	Purge(ctx context.Context, before time.Time, limit int) (int, error)
	// PurgeRemoved deletes removed records: at most limit instances past their Kept, or
	// else deregistered services without instances that are past KeptRemoved, with their
	// transitions. Records that are not older than the oldest change in the feed are
	// left. It returns how many records it has deleted, and none where nothing is left to
	// do.
	PurgeRemoved(ctx context.Context, now time.Time, limit int) (int, error)
}

// Source fills a cache of all services. A store that cannot be reached is
// fault.ErrUnavailable.
type Source interface {
	// Pulse returns a number that grows with every committed Save and purge of a service
	// and never otherwise, whatever the order of commits. It is cheap.
	Pulse(ctx context.Context) (int64, error)
	// Generations returns the generation of every service, deregistered ones too, and
	// what purged services have left of the pulse, as of one moment; together they sum
	// to the pulse of that moment.
	Generations(ctx context.Context) (generations map[ID]int64, purged int64, err error)
	// Since returns the service of that id with the instances, removed ones too, that
	// were saved after that generation; from 0 on, or from one below State.Purged, all
	// that are not removed and no others. An unknown id is ErrNotFound.
	Since(ctx context.Context, id ID, generation int64) (*Service, error)
	// HighestEpoch returns the highest epoch of all services that were purged; 0 for
	// none. A new service begins above it, so that epochs never go back.
	HighestEpoch(ctx context.Context) (Epoch, error)
}
