package registrystore

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Pulse returns the sum of all generations, of purged services too.
func (r *Repository) Pulse(ctx context.Context) (int64, error) {
	var sum int64
	q := r.services.WithDeleted(r.store.NewSelect().Model((*serviceRow)(nil))).
		ColumnExpr("CAST(COALESCE(sum(generation), 0) + (SELECT pulse FROM service_purges) AS bigint)")
	err := bunstore.ScanSelect(ctx, q, 1, &sum)
	return sum, dberror.Translate(err, "count the saves of services", nil)
}

// Bounds of Generations: the rows of one query, and how often it starts over because
// services were purged in between.
const (
	generationPage  = 10_000
	generationTries = 5
)

// Generations returns the generation of every service, and the pulse of purged ones.
func (r *Repository) Generations(ctx context.Context) (map[registry.ID]int64, int64, error) {
	for range generationTries {
		generations, purged, same, err := r.generations(ctx)
		if err != nil || same {
			return generations, purged, dberror.Translate(err, "load the generations of services", nil)
		}
	}
	return nil, 0, fault.ErrContended
}

// generationRow is the generation of a service beside the pulse of purged ones; without
// a service the id is 0.
type generationRow struct{ ID, Generation, Pulse int64 }

// generations reads page by page; same reports whether no service was purged between
// two pages.
func (r *Repository) generations(
	ctx context.Context,
) (found map[registry.ID]int64, purged int64, same bool, err error) {
	found = map[registry.ID]int64{}
	for after, page := int64(0), 0; ; page++ {
		rows, err := r.generationsAfter(ctx, after)
		if err != nil {
			return nil, 0, false, err
		}
		if page == 0 && len(rows) > 0 {
			purged = rows[0].Pulse
		}
		if slices.ContainsFunc(rows, func(row generationRow) bool { return row.Pulse != purged }) {
			return nil, 0, false, nil
		}
		for _, row := range rows {
			if after = row.ID; after != 0 {
				found[registry.ID(after)] = row.Generation
			}
		}
		if len(rows) < generationPage {
			return found, purged, true, nil
		}
	}
}

func (r *Repository) generationsAfter(ctx context.Context, id int64) (rows []generationRow, err error) {
	err = r.store.NewSelect().Model((*purgeRow)(nil)).ColumnExpr("sp.pulse").
		ColumnExpr("COALESCE(s.id, 0) AS id").ColumnExpr("CAST(COALESCE(s.generation, 0) AS bigint) AS generation").
		Join("LEFT JOIN (SELECT id, generation FROM service_registry UNION ALL "+
			"SELECT id, generation FROM deleted_service_registry) AS s ON s.id > ?", id).
		OrderExpr("s.id").Limit(generationPage).Scan(ctx, &rows)
	return rows, err
}

// withCounters returns a state with the greatest known version and generation in
// place of unreadable ones.
func (r *Repository) withCounters(ctx context.Context, s registry.State) (registry.State, error) {
	if s.Version < 1 {
		n, err := r.greatestVersion(ctx, s.ID)
		if err != nil {
			return s, dberror.Translate(err, "load the version of a service", nil)
		}
		s.Version = scope.Version(max(n, s.Generation, 1))
	}
	if s.Generation < 1 {
		var n int64
		q := r.instances.WithDeleted(r.store.NewSelect().Model((*instanceRow)(nil))).
			ColumnExpr("COALESCE(max(CAST(generation AS bigint)), 0)").Where("service_id = ?", int64(s.ID))
		if err := bunstore.ScanSelect(ctx, q, 1, &n); err != nil {
			return s, dberror.Translate(err, "load the generation of a service", nil)
		}
		s.Generation = max(n, 1)
	}
	return s, nil
}

// greatestVersion returns the greatest version of a service's events, 0 without any.
func (r *Repository) greatestVersion(ctx context.Context, id registry.ID) (int64, error) {
	var greatest int64
	for _, table := range []string{"changes", "outbox"} {
		var n int64
		err := r.store.NewSelect().Table(table).ColumnExpr("COALESCE(max(CAST(aggregate_version AS bigint)), 0)").
			Where("aggregate_type = ?", registry.AggregateType).Where("aggregate_id = ?", int64(id)).
			Limit(1).Scan(ctx, &n)
		if err != nil {
			return 0, err
		}
		greatest = max(greatest, n)
	}
	return greatest, nil
}

// stepEpochs moves the lease epochs of all services to the next step
// (registry.RestoreStep), also of services to come, in a new generation, so that
// running replicas load them.
func stepEpochs(ctx context.Context, tx bun.Tx) error {
	const step = int64(registry.RestoreStep)
	for _, table := range []string{"service_registry", "deleted_service_registry"} {
		_, err := tx.NewUpdate().Table(table).Where("last_epoch >= 0").
			Set("last_epoch = (last_epoch / ? + 1) * ?", step, step).Set("generation = generation + 1").Exec(ctx)
		if err != nil {
			return err
		}
	}
	return bunstore.UpdateOrStale(ctx, tx.NewUpdate().Model((*purgeRow)(nil)).
		Set("epoch = (epoch / ? + 1) * ?", step, step).Where("id = 1"))
}
