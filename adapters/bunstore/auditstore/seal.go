package auditstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/ports"
)

// Seal moves waiting records into the log.
func (t *Trail) Seal(ctx context.Context, s ports.Sealing) (int, error) {
	waiting, err := t.waiting(ctx)
	if err != nil || !waiting {
		return 0, dberror.Translate(err, "read what waits for the audit log", nil)
	}
	n := 0
	err = t.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		head, err := t.lockHead(ctx, tx)
		if err != nil {
			return err
		}
		n, err = t.seal(ctx, tx, head, s)
		return err
	})
	return n, dberror.Translate(err, "seal audit entries", nil)
}

// waiting reports whether there is anything to seal. It takes no lock.
func (t *Trail) waiting(ctx context.Context) (bool, error) {
	var behind bool
	q := t.store.NewSelect().Model((*headRow)(nil)).Where("id = 1").
		ColumnExpr("revision < (SELECT revision FROM feed_head WHERE id = 1)")
	if err := bunstore.ScanSelect(ctx, q, 1, &behind); err != nil || behind {
		return behind, missing(err)
	}
	return t.store.NewSelect().Model((*bunstore.PendingRow)(nil)).Exists(ctx)
}

// missing returns audit.ErrHeadMissing for a query of the head without a row.
func missing(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return audit.ErrHeadMissing
	}
	return err
}

func (t *Trail) lockHead(ctx context.Context, tx bun.Tx) (headRow, error) {
	q := tx.NewSelect().Where("id = 1")
	if t.store.Dialect() == bunstore.Postgres {
		q = q.For("UPDATE")
	}
	var head headRow
	err := bunstore.ScanSelect(ctx, q.Model(&head), 1)
	return head, missing(err)
}

func (t *Trail) seal(ctx context.Context, tx bun.Tx, head headRow, s ports.Sealing) (int, error) {
	after := tx.NewSelect().Where("revision > ?", head.Revision).Order("revision")
	changes, err := bunstore.FindAll[bunstore.ChangeRow](ctx, t.store, after, s.Limit, "read the feed")
	if err != nil {
		return 0, err
	}
	var pending []bunstore.PendingRow
	if err := bunstore.ScanSelect(ctx, tx.NewSelect().Model(&pending).Order("id"), s.Limit); err != nil {
		return 0, err
	}
	records, err := reject(ctx, tx, head, s)
	if err != nil {
		return 0, err
	}
	for _, c := range changes {
		if r, audited := s.Describe(c); audited {
			records = append(records, r)
		}
		head.Revision = c.Revision
	}
	for _, p := range pending {
		records = append(records, recordOf(p))
	}
	if err := t.append(ctx, tx, &head, records); err != nil {
		return 0, err
	}
	if len(pending) > 0 {
		last := pending[len(pending)-1].ID
		if _, err := tx.NewDelete().Model((*bunstore.PendingRow)(nil)).Where("id <= ?", last).Exec(ctx); err != nil {
			return 0, err
		}
	}
	_, err = tx.NewUpdate().Model(&head).WherePK().Exec(ctx)
	return len(changes) + len(pending), err
}

// reject moves rows that are no entries out of the table, and returns the record of that.
func reject(ctx context.Context, tx bun.Tx, head headRow, s ports.Sealing) ([]audit.Record, error) {
	_, strays, err := extent(ctx, tx.NewSelect())
	if err != nil || len(strays) == 0 {
		return nil, err
	}
	count, err := bunstore.FinalExec(ctx, tx, "INSERT INTO audit_rejected (sequence, entry, hash) "+
		"SELECT sequence, entry, hash FROM audit WHERE sequence <= ? OR sequence > ? ORDER BY sequence",
		head.StartSequence, head.Sequence)
	if err != nil {
		return nil, err
	}
	_, err = tx.NewDelete().Model((*entryRow)(nil)).
		Where("sequence <= ? OR sequence > ?", head.StartSequence, head.Sequence).Exec(ctx)
	return []audit.Record{s.Rejected(strays[0], count)}, err
}

// recordOf returns a pending record. One that is unreadable is in the log as it is.
func recordOf(p bunstore.PendingRow) audit.Record {
	e, err := audit.Parse([]byte(p.Record))
	if err != nil {
		return audit.Record{
			Action: "audit.unreadable", Outcome: audit.Done, Count: 1, Facts: map[string]string{"record": p.Record},
		}
	}
	return e.Record
}

// append adds records to the log and moves the head.
func (t *Trail) append(ctx context.Context, tx bun.Tx, head *headRow, records []audit.Record) error {
	if len(records) == 0 {
		return nil
	}
	hash := hashOf(head.Hash)
	rows := make([]entryRow, len(records))
	for i, r := range records {
		head.Sequence++
		e := audit.Entry{Sequence: head.Sequence, Record: r}
		canonical := e.Canonical()
		hash = audit.Chain(hash, canonical)
		rows[i] = rowOf(e, canonical, hash)
	}
	head.Hash = hash[:]
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}
