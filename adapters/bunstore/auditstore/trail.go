package auditstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/ports"
)

// Trail stores the audit log.
type Trail struct {
	store *bunstore.Store
}

var _ ports.AuditTrail = (*Trail)(nil)

// New returns the audit log of a store.
func New(s *bunstore.Store) *Trail { return &Trail{store: s} }

type headRow struct {
	bun.BaseModel `bun:"table:audit_head,alias:ah"`

	ID       int64 `bun:",pk"`
	Sequence int64
	Hash     []byte
	Revision int64
}

type entryRow struct {
	bun.BaseModel `bun:"table:audit,alias:au"`

	Sequence     int64 `bun:",pk"`
	Entry        string
	Hash         []byte
	OccurredAt   column.Timestamp
	ActorKey     string
	Action       string
	Outcome      string
	ResourceType string
	Environment  string
	ServiceName  string
	Name         string
}

func rowOf(e audit.Entry, canonical []byte, hash audit.Hash) entryRow {
	c := audit.ColumnsOf(e.Record)
	return entryRow{
		Sequence: e.Sequence, Entry: string(canonical), Hash: hash[:], OccurredAt: column.Time(c.At),
		ActorKey: c.ActorKeyID, Action: c.Action, Outcome: string(c.Outcome), ResourceType: c.ResourceType,
		Environment: c.Environment, ServiceName: c.ServiceName, Name: c.Name,
	}
}

func (r entryRow) stored() audit.Stored {
	s := audit.Stored{
		Sequence: r.Sequence, Canonical: []byte(r.Entry),
		Columns: audit.Columns{
			At: r.OccurredAt.Time, ActorKeyID: r.ActorKey, Action: r.Action, Outcome: audit.Outcome(r.Outcome),
			ResourceType: r.ResourceType, Environment: r.Environment, ServiceName: r.ServiceName, Name: r.Name,
		},
	}
	copy(s.Hash[:], r.Hash)
	return s
}

// Seal moves waiting records into the log.
func (t *Trail) Seal(
	ctx context.Context, limit int, describe func(ports.Change) (audit.Record, bool),
) (int, error) {
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
		n, err = t.seal(ctx, tx, head, limit, describe)
		return err
	})
	return n, dberror.Translate(err, "seal audit entries", nil)
}

// waiting reports whether there is anything to seal. It takes no lock.
func (t *Trail) waiting(ctx context.Context) (bool, error) {
	behind, err := t.store.NewSelect().Model((*headRow)(nil)).
		Where("id = 1 AND revision < (SELECT revision FROM feed_head WHERE id = 1)").Exists(ctx)
	if err != nil || behind {
		return behind, err
	}
	return t.store.NewSelect().Model((*bunstore.PendingRow)(nil)).Exists(ctx)
}

func (t *Trail) lockHead(ctx context.Context, tx bun.Tx) (headRow, error) {
	q := tx.NewSelect().Where("id = 1")
	if t.store.Dialect() == bunstore.Postgres {
		q = q.For("UPDATE")
	}
	var head headRow
	err := bunstore.ScanSelect(ctx, q.Model(&head), 1)
	return head, err
}

func (t *Trail) seal(
	ctx context.Context, tx bun.Tx, head headRow, limit int, describe func(ports.Change) (audit.Record, bool),
) (int, error) {
	after := tx.NewSelect().Where("revision > ?", head.Revision).Order("revision")
	changes, err := bunstore.FindAll[bunstore.ChangeRow](ctx, t.store, after, limit, "read the feed")
	if err != nil {
		return 0, err
	}
	var pending []bunstore.PendingRow
	if err := bunstore.ScanSelect(ctx, tx.NewSelect().Model(&pending).Order("id"), limit); err != nil {
		return 0, err
	}
	records := make([]audit.Record, 0, len(changes)+len(pending))
	for _, c := range changes {
		if r, audited := describe(c); audited {
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
	var hash audit.Hash
	copy(hash[:], head.Hash)
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

// Add stores records that wait for Seal.
func (t *Trail) Add(ctx context.Context, records ...audit.Record) error {
	err := t.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		return bunstore.Audit(ctx, tx, records...)
	})
	return dberror.Translate(err, "store audit records", nil)
}

// Entries returns the entries that a query selects, the newest first.
func (t *Trail) Entries(ctx context.Context, q audit.Query) ([]audit.Stored, error) {
	s := t.store.NewSelect().Order("sequence DESC")
	for name, value := range map[string]string{
		"actor_key": q.ActorKeyID, "action": q.Action, "outcome": string(q.Outcome), "resource_type": q.ResourceType,
		"environment": q.Environment, "service_name": q.ServiceName, "name": q.Name,
	} {
		if value != "" {
			s = s.Where("? = ?", bun.Ident(name), value)
		}
	}
	if !q.From.IsZero() {
		s = s.Where("occurred_at >= ?", column.Time(q.From))
	}
	if !q.To.IsZero() {
		s = s.Where("occurred_at < ?", column.Time(q.To))
	}
	if q.Before > 0 {
		s = s.Where("sequence < ?", q.Before)
	}
	s = bunstore.WhereWithin(s, bunstore.AreaColumns{
		In: bunstore.InColumn("environment"), Service: "service_name", Name: "name",
	}, q.Within)
	return t.entries(ctx, s, q.Limit)
}

// Range returns the entries from a sequence on.
func (t *Trail) Range(ctx context.Context, from int64, limit int) ([]audit.Stored, error) {
	return t.entries(ctx, t.store.NewSelect().Where("sequence >= ?", from).Order("sequence"), limit)
}

func (t *Trail) entries(ctx context.Context, q *bun.SelectQuery, limit int) ([]audit.Stored, error) {
	var rows []entryRow
	if err := bunstore.ScanSelect(ctx, q.Model(&rows), limit); err != nil {
		return nil, dberror.Translate(err, "read the audit log", nil)
	}
	list := make([]audit.Stored, len(rows))
	for i, r := range rows {
		list[i] = r.stored()
	}
	return list, nil
}

// Head returns the end of the log.
func (t *Trail) Head(ctx context.Context) (audit.Head, error) {
	var row headRow
	if err := bunstore.ScanSelect(ctx, t.store.NewSelect().Model(&row).Where("id = 1"), 1); err != nil {
		return audit.Head{}, dberror.Translate(err, "read the head of the audit log", nil)
	}
	head := audit.Head{Sequence: row.Sequence}
	copy(head.Hash[:], row.Hash)
	return head, nil
}
