package auditstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// headRow is the end of the log, up to which change it has an entry, and the last entry
// that was removed from its start.
type headRow struct {
	bun.BaseModel `bun:"table:audit_head,alias:ah"`

	ID            int64 `bun:",pk"`
	Sequence      int64
	Hash          []byte
	Revision      int64
	StartSequence int64
	StartHash     []byte
}

func hashOf(stored []byte) (h audit.Hash) {
	copy(h[:], stored)
	return h
}

// Extent returns the start and the end of the log, and what is beside it.
func (t *Trail) Extent(ctx context.Context) (audit.Extent, error) {
	head, strays, err := extent(ctx, t.store.NewSelect())
	return audit.Extent{
		Start:  audit.Head{Sequence: head.StartSequence, Hash: hashOf(head.StartHash)},
		End:    audit.Head{Sequence: head.Sequence, Hash: hashOf(head.Hash)},
		Strays: strays,
	}, dberror.Translate(err, "read the extent of the audit log", nil)
}

// extent returns the head, the first row before the start and the first one beyond the
// end, by one statement, since the log grows.
func extent(ctx context.Context, q *bun.SelectQuery) (head headRow, strays []int64, err error) {
	var before, beyond sql.NullInt64
	q = q.TableExpr("audit_head AS h").Where("h.id = 1").
		ColumnExpr("h.sequence, h.hash, h.start_sequence, h.start_hash").
		ColumnExpr("(SELECT min(a.sequence) FROM audit AS a WHERE a.sequence <= h.start_sequence)").
		ColumnExpr("(SELECT min(a.sequence) FROM audit AS a WHERE a.sequence > h.sequence)")
	err = bunstore.ScanSelect(ctx, q, 1,
		&head.Sequence, &head.Hash, &head.StartSequence, &head.StartHash, &before, &beyond)
	for _, s := range []sql.NullInt64{before, beyond} {
		if s.Valid {
			strays = append(strays, s.Int64)
		}
	}
	return head, strays, missing(err)
}

// Prune removes the entries up to one, and stores a record of it.
func (t *Trail) Prune(ctx context.Context, upTo audit.Head, r audit.Record) error {
	err := t.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		head, err := t.lockHead(ctx, tx)
		if err != nil {
			return err
		}
		var row entryRow
		err = bunstore.ScanSelect(ctx, tx.NewSelect().Model(&row).Where("sequence = ?", upTo.Sequence), 1)
		absent := upTo.Sequence <= head.StartSequence || upTo.Sequence > head.Sequence || errors.Is(err, sql.ErrNoRows)
		if absent || err == nil && !bytes.Equal(row.Hash, upTo.Hash[:]) {
			return fault.Bad("up_to", "must be an entry of the audit log")
		}
		if err != nil {
			return err
		}
		head.StartSequence, head.StartHash = upTo.Sequence, upTo.Hash[:]
		_, err = tx.NewUpdate().Model(&head).Column("start_sequence", "start_hash").WherePK().Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewDelete().Model((*entryRow)(nil)).Where("sequence <= ?", upTo.Sequence).Exec(ctx)
		if err != nil {
			return err
		}
		return bunstore.Audit(ctx, tx, r)
	})
	return dberror.Translate(err, "prune the audit log", nil)
}
