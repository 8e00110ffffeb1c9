package feedstore

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Deliveries stores what was published of the feed.
type Deliveries struct {
	store   *bunstore.Store
	streams *bunstore.Table[streamRow]
	parked  *bunstore.Table[parkedRow]
}

var _ ports.Deliveries = (*Deliveries)(nil)

// NewDeliveries returns the deliveries of a store.
func NewDeliveries(s *bunstore.Store) *Deliveries {
	return &Deliveries{store: s, streams: bunstore.NewTable[streamRow](s), parked: bunstore.NewTable[parkedRow](s)}
}

type relayRow struct {
	bun.BaseModel `bun:"table:relay,alias:r"`

	ID      int64 `bun:",pk"`
	Edition int64
}

type streamRow struct {
	bun.BaseModel `bun:"table:relay_topics,alias:t"`

	AggregateType string `bun:",pk"`
	Revision      int64
	Reason        string
	WaitsSince    column.Timestamp
}

type parkedRow struct {
	bun.BaseModel `bun:"table:relay_parked,alias:p"`

	AggregateType  string `bun:",pk"`
	AggregateID    int64  `bun:",pk"`
	Revision       int64
	MessageKey     string
	Reason         string
	ParkedAt       column.Timestamp
	RetryRequested bool `bun:"asked"`
}

func rowOfParked(p ports.Parked) parkedRow {
	return parkedRow{
		AggregateType: p.AggregateType, AggregateID: p.AggregateID, Revision: p.Revision,
		MessageKey: p.Key, Reason: p.Reason, ParkedAt: column.Time(p.At), RetryRequested: p.RetryRequested,
	}
}

func (r parkedRow) parked() ports.Parked {
	return ports.Parked{
		AggregateType: r.AggregateType, AggregateID: r.AggregateID, Revision: r.Revision,
		Key: r.MessageKey, Reason: r.Reason, At: r.ParkedAt.Time, RetryRequested: r.RetryRequested,
	}
}

// maxStreams bounds one query: there are as many streams as modules.
const maxStreams = 1000

// Delivered returns what was published. The rest is read after the edition: an Advance
// in between makes the next one from here ports.ErrOvertaken.
func (d *Deliveries) Delivered(ctx context.Context) (ports.Delivered, error) {
	var found ports.Delivered
	parked := d.store.NewSelect().Model((*parkedRow)(nil)).ColumnExpr("1").Limit(1)
	err := d.store.NewSelect().Model((*relayRow)(nil)).Column("edition").ColumnExpr("EXISTS (?)", parked).
		Where("id = 1").Limit(1).Scan(ctx, &found.Edition, &found.HasParked)
	if err != nil {
		return ports.Delivered{}, dberror.Translate(err, "load the relay's edition", nil)
	}
	var streams []streamRow
	if err := d.store.NewSelect().Model(&streams).Order("aggregate_type").Limit(maxStreams).Scan(ctx); err != nil {
		return ports.Delivered{}, dberror.Translate(err, "load the relay's streams", nil)
	}
	for _, r := range streams {
		found.Streams = append(found.Streams, ports.Stream{
			AggregateType: r.AggregateType, Revision: r.Revision, Reason: r.Reason, Since: r.WaitsSince.Time,
		})
	}
	return found, nil
}

// Parked returns the parked aggregates that a query selects.
func (d *Deliveries) Parked(ctx context.Context, q ports.ParkedQuery) ([]ports.Parked, error) {
	selected := d.store.NewSelect().Order("revision", "aggregate_type", "aggregate_id")
	if q.After != (ports.Parked{}) {
		selected = selected.Where("(revision, aggregate_type, aggregate_id) > (?, ?, ?)",
			q.After.Revision, q.After.AggregateType, q.After.AggregateID)
	}
	if q.RetryRequested {
		selected = selected.Where("?", bun.Ident("asked"))
	}
	if len(q.AggregateTypes) > 0 {
		selected = selected.Where("aggregate_type IN (?)", bun.List(q.AggregateTypes))
	}
	if len(q.AggregateIDs) > 0 {
		selected = selected.Where("aggregate_id IN (?)", bun.List(q.AggregateIDs))
	}
	var rows []parkedRow
	if err := bunstore.ScanSelect(ctx, selected.Model(&rows), q.Limit); err != nil {
		return nil, dberror.Translate(err, "load parked aggregates", nil)
	}
	var list []ports.Parked
	for _, r := range rows {
		list = append(list, r.parked())
	}
	return list, nil
}

// CountParked returns how many aggregates are parked, up to PendingMost.
func (d *Deliveries) CountParked(ctx context.Context) (count int64, err error) {
	parked := d.store.NewSelect().Model((*parkedRow)(nil)).ColumnExpr("1").Limit(ports.PendingMost)
	err = d.store.NewSelect().ColumnExpr("count(*)").TableExpr("(?) AS w", parked).Limit(1).Scan(ctx, &count)
	return count, dberror.Translate(err, "count the parked aggregates", nil)
}

// Advance moves streams, and parks aggregates.
func (d *Deliveries) Advance(
	ctx context.Context, from ports.Delivered, streams []ports.Stream, parked ...ports.Parked,
) error {
	moved := make([]streamRow, len(streams))
	for i, s := range streams {
		moved[i] = streamRow{
			AggregateType: s.AggregateType, Revision: s.Revision, Reason: s.Reason, WaitsSince: column.Time(s.Since),
		}
	}
	rows := make([]parkedRow, len(parked))
	for i, p := range parked {
		rows[i] = rowOfParked(p)
	}
	return d.step(ctx, from, "advance the relay", func(ctx context.Context, tx bun.Tx) error {
		if len(rows) > 0 {
			if _, err := d.parked.Insert(tx, &rows).Exec(ctx); err != nil {
				return err
			}
		}
		if len(moved) == 0 {
			return nil
		}
		_, err := d.streams.Upsert(tx, &moved).Exec(ctx)
		return err
	})
}

// Pending counts the changes of a stream that were not published, up to PendingMost.
func (d *Deliveries) Pending(ctx context.Context, of ports.Stream) (ports.Pending, error) {
	pending := func() *bun.SelectQuery {
		return d.store.NewSelect().Model((*changeRow)(nil)).
			Where("aggregate_type = ?", of.AggregateType).Where("revision > ?", of.Revision).Order("revision")
	}
	var found ports.Pending
	err := d.store.NewSelect().ColumnExpr("count(*)").
		TableExpr("(?) AS w", pending().ColumnExpr("1").Limit(ports.PendingMost)).Limit(1).Scan(ctx, &found.Count)
	if err != nil || found.Count == 0 {
		return found, dberror.Translate(err, "count the pending changes", nil)
	}
	var oldest column.Timestamp
	err = bunstore.ScanSelect(ctx, pending().Column("occurred_at"), 1, &oldest)
	found.Oldest = oldest.Time
	return found, dberror.Translate(err, "load the oldest pending change", nil)
}

// step runs work in a transaction if the edition is still the given one, else it is
// ports.ErrOvertaken.
func (d *Deliveries) step(
	ctx context.Context, from ports.Delivered, doing string, work func(context.Context, bun.Tx) error,
) error {
	err := d.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		err := bunstore.UpdateOrStale(ctx, tx.NewUpdate().Model((*relayRow)(nil)).
			Set("edition = edition + 1").Where("id = 1").Where("edition = ?", from.Edition))
		if errors.Is(err, scope.ErrStale) {
			return ports.ErrOvertaken
		}
		if err != nil {
			return err
		}
		return work(ctx, tx)
	})
	return dberror.Translate(err, doing, nil)
}

// Resume changes the revision at which an aggregate is parked, or that it is parked.
func (d *Deliveries) Resume(ctx context.Context, from ports.Delivered, was ports.Parked, next *ports.Parked) error {
	row := rowOfParked(was)
	return d.step(ctx, from, "resume a parked aggregate", func(ctx context.Context, tx bun.Tx) error {
		if next == nil {
			_, err := tx.NewDelete().Model(&row).WherePK().Exec(ctx)
			return err
		}
		row = rowOfParked(*next)
		_, err := tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
		return err
	})
}

// RequestRetry requests another attempt of a parked aggregate.
func (d *Deliveries) RequestRetry(ctx context.Context, revision int64, skip bool) error {
	err := d.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		requested := bun.Ident("asked")
		update := tx.NewUpdate().Model((*parkedRow)(nil)).Set("? = ?", requested, true).
			Where("revision = ?", revision).Where("NOT ?", requested)
		if skip {
			update = update.Set("revision = revision + 1")
		}
		err := bunstore.UpdateOrStale(ctx, update)
		if errors.Is(err, scope.ErrStale) {
			return ports.ErrNotParked
		}
		return err
	})
	return dberror.Translate(err, "request another attempt", nil)
}
