package registrystore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// purgeRow is the remainder of all purged services: the highest epoch, and their part
// of the pulse.
type purgeRow struct {
	bun.BaseModel `bun:"table:service_purges,alias:sp"`

	ID    int64 `bun:",pk"`
	Epoch int64
	Pulse int64
}

// HighestEpoch returns the highest epoch of all purged services.
func (r *Repository) HighestEpoch(ctx context.Context) (registry.Epoch, error) {
	var row purgeRow
	err := r.store.NewSelect().Model(&row).Limit(1).Scan(ctx)
	return registry.Epoch(row.Epoch), dberror.Translate(err, "load the highest purged epoch", nil)
}

// Purge deletes the oldest transitions from before that time.
func (r *Repository) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	var deleted int64
	err := r.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		oldest := tx.NewSelect().Model((*transitionRow)(nil)).Column("id").
			Where("changed_at < ?", column.Time(before)).Order("changed_at", "id").Limit(limit)
		result, err := tx.NewDelete().Model((*transitionRow)(nil)).Where("id IN (?)", oldest).Exec(ctx)
		if err != nil {
			return err
		}
		deleted, err = result.RowsAffected()
		return err
	})
	return int(deleted), dberror.Translate(err, "purge transitions", nil)
}

// PurgeRemoved deletes instances whose time after their removal is over, or else
// services.
func (r *Repository) PurgeRemoved(ctx context.Context, now time.Time, limit int) (int, error) {
	due := duePurge{now: now.Unix()}
	err := r.store.NewSelect().Table("changes").Column("occurred_at").Order("revision").Limit(1).
		Scan(ctx, &due.feed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, dberror.Translate(err, "load the oldest change", nil)
	}
	n, err := r.purgeInstances(ctx, due, limit)
	if n > 0 || err != nil {
		return n, dberror.Translate(err, "purge instances", nil)
	}
	n, err = r.purgeServices(ctx, due, limit)
	return n, dberror.Translate(err, "purge services", nil)
}

// duePurge selects the rows to purge.
type duePurge struct {
	now int64
	// feed is the time of the oldest change in the feed; zero for none.
	feed column.Timestamp
}

func (d duePurge) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	q = q.Where("purge_at <= ?", d.now)
	if !d.feed.IsZero() {
		q = q.Where("updated_at < ?", d.feed)
	}
	return q.Order("purge_at")
}

// removed makes a query read removed instances.
func (r *Repository) removed(q *bun.SelectQuery) *bun.SelectQuery {
	return r.instances.From(q.Model((*instanceRow)(nil)), true)
}

// purgeInstances purges instances of one service after another, so that each
// transaction locks one.
func (r *Repository) purgeInstances(ctx context.Context, due duePurge, limit int) (purged int, err error) {
	var services []int64
	oldest := due.narrow(r.removed(r.store.NewSelect()).Column("service_id")).Limit(limit)
	err = r.store.NewSelect().TableExpr("(?) AS due", oldest).ColumnExpr("DISTINCT service_id").
		Limit(limit).Scan(ctx, &services)
	for i := 0; i < len(services) && purged < limit && err == nil; i++ {
		var n int
		n, err = r.purgeInstancesOf(ctx, services[i], due, limit-purged)
		purged += n
	}
	return purged, err
}

// purgeInstancesOf locks the service first, as a save does.
func (r *Repository) purgeInstancesOf(ctx context.Context, service int64, due duePurge, limit int) (int, error) {
	var deleted int64
	err := r.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		for _, deleted := range []bool{false, true} {
			if _, err := tx.NewUpdate().Table(r.services.In(deleted)).Set("purged_generation = generation").
				Where("id = ?", service).Exec(ctx); err != nil {
				return err
			}
		}
		oldest := due.narrow(r.removed(tx.NewSelect()).Column("instance_id", "environment")).
			Where("service_id = ?", service).Limit(limit)
		result, err := tx.NewDelete().Table(r.instances.In(true)).Where("service_id = ?", service).
			Where("(instance_id, environment) IN (?)", oldest).Exec(ctx)
		if err != nil {
			return err
		}
		deleted, err = result.RowsAffected()
		return err
	})
	return int(deleted), err
}

// transitionChunk bounds the transitions that are deleted with services.
const transitionChunk = 10_000

// purgeServices purges services with their transitions; where these are many, it
// deletes some of them first.
func (r *Repository) purgeServices(ctx context.Context, due duePurge, limit int) (int, error) {
	var purged int
	err := r.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		purged = 0
		var ids []int64
		q := due.narrow(r.services.From(tx.NewSelect().Model((*serviceRow)(nil)), true).Column("id")).
			Where("NOT EXISTS (SELECT 1 FROM service_instances AS i WHERE i.service_id = s.id)").
			Where("NOT EXISTS (SELECT 1 FROM deleted_service_instances AS i WHERE i.service_id = s.id)")
		if r.store.Dialect() == bunstore.Postgres {
			q = q.For("UPDATE SKIP LOCKED")
		}
		if err := bunstore.ScanSelect(ctx, q, limit, &ids); err != nil || len(ids) == 0 {
			return err
		}
		some := tx.NewSelect().Model((*transitionRow)(nil)).Column("id").
			Where("service_id IN (?)", bun.List(ids)).Limit(transitionChunk)
		result, err := tx.NewDelete().Model((*transitionRow)(nil)).Where("id IN (?)", some).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == transitionChunk {
			purged = int(n)
			return err
		}
		purged = len(ids)
		return r.deleteServices(ctx, tx, ids)
	})
	return purged, err
}

// deleteServices deletes services, and adds to the counters that must not decrease.
func (r *Repository) deleteServices(ctx context.Context, tx bun.Tx, ids []int64) error {
	deleted := r.services.In(true)
	of := func() *bun.SelectQuery { return tx.NewSelect().Table(deleted).Where("id IN (?)", bun.List(ids)) }
	_, err := tx.NewUpdate().Model((*purgeRow)(nil)).
		Set("pulse = pulse + 1 + (?)", of().ColumnExpr("sum(generation)")).
		Set("epoch = (SELECT max(e) FROM (SELECT epoch AS e FROM service_purges UNION ALL ?) AS epochs)",
			of().ColumnExpr("last_epoch AS e")).
		Where("id = 1").Exec(ctx)
	if err != nil {
		return err
	}
	for _, table := range []string{deleted, "service_ids"} {
		if _, err := tx.NewDelete().Table(table).Where("id IN (?)", bun.List(ids)).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}
