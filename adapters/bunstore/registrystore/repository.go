package registrystore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// Repository stores services with their instances, and reads their history and
// generations.
type Repository struct {
	store       *bunstore.Store
	services    *bunstore.Table[serviceRow]
	instances   *bunstore.Table[instanceRow]
	transitions *bunstore.Table[transitionRow]
	// damaged and founded are the columns that updates of unreadable rows, and of
	// services that are registered anew, write.
	damaged, founded []string
}

var (
	_ registry.Repository = (*Repository)(nil)
	_ registry.History    = (*Repository)(nil)
	_ registry.Source     = (*Repository)(nil)
)

// New returns the services of a store.
func New(s *bunstore.Store) *Repository {
	r := &Repository{
		store: s, services: bunstore.NewTable[serviceRow](s), instances: bunstore.NewTable[instanceRow](s),
		transitions: bunstore.NewTable[transitionRow](s),
	}
	r.damaged = r.services.With("damaged")
	r.founded = append(r.services.With("founding"), r.services.Updated()...)
	return r
}

// Module returns what services add to a store.
func Module() bunstore.Module {
	services := func(s *bunstore.Store) *bun.SelectQuery { return s.NewSelect() }
	return bunstore.Module{
		Inspect: []bunstore.Inspection{
			bunstore.InspectByID("service_registry", services, func(r serviceRow) any { return r.ID }),
			inspectInstances,
		},
		BeginEpoch: stepEpochs,
	}
}

func inspectInstances(ctx context.Context, s *bunstore.Store) error {
	return bunstore.InspectTable(ctx, s, "service_instances", func() *bun.SelectQuery {
		return s.NewSelect().Order("service_id", "instance_id", "environment")
	}, func(q *bun.SelectQuery, last instanceRow) {
		q.Where("(service_id, instance_id, environment) > (?, ?, ?)", last.ServiceID, last.InstanceID, last.Environment)
	})
}

// Find returns the service of that name, with the named instances and the default
// one so far as they are stored; or registry.ErrNotFound.
func (r *Repository) Find(
	ctx context.Context, name scope.ServiceName, instances ...registry.InstanceID,
) (*registry.Service, error) {
	ids := []string{registry.DefaultInstance().String()}
	for _, id := range instances {
		ids = append(ids, id.String())
	}
	return r.load(ctx, r.named(name), func(q *bun.SelectQuery) *bun.SelectQuery {
		return r.instances.WithDeleted(q).Where("instance_id IN (?)", bun.List(ids))
	})
}

// FindWithInstances returns the service of that name with all instances that are not removed;
// or registry.ErrNotFound.
func (r *Repository) FindWithInstances(ctx context.Context, name scope.ServiceName) (*registry.Service, error) {
	return r.load(ctx, r.named(name), current)
}

// Since returns the service of that id with what was saved after a generation; or
// registry.ErrNotFound.
func (r *Repository) Since(ctx context.Context, id registry.ID, generation int64) (*registry.Service, error) {
	narrow := current
	if generation > 0 {
		narrow = func(q *bun.SelectQuery) *bun.SelectQuery {
			return r.instances.WithDeleted(q).Where("generation > ?", generation)
		}
	}
	service := func() *bun.SelectQuery {
		return r.services.WithDeleted(r.store.NewSelect()).Where("id = ?", int64(id))
	}
	found, err := r.load(ctx, service(), narrow)
	if err != nil || generation == 0 || generation >= found.State().Purged {
		return found, err
	}
	return r.load(ctx, service(), current)
}

func (r *Repository) named(name scope.ServiceName) *bun.SelectQuery {
	return r.services.WithDeleted(r.store.NewSelect()).Where("service_name = ?", name.String())
}

// current leaves the instances that are not removed, which have a table of their own.
func current(q *bun.SelectQuery) *bun.SelectQuery { return q }

// load reads a service and then some of its instances, which are as new as the
// service or newer: a Save of them fails if they are newer.
func (r *Repository) load(
	ctx context.Context, service *bun.SelectQuery, instances func(*bun.SelectQuery) *bun.SelectQuery,
) (*registry.Service, error) {
	state, err := bunstore.FindOne[serviceRow](ctx, r.store, service, "load a service", registry.ErrNotFound)
	if err != nil {
		return nil, err
	}
	list, err := r.loadInstances(ctx, int64(state.ID), instances)
	if err != nil {
		return nil, err
	}
	state, err = r.withCounters(ctx, state)
	return registry.Rehydrate(state, list...), err
}

// instancePage bounds the instances of one query.
const instancePage = registry.MaxInstances

func (r *Repository) loadInstances(
	ctx context.Context, service int64, narrow func(*bun.SelectQuery) *bun.SelectQuery,
) ([]*registry.Instance, error) {
	var list []*registry.Instance
	for {
		q := narrow(r.store.NewSelect()).Where("service_id = ?", service).Order("instance_id", "environment").
			Offset(len(list))
		page, err := bunstore.FindAll[instanceRow](ctx, r.store, q, instancePage, "load instances")
		if err != nil {
			return nil, err
		}
		list = append(list, page...)
		if len(page) < instancePage {
			return list, nil
		}
	}
}

// List returns a page of the matching services, and the number of all.
func (r *Repository) List(ctx context.Context, query registry.Query) (registry.Page, error) {
	l := bunstore.Listing[serviceRow, registry.State]{
		Store: r.store,
		Query: func() *bun.SelectQuery {
			q := r.store.NewSelect()
			if query.Status != nil {
				q = q.Where("status = ?", query.Status.String())
			}
			return bunstore.WhereWithin(q, r.areas(), query.Within)
		},
		OrderedBy: []string{"service_name"}, Size: r.store.JSONBytes("service_registry", "s", "metadata"),
		Doing: "list services",
	}
	found, err := l.Page(ctx, query.Window)
	return versioned.Map(found, func(state registry.State) *registry.Service { return registry.Rehydrate(state) }), err
}

// areas are the columns of services. A service is in the environments of its instances.
func (r *Repository) areas() bunstore.AreaColumns {
	return bunstore.AreaColumns{
		Service: "service_name", Name: "service_name",
		In: func(q *bun.SelectQuery, environments []string) *bun.SelectQuery {
			in := r.store.NewSelect().Model((*instanceRow)(nil)).ColumnExpr("1").Where("i.service_id = s.id").
				Where("NOT i.is_removed").Where("i.environment IN (?)", bun.List(environments))
			return q.Where("EXISTS (?)", in)
		},
	}
}

// Touch stores a report: its time, and the response time where it has one.
func (r *Repository) Touch(ctx context.Context, id registry.ID, at time.Time, responseTime *float64) error {
	err := r.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		q := tx.NewUpdate().Model((*serviceRow)(nil)).Where("id = ?", int64(id)).
			Set("last_health_check = ?", column.Time(at))
		if responseTime != nil {
			q = q.Set("response_time = ?", *responseTime).
				Set("response_time_average = COALESCE(response_time_average + 0.2 * (? - response_time_average), ?)",
					*responseTime, *responseTime)
		}
		_, err := q.Exec(ctx)
		return err
	})
	return dberror.Translate(err, "store a report", nil)
}

// Transitions returns the newest transitions, newest first.
func (r *Repository) Transitions(
	ctx context.Context, id registry.ID, of registry.Ref, before int64, limit int,
) ([]registry.Transition, error) {
	q := r.store.NewSelect().Where("service_id = ?", int64(id)).Order("id DESC")
	if before > 0 {
		q = q.Where("id < ?", before)
	}
	if !of.Instance.IsZero() {
		q = q.Where("instance_id = ?", of.Instance.String())
	}
	if !of.Environment.IsZero() {
		q = q.Where("environment = ?", of.Environment.String())
	}
	return bunstore.FindAll[transitionRow](ctx, r.store, q, limit, "load transitions")
}
