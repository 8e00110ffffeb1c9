package feedstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/ports"
)

// Replicas stores which processes serve from this database.
type Replicas struct {
	store *bunstore.Store
	table *bunstore.Table[replicaRow]
}

var _ ports.Replicas = (*Replicas)(nil)

// NewReplicas returns the replicas of a store.
func NewReplicas(s *bunstore.Store) *Replicas {
	return &Replicas{store: s, table: bunstore.NewTable[replicaRow](s)}
}

type replicaRow struct {
	bun.BaseModel `bun:"table:replicas,alias:r"`

	ID             string `bun:",pk"`
	Version        string
	Environments   string
	EncryptionKeys *string
	EncryptsWith   *string
	SeenAt         int64
}

// Announce stores that a replica serves now, and returns the others that do.
func (r *Replicas) Announce(ctx context.Context, replica ports.Replica) (others []ports.Replica, err error) {
	now, term := r.store.UnixClock(), int64(ports.ReplicaTerm/time.Second)
	err = r.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		row := &replicaRow{
			ID: replica.ID, Version: replica.Version, Environments: replica.Environments,
			EncryptionKeys: column.Nullable(replica.Keys), EncryptsWith: column.Nullable(replica.Current),
		}
		_, err := r.table.OrUpdate(tx.NewInsert().Model(row).Value("seen_at", "?", now)).Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewDelete().Model((*replicaRow)(nil)).Where("seen_at < ? - ?", now, term).Exec(ctx)
		if err != nil {
			return err
		}
		others, err = r.others(ctx, tx, replica.ID)
		return err
	})
	return others, dberror.Translate(err, "announce a replica", nil)
}

// maxReplicas bounds what one announcement reads.
const maxReplicas = 1000

func (r *Replicas) others(ctx context.Context, tx bun.Tx, id string) ([]ports.Replica, error) {
	var rows []replicaRow
	err := tx.NewSelect().Model(&rows).Where("id <> ?", id).Order("id").Limit(maxReplicas).Scan(ctx)
	return replicasOf(rows), err
}

func replicasOf(rows []replicaRow) []ports.Replica {
	list := make([]ports.Replica, len(rows))
	for i, row := range rows {
		list[i] = ports.Replica{
			ID: row.ID, Version: row.Version, Environments: row.Environments,
			Keys: column.Text(row.EncryptionKeys), Current: column.Text(row.EncryptsWith),
		}
	}
	return list
}

// Serving returns the replicas that serve.
func (r *Replicas) Serving(ctx context.Context) ([]ports.Replica, error) {
	var rows []replicaRow
	q := r.store.NewSelect().Model(&rows).
		Where("seen_at >= ? - ?", r.store.UnixClock(), int64(ports.ReplicaTerm/time.Second)).Order("id")
	err := bunstore.ScanSelect(ctx, q, maxReplicas)
	return replicasOf(rows), dberror.Translate(err, "load the replicas", nil)
}

// Leave deletes a replica.
func (r *Replicas) Leave(ctx context.Context, id string) error {
	err := r.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*replicaRow)(nil)).Where("id = ?", id).Exec(ctx)
		return err
	})
	return dberror.Translate(err, "delete a replica", nil)
}
