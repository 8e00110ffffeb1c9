package auditstore

import (
	"context"
	"math"

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

// Add stores records that wait for Seal.
func (t *Trail) Add(ctx context.Context, records ...audit.Record) error {
	err := t.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		return bunstore.Audit(ctx, tx, records...)
	})
	return dberror.Translate(err, "store audit records", nil)
}

// positionOf returns how many records of a stream were stored. Concurrent calls for it wait
// for the end of the transaction.
const positionOf = "INSERT INTO audit_streams AS s (stream, position) VALUES (?, 0) " +
	"ON CONFLICT (stream) DO UPDATE SET position = s.position RETURNING position"

// AddOnce stores the records of a stream that were not stored before.
func (t *Trail) AddOnce(ctx context.Context, stream string, first int64, records ...audit.Record) error {
	if len(records) == 0 {
		return nil
	}
	last := first + int64(len(records)) - 1
	err := t.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		position, err := bunstore.FinalRaw(ctx, tx, positionOf, stream)
		if err != nil || position >= last {
			return err
		}
		if err := bunstore.Audit(ctx, tx, records[max(position-first+1, 0):]...); err != nil {
			return err
		}
		_, err = bunstore.FinalExec(ctx, tx, "UPDATE audit_streams SET position = ? WHERE stream = ?", last, stream)
		return err
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
	// Other rows are no entries.
	q = q.Where("sequence > coalesce((SELECT start_sequence FROM audit_head WHERE id = 1), 0)").
		Where("sequence <= coalesce((SELECT sequence FROM audit_head WHERE id = 1), ?)", int64(math.MaxInt64))
	if err := bunstore.ScanSelect(ctx, q.Model(&rows), limit); err != nil {
		return nil, dberror.Translate(err, "read the audit log", nil)
	}
	list := make([]audit.Stored, len(rows))
	for i, r := range rows {
		list[i] = r.stored()
	}
	return list, nil
}
