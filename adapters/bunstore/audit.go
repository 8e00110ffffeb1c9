package bunstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/audit"
)

// PendingRow is a record that waits to be in the audit log.
type PendingRow struct {
	bun.BaseModel `bun:"table:audit_pending,alias:ap"`

	ID int64 `bun:",pk,autoincrement"`
	// Record is the canonical form of the entry with the sequence 0.
	Record string
}

// Audit writes records for the audit log in a transaction.
func Audit(ctx context.Context, tx bun.Tx, records ...audit.Record) error {
	if len(records) == 0 {
		return nil
	}
	rows := make([]PendingRow, len(records))
	for i, r := range records {
		rows[i].Record = string(audit.Entry{Record: r}.Canonical())
	}
	_, err := tx.NewInsert().Model(&rows).ExcludeColumn("id").Exec(ctx)
	return err
}
