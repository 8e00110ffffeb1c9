package feedstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// Feed is the change feed: all changes, in one order.
type Feed struct {
	store *bunstore.Store
	// number is the statement that moves events to the changes.
	number string
}

var _ ports.Feed = (*Feed)(nil)

// NewFeed returns the change feed of a store.
func NewFeed(s *bunstore.Store) *Feed {
	columns := strings.Join(bunstore.NewTable[bunstore.OutboxRow](s).Names(), ", ")
	return &Feed{store: s, number: fmt.Sprintf(numberEvents, columns)}
}

type feedHeadRow struct {
	bun.BaseModel `bun:"table:feed_head,alias:f"`

	ID       int64 `bun:",pk"`
	Epoch    string
	Revision int64
}

type changeRow = bunstore.ChangeRow

// The lock is a statement of its own: under READ COMMITTED a statement that waited for
// it would number the events from before it waited.
const (
	lockHead = `SELECT revision FROM feed_head WHERE id = 1`
	// The ids of the outbox order the events of each aggregate; %[1]s are the columns of
	// an event.
	numberEvents = `INSERT INTO changes (revision, %[1]s) SELECT ? + row_number() OVER (ORDER BY id), %[1]s
FROM (SELECT * FROM outbox ORDER BY id LIMIT ?) AS o`
	deleteNumbered = `DELETE FROM outbox WHERE event_id IN (SELECT event_id FROM changes WHERE revision > ?)`
	moveHead       = `UPDATE feed_head SET revision = revision + ? WHERE id = 1`
)

// Sequence moves events from the outbox to the changes. It takes no lock where the
// outbox is empty.
func (f *Feed) Sequence(ctx context.Context, limit int) (int, error) {
	waiting, err := f.store.NewSelect().Model((*bunstore.OutboxRow)(nil)).Limit(1).Exists(ctx)
	if err != nil || !waiting {
		return 0, dberror.Translate(err, "read the outbox", nil)
	}
	n := 0
	err = f.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		n, err = f.sequence(ctx, tx, limit)
		return err
	})
	if err != nil {
		return 0, dberror.Translate(err, "sequence events", nil)
	}
	return n, nil
}

func (f *Feed) sequence(ctx context.Context, tx bun.Tx, limit int) (int, error) {
	lock := lockHead
	if f.store.Dialect() == bunstore.Postgres {
		lock += " FOR UPDATE"
	}
	last, err := bunstore.FinalRaw(ctx, tx, lock)
	if err != nil {
		return 0, err
	}
	result, err := tx.ExecContext(ctx, f.number, last, limit)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	if err != nil || n == 0 {
		return 0, err
	}
	failpoint.Hit("inside-sequencer")
	if _, err := tx.ExecContext(ctx, deleteNumbered, last); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, moveHead, n); err != nil || f.store.Dialect() != bunstore.Postgres {
		return int(n), err
	}
	_, err = tx.ExecContext(ctx, "NOTIFY "+feedChannel)
	return int(n), err
}

// Head returns the head of the feed.
func (f *Feed) Head(ctx context.Context) (ports.FeedHead, error) {
	head, _, err := f.headAndTime(ctx)
	return head, err
}

// LearnTime queries the database for its time, so that the process's clock follows it
// (bunstore.Options.TimeQuery). A store that cannot be reached is fault.ErrUnavailable.
func LearnTime(ctx context.Context, s *bunstore.Store) error {
	_, _, err := (&Feed{store: s}).headAndTime(ctx)
	return err
}

// headAndTime returns the head of the feed, and the time by the store's clock. On
// PostgreSQL the process's clock follows it (bunstore.Options.TimeQuery).
func (f *Feed) headAndTime(ctx context.Context) (ports.FeedHead, time.Time, error) {
	var head feedHeadRow
	var oldest *int64
	var now column.Timestamp
	answered := f.store.BeginTimeQuery()
	err := f.store.NewSelect().Model(&head).Column("epoch", "revision").
		ColumnExpr("(SELECT min(revision) FROM changes)").ColumnExpr("?", f.store.Clock()).Where("id = 1").
		Limit(1).Scan(ctx, &head.Epoch, &head.Revision, &oldest, &now)
	if err != nil {
		return ports.FeedHead{}, time.Time{}, dberror.Translate(err, "load the head of the feed", nil)
	}
	answered(now.Time)
	found := ports.FeedHead{Epoch: head.Epoch, Revision: head.Revision, Oldest: head.Revision + 1}
	if oldest != nil {
		found.Oldest = *oldest
	}
	return found, now.Time, nil
}

// Changes returns the changes that a query selects. A range of revisions bounds the
// rows that are read; where the filter is selective, the indexes of migration 13 skip
// most of them.
func (f *Feed) Changes(ctx context.Context, q ports.ChangeQuery) ([]ports.Change, error) {
	selected := selectChanges(f.store.NewSelect(), q).Order("revision")
	return bunstore.FindAll[changeRow](ctx, f.store, selected, q.Limit, "read the feed")
}

func selectChanges(s *bun.SelectQuery, q ports.ChangeQuery) *bun.SelectQuery {
	s = s.Where("revision > ?", q.After)
	if q.UpTo != 0 {
		s = s.Where("revision <= ?", q.UpTo)
	}
	if len(q.AggregateTypes) > 0 {
		s = s.Where("aggregate_type IN (?)", bun.List(q.AggregateTypes))
	}
	if q.AggregateID != 0 {
		s = s.Where("aggregate_id = ?", q.AggregateID)
	}
	if q.ServiceName != "" {
		s = s.Where("service_name = ?", q.ServiceName)
	}
	if q.Environment == "" {
		return s
	}
	if len(q.Everywhere) == 0 {
		return s.Where("environment = ?", q.Environment)
	}
	return s.Where("(environment = ? OR aggregate_type IN (?))", q.Environment, bun.List(q.Everywhere))
}

// Purge deletes changes from the beginning, so that there is never a gap.
func (f *Feed) Purge(ctx context.Context, keep ports.Retention, limit int) (int, error) {
	var rows []changeRow
	err := f.store.NewSelect().Model(&rows).Column("revision", "aggregate_type", "occurred_at").
		Order("revision").Limit(limit).Scan(ctx)
	if err != nil {
		return 0, dberror.Translate(err, "load old changes", nil)
	}
	head, now, err := f.headAndTime(ctx)
	if err != nil {
		return 0, err
	}
	old := slices.IndexFunc(rows, func(r changeRow) bool {
		return keep.Keeps(r.Change(r.Revision), head.Revision, now)
	})
	if old < 0 {
		old = len(rows)
	}
	audited, err := f.audited(ctx)
	if err != nil {
		return 0, err
	}
	for old > 0 && rows[old-1].Revision > audited {
		old--
	}
	if old == 0 {
		return 0, nil
	}
	err = f.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*changeRow)(nil)).Where("revision <= ?", rows[old-1].Revision).Exec(ctx)
		return err
	})
	if err == nil && f.store.DamagedRows() > 0 {
		for _, r := range rows[:old] {
			f.store.Settle(r.RowKey())
		}
	}
	return old, dberror.Translate(err, "delete old changes", nil)
}

// audited returns the revision up to which changes are in the audit log.
func (f *Feed) audited(ctx context.Context) (int64, error) {
	var revision int64
	q := f.store.NewSelect().TableExpr("audit_head").Column("revision").Where("id = 1")
	err := bunstore.ScanSelect(ctx, q, 1, &revision)
	return revision, dberror.Translate(err, "load how far changes are audited", nil)
}

// BeginEpoch begins a new epoch, with what the modules have to do for it.
func (f *Feed) BeginEpoch(ctx context.Context) (string, error) {
	epoch := newEpoch(f.store.IDs())
	err := f.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := f.store.BeginEpoch(ctx, tx); err != nil {
			return err
		}
		head := tx.NewUpdate().Model((*feedHeadRow)(nil)).Set("epoch = ?", epoch).Where("id = 1")
		return bunstore.UpdateOrStale(ctx, head)
	})
	if err != nil {
		return "", dberror.Translate(err, "begin an epoch", nil)
	}
	return epoch, nil
}

// newEpoch returns the random digits of a UUID of version 7 (RFC 9562).
func newEpoch(ids ports.IDs) string {
	id := ids.UUID()
	return id[len(id)-17:len(id)-13] + id[len(id)-12:]
}
