package bunstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Services stores services with their instances, reads their history, and tells
// what has changed.
type Services struct{ store *Store }

var (
	_ registry.Repository = (*Services)(nil)
	_ registry.History    = (*Services)(nil)
	_ registry.Source     = (*Services)(nil)
)

// Find returns the service of that name, with the named instances and the default
// one so far as they are stored; or registry.ErrNotFound.
func (r *Services) Find(
	ctx context.Context, name scope.ServiceName, instances ...registry.InstanceID,
) (*registry.Service, error) {
	ids := []string{registry.DefaultInstance().String()}
	for _, id := range instances {
		ids = append(ids, id.String())
	}
	return r.whole(ctx, named(name), func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("instance_id IN (?)", bun.List(ids))
	})
}

// FindWhole returns the service of that name with all instances that live; or
// registry.ErrNotFound.
func (r *Services) FindWhole(ctx context.Context, name scope.ServiceName) (*registry.Service, error) {
	return r.whole(ctx, named(name), living)
}

// Since returns the service of that id with what was saved after a generation; or
// registry.ErrNotFound.
func (r *Services) Since(ctx context.Context, id registry.ID, generation int64) (*registry.Service, error) {
	narrow := living
	if generation > 0 {
		narrow = func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("generation > ?", generation) }
	}
	of := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("id = ?", int64(id)) }
	found, err := r.whole(ctx, of, narrow)
	if err != nil || generation == 0 || generation >= found.State().Purged {
		return found, err
	}
	return r.whole(ctx, of, living)
}

func named(name scope.ServiceName) func(*bun.SelectQuery) *bun.SelectQuery {
	return func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("service_name = ?", name.String()) }
}

func living(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("is_removed = ?", false) }

// whole reads a service and then some of its instances, which are as new as the
// service or newer: a Save of them fails if they are newer.
func (r *Services) whole(
	ctx context.Context, service, instances func(*bun.SelectQuery) *bun.SelectQuery,
) (*registry.Service, error) {
	state, err := one[serviceRow](ctx, r.store, service(r.store.read.NewSelect()), "load a service",
		registry.ErrNotFound)
	if err != nil {
		return nil, err
	}
	q := instances(r.store.read.NewSelect()).Where("service_id = ?", int64(state.ID))
	list, err := all[instanceRow](ctx, r.store, q, "load instances")
	if err != nil {
		return nil, err
	}
	state, err = r.counted(ctx, state)
	return registry.Rehydrate(state, list...), err
}

// What is known elsewhere of the version and the generation of a service.
const (
	greatestVersion = `SELECT COALESCE(max(CAST(aggregate_version AS bigint)), 0) FROM (
  SELECT aggregate_version FROM changes WHERE aggregate_type = ?0 AND aggregate_id = ?1
  UNION ALL SELECT aggregate_version FROM outbox WHERE aggregate_type = ?0 AND aggregate_id = ?1) AS known`
	greatestGeneration = `SELECT COALESCE(max(CAST(generation AS bigint)), 0)
FROM service_instances WHERE service_id = ?`
)

// counted returns a state with a version and a generation to go on from where those
// that are stored cannot be read: the greatest ones that are known.
func (r *Services) counted(ctx context.Context, s registry.State) (registry.State, error) {
	if s.Version < 1 {
		n, err := finalRaw(ctx, r.store.read, greatestVersion, registry.AggregateType, int64(s.ID))
		if err != nil {
			return s, translate(err, "look for the version of a service", nil)
		}
		s.Version = scope.Version(max(n, s.Generation, 1))
	}
	if s.Generation < 1 {
		n, err := finalRaw(ctx, r.store.read, greatestGeneration, int64(s.ID))
		if err != nil {
			return s, translate(err, "look for the generation of a service", nil)
		}
		s.Generation = max(n, 1)
	}
	return s, nil
}

// List returns a page of what matches, and the number of all that does.
func (r *Services) List(ctx context.Context, query registry.Query) (registry.Page, error) {
	l := listing[serviceRow, registry.State]{
		store: r.store,
		query: func() *bun.SelectQuery {
			q := r.store.read.NewSelect().Where("is_deleted = ?", false)
			if query.Status != nil {
				q = q.Where("status = ?", query.Status.String())
			}
			return q
		},
		order: []string{"service_name"}, size: r.store.dialect.jsonBytes("service_registry", "s", "metadata"),
		doing: "list services",
	}
	p, total, err := l.page(ctx, query.Limit, query.Offset)
	return servicePage(p, total), err
}

func servicePage(p part[registry.State], total int) registry.Page {
	page := registry.Page{
		Total: total, Bytes: p.bytes, Items: make([]*registry.Service, len(p.items)),
		Next: following(p, func(next part[registry.State]) registry.Page { return servicePage(next, total) }),
	}
	for i, state := range p.items {
		page.Items[i] = registry.Rehydrate(state)
	}
	return page
}

// Touch takes in a report.
func (r *Services) Touch(ctx context.Context, id registry.ID, at time.Time, responseTime *float64) error {
	err := r.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		q := tx.NewUpdate().Model((*serviceRow)(nil)).Where("id = ?", int64(id)).
			Set("last_health_check = ?", timed(at))
		if responseTime != nil {
			q = q.Set("response_time = ?", *responseTime).
				Set("response_time_average = COALESCE(response_time_average + 0.2 * (? - response_time_average), ?)",
					*responseTime, *responseTime)
		}
		_, err := q.Exec(ctx)
		return err
	})
	return translate(err, "note a report", nil)
}

// Transitions returns the newest transitions, newest first.
func (r *Services) Transitions(
	ctx context.Context, id registry.ID, of registry.Ref, limit int,
) ([]registry.Transition, error) {
	q := r.store.read.NewSelect().Where("service_id = ?", int64(id)).Order("id DESC").Limit(limit)
	if !of.Instance.IsZero() {
		q = q.Where("instance_id = ?", of.Instance.String())
	}
	if !of.Environment.IsZero() {
		q = q.Where("environment = ?", of.Environment.String())
	}
	return all[transitionRow](ctx, r.store, q, "load transitions")
}

// Purge forgets the oldest transitions from before that time.
func (r *Services) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	var gone int64
	err := r.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		oldest := tx.NewSelect().Model((*transitionRow)(nil)).Column("id").
			Where("changed_at < ?", timed(before)).Order("changed_at", "id").Limit(limit)
		result, err := tx.NewDelete().Model((*transitionRow)(nil)).Where("id IN (?)", oldest).Exec(ctx)
		if err != nil {
			return err
		}
		gone, err = result.RowsAffected()
		return err
	})
	return int(gone), translate(err, "purge transitions", nil)
}

// Pulse returns the sum of all generations, of purged services too.
func (r *Services) Pulse(ctx context.Context) (int64, error) {
	var sum int64
	err := r.store.read.NewSelect().Model((*serviceRow)(nil)).
		ColumnExpr("CAST(COALESCE(sum(generation), 0) + (SELECT pulse FROM service_purges) AS bigint)").Scan(ctx, &sum)
	return sum, translate(err, "count the saves of services", nil)
}

// Generations returns the generation of every service, and what purged ones have left.
func (r *Services) Generations(ctx context.Context) (map[registry.ID]int64, int64, error) {
	var rows []struct{ ID, Generation, Pulse int64 }
	err := r.store.read.NewSelect().Model((*purgeRow)(nil)).ColumnExpr("sp.pulse").
		ColumnExpr("COALESCE(s.id, 0) AS id").ColumnExpr("CAST(COALESCE(s.generation, 0) AS bigint) AS generation").
		Join("LEFT JOIN service_registry AS s ON true").Scan(ctx, &rows)
	if err != nil {
		return nil, 0, translate(err, "load the generations of services", nil)
	}
	var purged int64
	generations := make(map[registry.ID]int64, len(rows))
	for _, row := range rows {
		purged = row.Pulse
		if row.ID != 0 {
			generations[registry.ID(row.ID)] = row.Generation
		}
	}
	return generations, purged, nil
}
