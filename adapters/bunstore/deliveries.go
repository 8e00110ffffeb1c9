package bunstore

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Deliveries is what was published of the feed.
type Deliveries struct{ store *Store }

var _ ports.Deliveries = (*Deliveries)(nil)

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
	WaitsSince    timestamp
}

type parkedRow struct {
	bun.BaseModel `bun:"table:relay_parked,alias:p"`

	AggregateType string `bun:",pk"`
	AggregateID   int64  `bun:",pk"`
	Revision      int64
	MessageKey    string
	Reason        string
	ParkedAt      timestamp
	Asked         bool
}

func rowOfParked(p ports.Parked) parkedRow {
	return parkedRow{
		AggregateType: p.AggregateType, AggregateID: p.AggregateID, Revision: p.Revision,
		MessageKey: p.Key, Reason: p.Reason, ParkedAt: timed(p.At), Asked: p.Asked,
	}
}

func (r parkedRow) parked() ports.Parked {
	return ports.Parked{
		AggregateType: r.AggregateType, AggregateID: r.AggregateID, Revision: r.Revision,
		Key: r.MessageKey, Reason: r.Reason, At: r.ParkedAt.Time, Asked: r.Asked,
	}
}

// Delivered returns how far the changes were published. The rest is read after the
// edition: a step in between is found out when one goes on from here.
func (d *Deliveries) Delivered(ctx context.Context) (ports.Delivered, error) {
	var at relayRow
	if err := d.store.read.NewSelect().Model(&at).Where("id = 1").Scan(ctx); err != nil {
		return ports.Delivered{}, translate(err, "read how far the relay is", nil)
	}
	var streams []streamRow
	if err := d.store.read.NewSelect().Model(&streams).Order("aggregate_type").Limit(maxStreams).Scan(ctx); err != nil {
		return ports.Delivered{}, translate(err, "read how far the topics are", nil)
	}
	var rows []parkedRow
	if err := d.store.read.NewSelect().Model(&rows).Order("revision").Limit(maxParked).Scan(ctx); err != nil {
		return ports.Delivered{}, translate(err, "read what is parked", nil)
	}
	found := ports.Delivered{Edition: at.Edition}
	for _, r := range streams {
		found.Streams = append(found.Streams, ports.Stream{
			AggregateType: r.AggregateType, Revision: r.Revision, Reason: r.Reason, Since: r.WaitsSince.Time,
		})
	}
	for _, r := range rows {
		found.Parked = append(found.Parked, r.parked())
	}
	return found, nil
}

// maxParked bounds what is read of the parked. With more of them nothing would be
// published any more: a step that did not see all would pass over none. There are as
// many streams as modules.
const (
	maxParked  = 1_000_000
	maxStreams = 1000
)

// Advance moves streams, and parks.
func (d *Deliveries) Advance(
	ctx context.Context, from ports.Delivered, streams []ports.Stream, parked ...ports.Parked,
) error {
	moved := make([]streamRow, len(streams))
	for i, s := range streams {
		moved[i] = streamRow{
			AggregateType: s.AggregateType, Revision: s.Revision, Reason: s.Reason, WaitsSince: timed(s.Since),
		}
	}
	waiting := make([]parkedRow, len(parked))
	for i, p := range parked {
		waiting[i] = rowOfParked(p)
	}
	return d.step(ctx, from, "move the relay", func(ctx context.Context, tx bun.Tx) error {
		if err := insertAll(ctx, tx, waiting); err != nil || len(moved) == 0 {
			return err
		}
		_, err := tx.NewInsert().Model(&moved).On("CONFLICT (aggregate_type) DO UPDATE").
			Set("revision = EXCLUDED.revision").Set("reason = EXCLUDED.reason").
			Set("waits_since = EXCLUDED.waits_since").Exec(ctx)
		return err
	})
}

func insertAll(ctx context.Context, tx bun.Tx, rows []parkedRow) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

// Pending counts what of a stream was not published, as far as PendingMost.
func (d *Deliveries) Pending(ctx context.Context, of ports.Stream) (ports.Pending, error) {
	waiting := func() *bun.SelectQuery {
		return d.store.read.NewSelect().Model((*changeRow)(nil)).
			Where("aggregate_type = ?", of.AggregateType).Where("revision > ?", of.Revision).Order("revision")
	}
	var found ports.Pending
	err := d.store.read.NewSelect().ColumnExpr("count(*)").
		TableExpr("(?) AS w", waiting().ColumnExpr("1").Limit(ports.PendingMost)).Scan(ctx, &found.Count)
	if err != nil || found.Count == 0 {
		return found, translate(err, "count what waits", nil)
	}
	var oldest timestamp
	err = scanSelect(ctx, waiting().Column("occurred_at").Limit(1), &oldest)
	found.Oldest = oldest.Time
	return found, translate(err, "look for what waits longest", nil)
}

// step makes one if the state is still the one that it goes on from.
func (d *Deliveries) step(
	ctx context.Context, from ports.Delivered, doing string, work func(context.Context, bun.Tx) error,
) error {
	err := d.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		err := updateWhere(ctx, tx.NewUpdate().Model((*relayRow)(nil)).
			Set("edition = edition + 1").Where("id = 1").Where("edition = ?", from.Edition))
		if errors.Is(err, scope.ErrStale) {
			return ports.ErrOvertaken
		}
		if err != nil {
			return err
		}
		return work(ctx, tx)
	})
	return translate(err, doing, nil)
}

// Resume changes from where an aggregate waits, or that it does.
func (d *Deliveries) Resume(ctx context.Context, from ports.Delivered, was ports.Parked, next *ports.Parked) error {
	row := rowOfParked(was)
	return d.step(ctx, from, "resume what is parked", func(ctx context.Context, tx bun.Tx) error {
		if next == nil {
			_, err := tx.NewDelete().Model(&row).WherePK().Exec(ctx)
			return err
		}
		row = rowOfParked(*next)
		_, err := tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
		return err
	})
}

// Ask asks for another try.
func (d *Deliveries) Ask(ctx context.Context, revision int64, skip bool) error {
	err := d.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		ask := tx.NewUpdate().Model((*parkedRow)(nil)).Set("asked = ?", true).
			Where("revision = ?", revision).Where("asked = ?", false)
		if skip {
			ask = ask.Set("revision = revision + 1")
		}
		err := updateWhere(ctx, ask)
		if errors.Is(err, scope.ErrStale) {
			return ports.ErrNotParked
		}
		return err
	})
	return translate(err, "ask for another try", nil)
}
