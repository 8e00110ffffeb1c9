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

	ID       int64 `bun:",pk"`
	Revision int64
	Edition  int64
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
		MessageKey: p.Key, Reason: p.Reason, ParkedAt: timestamp{p.At}, Asked: p.Asked,
	}
}

func (r parkedRow) parked() ports.Parked {
	return ports.Parked{
		AggregateType: r.AggregateType, AggregateID: r.AggregateID, Revision: r.Revision,
		Key: r.MessageKey, Reason: r.Reason, At: r.ParkedAt.Time, Asked: r.Asked,
	}
}

// Delivered returns how far the changes were published. What is parked is read
// after the edition: a step in between is found out when one goes on from here.
func (d *Deliveries) Delivered(ctx context.Context) (ports.Delivered, error) {
	var at relayRow
	if err := d.store.read.NewSelect().Model(&at).Where("id = 1").Scan(ctx); err != nil {
		return ports.Delivered{}, translate(err, "read how far the relay is", nil)
	}
	var rows []parkedRow
	if err := d.store.read.NewSelect().Model(&rows).Order("revision").Limit(maxParked).Scan(ctx); err != nil {
		return ports.Delivered{}, translate(err, "read what is parked", nil)
	}
	found := ports.Delivered{Revision: at.Revision, Edition: at.Edition}
	for _, r := range rows {
		found.Parked = append(found.Parked, r.parked())
	}
	return found, nil
}

// maxParked bounds what is read of the parked. With more of them nothing would be
// published any more: a step that did not see all would pass over none.
const maxParked = 1_000_000

// Advance goes on to a later revision.
func (d *Deliveries) Advance(ctx context.Context, from ports.Delivered, revision int64, parked ...ports.Parked) error {
	return d.step(ctx, from, "move the relay", func(ctx context.Context, tx bun.Tx) error {
		for _, p := range parked {
			row := rowOfParked(p)
			if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
				return err
			}
		}
		return updateWhere(ctx, tx.NewUpdate().Model((*relayRow)(nil)).Set("revision = ?", revision).Where("id = 1"))
	})
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

// Backlog returns changes of what is parked.
func (d *Deliveries) Backlog(ctx context.Context, p ports.Parked, upTo int64, limit int) ([]ports.Change, error) {
	var rows []changeRow
	err := d.store.read.NewSelect().Model(&rows).
		Where("revision >= ?", p.Revision).Where("revision <= ?", upTo).
		Where("aggregate_type = ?", p.AggregateType).Where("aggregate_id = ?", p.AggregateID).
		Order("revision").Limit(limit).Scan(ctx)
	return changesOf(rows), translate(err, "read what is parked", nil)
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
