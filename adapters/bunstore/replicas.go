package bunstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/ports"
)

// Replicas stores which processes serve from this database.
type Replicas struct{ store *Store }

var _ ports.Replicas = (*Replicas)(nil)

type replicaRow struct {
	bun.BaseModel `bun:"table:replicas,alias:r"`

	ID           string `bun:",pk"`
	Version      string
	Environments string
	SeenAt       int64
}

// unixNow is the store's clock in seconds since 1970.
func (d dialect) unixNow() bun.Safe {
	if d == postgres {
		return "extract(epoch FROM clock_timestamp())::bigint"
	}
	return "unixepoch()"
}

// Announce notes that a replica serves now.
func (r *Replicas) Announce(ctx context.Context, one ports.Replica) (others []ports.Replica, err error) {
	now, term := r.store.dialect.unixNow(), int64(ports.ReplicaTerm/time.Second)
	err = r.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		row := &replicaRow{ID: one.ID, Version: one.Version, Environments: one.Environments}
		_, err := tx.NewInsert().Model(row).Value("seen_at", "?", now).
			On("CONFLICT (id) DO UPDATE").Set("version = EXCLUDED.version").
			Set("environments = EXCLUDED.environments").Set("seen_at = EXCLUDED.seen_at").Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewDelete().Model((*replicaRow)(nil)).Where("seen_at < ? - ?", now, term).Exec(ctx)
		if err != nil {
			return err
		}
		others, err = r.others(ctx, tx, one.ID)
		return err
	})
	return others, translate(err, "announce a replica", nil)
}

// mostReplicas bounds what one announcement reads.
const mostReplicas = 1000

func (r *Replicas) others(ctx context.Context, tx bun.Tx, id string) ([]ports.Replica, error) {
	var rows []replicaRow
	err := tx.NewSelect().Model(&rows).Where("id <> ?", id).Order("id").Limit(mostReplicas).Scan(ctx)
	others := make([]ports.Replica, len(rows))
	for i, row := range rows {
		others[i] = ports.Replica{ID: row.ID, Version: row.Version, Environments: row.Environments}
	}
	return others, err
}

// Leave deletes a replica.
func (r *Replicas) Leave(ctx context.Context, id string) error {
	err := r.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*replicaRow)(nil)).Where("id = ?", id).Exec(ctx)
		return err
	})
	return translate(err, "delete a replica", nil)
}
