package bunstore

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// Feed is all that has changed, in one order.
type Feed struct{ store *Store }

var _ ports.Feed = (*Feed)(nil)

type feedHeadRow struct {
	bun.BaseModel `bun:"table:feed_head,alias:f"`

	ID       int64 `bun:",pk"`
	Epoch    string
	Revision int64
}

type changeRow struct {
	bun.BaseModel `bun:"table:changes,alias:c"`

	Revision         int64 `bun:",pk"`
	EventID          string
	EventType        string
	AggregateType    string
	AggregateID      int64
	AggregateVersion int64
	Environment      string
	ServiceName      string
	Data             string
	ActorKey         string
	ActorName        string
	RequestID        string
	OccurredAt       timestamp
	Traceparent      string
}

func (r changeRow) at() place { return numbered("changes", r.Revision) }

// rehydrate returns a change also of a row that breaks a rule, so that it stops nobody
// who reads the feed; what cannot be read of it is zero.
func (r changeRow) rehydrate(unread error) (ports.Change, error) {
	return r.change(), damagedBy(r.at(), false, unread, timeErr(r.OccurredAt),
		countErr("aggregate_version", r.AggregateVersion))
}

func (r changeRow) change() ports.Change {
	return ports.Change{
		Revision: r.Revision, EventID: r.EventID, EventType: r.EventType,
		AggregateType: r.AggregateType, AggregateID: r.AggregateID, AggregateVersion: r.AggregateVersion,
		Environment: r.Environment, ServiceName: r.ServiceName, Data: []byte(r.Data),
		Actor: actor(r.ActorKey, r.ActorName), RequestID: r.RequestID, OccurredAt: r.OccurredAt.Time,
		TraceParent: r.Traceparent,
	}
}

// The lock is a statement of its own: under READ COMMITTED one that waited for it
// would number what was there before it waited.
const (
	lockHead = `SELECT revision FROM feed_head WHERE id = 1`
	// The ids of the outbox order the events of each aggregate.
	numberEvents = `
INSERT INTO changes (revision, event_id, event_type, aggregate_type, aggregate_id, aggregate_version, environment,
  service_name, data, actor_key, actor_name, request_id, occurred_at, traceparent)
SELECT ? + row_number() OVER (ORDER BY id), event_id, event_type, aggregate_type, aggregate_id, aggregate_version,
  environment, service_name, data, actor_key, actor_name, request_id, occurred_at, traceparent
FROM (SELECT * FROM outbox ORDER BY id LIMIT ?) AS o`
	forgetNumbered = `DELETE FROM outbox WHERE event_id IN (SELECT event_id FROM changes WHERE revision > ?)`
	moveHead       = `UPDATE feed_head SET revision = revision + ? WHERE id = 1`
)

// Sequence moves events from the outbox to the changes. Where there are none it
// takes no lock.
func (f *Feed) Sequence(ctx context.Context, limit int) (int, error) {
	waiting, err := f.store.read.NewSelect().Model((*outboxRow)(nil)).Limit(1).Exists(ctx)
	if err != nil || !waiting {
		return 0, translate(err, "look into the outbox", nil)
	}
	n := 0
	err = f.store.transact(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		n, err = f.sequence(ctx, tx, limit)
		return err
	})
	if err != nil {
		return 0, translate(err, "give events their revisions", nil)
	}
	return n, nil
}

func (f *Feed) sequence(ctx context.Context, tx bun.Tx, limit int) (int, error) {
	lock := lockHead
	if f.store.dialect == postgres {
		lock += " FOR UPDATE"
	}
	last, err := finalRaw(ctx, tx, lock)
	if err != nil {
		return 0, err
	}
	result, err := tx.ExecContext(ctx, numberEvents, last, limit)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	if err != nil || n == 0 {
		return 0, err
	}
	failpoint.Hit("inside-sequencer")
	if _, err := tx.ExecContext(ctx, forgetNumbered, last); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, moveHead, n); err != nil || f.store.dialect != postgres {
		return int(n), err
	}
	_, err = tx.ExecContext(ctx, "NOTIFY "+feedChannel)
	return int(n), err
}

// Head returns how far the feed goes.
func (f *Feed) Head(ctx context.Context) (ports.FeedHead, error) {
	head, _, err := f.headAndTime(ctx)
	return head, err
}

// headAndTime returns how far the feed goes, and the time by the store's clock. On
// PostgreSQL the process's clock hears of it (Options.Asked).
func (f *Feed) headAndTime(ctx context.Context) (ports.FeedHead, time.Time, error) {
	var head feedHeadRow
	var oldest *int64
	var now timestamp
	answered := f.store.askTime()
	err := f.store.read.NewSelect().Model(&head).Column("epoch", "revision").
		ColumnExpr("(SELECT min(revision) FROM changes)").ColumnExpr(f.store.dialect.now()).Where("id = 1").
		Scan(ctx, &head.Epoch, &head.Revision, &oldest, &now)
	if err != nil {
		return ports.FeedHead{}, time.Time{}, translate(err, "read the feed's head", nil)
	}
	answered(now.Time)
	found := ports.FeedHead{Epoch: head.Epoch, Revision: head.Revision, Oldest: head.Revision + 1}
	if oldest != nil {
		found.Oldest = *oldest
	}
	return found, now.Time, nil
}

// Changes returns the changes that a query selects. A range of revisions bounds the
// rows that are looked at; the indexes of migration 13 spare most of them where the
// filter is selective.
func (f *Feed) Changes(ctx context.Context, q ports.ChangeQuery) ([]ports.Change, error) {
	selected := selectChanges(f.store.read.NewSelect(), q).Order("revision").Limit(q.Limit)
	return all[changeRow](ctx, f.store, selected, "read the feed")
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

// Purge forgets changes from the beginning, so that there is never a gap.
func (f *Feed) Purge(ctx context.Context, keep ports.Retention, limit int) (int, error) {
	var rows []changeRow
	err := f.store.read.NewSelect().Model(&rows).Column("revision", "aggregate_type", "occurred_at").
		Order("revision").Limit(limit).Scan(ctx)
	if err != nil {
		return 0, translate(err, "look for old changes", nil)
	}
	head, now, err := f.headAndTime(ctx)
	if err != nil {
		return 0, err
	}
	old := slices.IndexFunc(rows, func(r changeRow) bool { return keep.Keeps(r.change(), head.Revision, now) })
	if old < 0 {
		old = len(rows)
	}
	if old == 0 {
		return 0, nil
	}
	err = f.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*changeRow)(nil)).Where("revision <= ?", rows[old-1].Revision).Exec(ctx)
		return err
	})
	if err == nil && f.store.DamagedRows() > 0 {
		for _, r := range rows[:old] {
			f.store.damage.saved("changes", r.Revision)
		}
	}
	return old, translate(err, "forget old changes", nil)
}

// BeginEpoch begins a new epoch. Lease epochs of every service go on from the next step
// (registry.RestoreStep), in a new generation, so that replicas that run see it.
func (f *Feed) BeginEpoch(ctx context.Context) (string, error) {
	epoch := newEpoch(f.store.options.IDs)
	err := f.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := stepEpochs(ctx, tx); err != nil {
			return err
		}
		return updateWhere(ctx, tx.NewUpdate().Model((*feedHeadRow)(nil)).Set("epoch = ?", epoch).Where("id = 1"))
	})
	if err != nil {
		return "", translate(err, "begin an epoch", nil)
	}
	return epoch, nil
}

// stepEpochs moves the lease epochs of all services on, also of those to come.
func stepEpochs(ctx context.Context, tx bun.Tx) error {
	const step = int64(registry.RestoreStep)
	_, err := tx.NewUpdate().Model((*serviceRow)(nil)).Where("last_epoch >= 0").
		Set("last_epoch = (last_epoch / ? + 1) * ?", step, step).Set("generation = generation + 1").Exec(ctx)
	if err != nil {
		return err
	}
	return updateWhere(ctx, tx.NewUpdate().Model((*purgeRow)(nil)).
		Set("epoch = (epoch / ? + 1) * ?", step, step).Where("id = 1"))
}

// newEpoch returns the random digits of a UUID of version 7 (RFC 9562).
func newEpoch(ids ports.IDs) string {
	id := ids.UUID()
	return id[len(id)-17:len(id)-13] + id[len(id)-12:]
}
