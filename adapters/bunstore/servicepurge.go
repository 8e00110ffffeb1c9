package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// purgeRow is what is left of all services that were purged: the highest epoch, and
// their part of the pulse.
type purgeRow struct {
	bun.BaseModel `bun:"table:service_purges,alias:sp"`

	ID    int64 `bun:",pk"`
	Epoch int64
	Pulse int64
}

// HighestEpoch returns the highest epoch of all services that were purged.
func (r *Services) HighestEpoch(ctx context.Context) (registry.Epoch, error) {
	var row purgeRow
	err := r.store.read.NewSelect().Model(&row).Scan(ctx)
	return registry.Epoch(row.Epoch), translate(err, "load the highest purged epoch", nil)
}

// PurgeRemoved forgets instances that were removed long ago, or else services.
func (r *Services) PurgeRemoved(ctx context.Context, now time.Time, limit int) (int, error) {
	due := duePurge{now: now.Unix()}
	err := r.store.read.NewSelect().Table("changes").Column("occurred_at").Order("revision").Limit(1).
		Scan(ctx, &due.feed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, translate(err, "read the oldest change", nil)
	}
	n, err := r.purgeInstances(ctx, due, limit)
	if n > 0 || err != nil {
		return n, translate(err, "purge instances", nil)
	}
	n, err = r.purgeServices(ctx, due, limit)
	return n, translate(err, "purge services", nil)
}

// duePurge says what is to be purged.
type duePurge struct {
	now int64
	// feed is when the oldest change in the feed happened; zero for none.
	feed timestamp
}

func (d duePurge) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	q = q.Where("purge_at <= ?", d.now)
	if !d.feed.IsZero() {
		q = q.Where("updated_at < ?", d.feed)
	}
	return q.Order("purge_at")
}

// purgeInstances purges instances of one service after another, so that each
// transaction locks one.
func (r *Services) purgeInstances(ctx context.Context, due duePurge, limit int) (purged int, err error) {
	var services []int64
	oldest := due.narrow(r.store.read.NewSelect().Model((*instanceRow)(nil)).Column("service_id")).Limit(limit)
	err = r.store.read.NewSelect().TableExpr("(?) AS due", oldest).ColumnExpr("DISTINCT service_id").
		Scan(ctx, &services)
	for i := 0; i < len(services) && purged < limit && err == nil; i++ {
		var n int
		n, err = r.purgeInstancesOf(ctx, services[i], due, limit-purged)
		purged += n
	}
	return purged, err
}

// purgeInstancesOf locks the service first, as whoever saves it does.
func (r *Services) purgeInstancesOf(ctx context.Context, service int64, due duePurge, limit int) (int, error) {
	var gone int64
	err := r.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewUpdate().Model((*serviceRow)(nil)).Set("purged_generation = generation").
			Where("id = ?", service).Exec(ctx); err != nil {
			return err
		}
		oldest := due.narrow(tx.NewSelect().Model((*instanceRow)(nil)).Column("instance_id", "environment")).
			Where("service_id = ?", service).Limit(limit)
		result, err := tx.NewDelete().Model((*instanceRow)(nil)).Where("service_id = ?", service).
			Where("(instance_id, environment) IN (?)", oldest).Exec(ctx)
		if err != nil {
			return err
		}
		gone, err = result.RowsAffected()
		return err
	})
	return int(gone), err
}

// transitionsAtOnce bounds the transitions that are deleted with services.
const transitionsAtOnce = 10_000

// purgeServices purges services with their transitions; where these are many, some of
// them alone.
func (r *Services) purgeServices(ctx context.Context, due duePurge, limit int) (int, error) {
	var purged int
	err := r.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		purged = 0
		var ids []int64
		q := due.narrow(tx.NewSelect().Model((*serviceRow)(nil)).Column("id")).Where("is_deleted = ?", true).
			Where("NOT EXISTS (SELECT 1 FROM service_instances AS i WHERE i.service_id = s.id)").Limit(limit)
		if r.store.dialect == postgres {
			q = q.For("UPDATE SKIP LOCKED")
		}
		if err := scanSelect(ctx, q, &ids); err != nil || len(ids) == 0 {
			return err
		}
		some := tx.NewSelect().Model((*transitionRow)(nil)).Column("id").
			Where("service_id IN (?)", bun.List(ids)).Limit(transitionsAtOnce)
		result, err := tx.NewDelete().Model((*transitionRow)(nil)).Where("id IN (?)", some).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == transitionsAtOnce {
			purged = int(n)
			return err
		}
		purged = len(ids)
		return forgetServices(ctx, tx, ids)
	})
	return purged, err
}

// forgetServices deletes services, and keeps what must not go back.
func forgetServices(ctx context.Context, tx bun.Tx, ids []int64) error {
	of := func() *bun.SelectQuery {
		return tx.NewSelect().Model((*serviceRow)(nil)).Where("id IN (?)", bun.List(ids))
	}
	_, err := tx.NewUpdate().Model((*purgeRow)(nil)).
		Set("pulse = pulse + 1 + (?)", of().ColumnExpr("sum(generation)")).
		Set("epoch = (SELECT max(e) FROM (SELECT epoch AS e FROM service_purges UNION ALL ?) AS epochs)",
			of().ColumnExpr("last_epoch AS e")).
		Where("id = 1").Exec(ctx)
	if err != nil {
		return err
	}
	_, err = tx.NewDelete().Model((*serviceRow)(nil)).Where("id IN (?)", bun.List(ids)).Exec(ctx)
	return err
}
