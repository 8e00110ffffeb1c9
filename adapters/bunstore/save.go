package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// writer stores the aggregates of one module.
type writer[A aggregate] interface {
	// unsaved reports whether there is anything to write.
	unsaved(a A) bool
	// inOneStatement writes one aggregate on PostgreSQL and returns its id; done is
	// false where that takes more than a statement, and nothing was written.
	inOneStatement(ctx context.Context, a A, events made) (id int64, done bool, err error)
	// inTransaction writes one aggregate and returns its id.
	inTransaction(ctx context.Context, tx bun.Tx, a A, events made) (id int64, err error)
	// saved tells an aggregate that it is stored.
	saved(a A, id int64, events made)
}

// made are the events of an aggregate as rows, oldest first.
type made []outboxRow

// last returns the id of the event that made the version, or before without events.
func (m made) last(before string) string {
	if len(m) == 0 {
		return before
	}
	return m[len(m)-1].EventID
}

// aggregate is what a writer stores.
type aggregate interface{ PendingEvents() []event.Event }

// saveAll writes the unsaved changes of all the given aggregates, all or none.
func saveAll[A aggregate](ctx context.Context, s *Store, w writer[A], given []A) error {
	changed := slices.DeleteFunc(slices.Clone(given), func(a A) bool { return !w.unsaved(a) })
	if len(changed) == 0 {
		return nil
	}
	events := make([]made, len(changed))
	for i, a := range changed {
		var err error
		if events[i], err = outboxRows(a.PendingEvents(), s.options.IDs); err != nil {
			return err
		}
	}
	ids, err := writeAll(ctx, s, w, changed, events)
	// A commit whose reply was lost has happened, too.
	if s.options.Committed != nil {
		s.options.Committed()
	}
	if err != nil {
		s.lastWrite.failed(ctx, err)
		return translate(err, "save", scope.ErrAlreadyExists)
	}
	s.lastWrite.succeeded()
	for i, a := range changed {
		w.saved(a, ids[i], events[i])
	}
	return nil
}

func writeAll[A aggregate](
	ctx context.Context, s *Store, w writer[A], changed []A, events []made,
) ([]int64, error) {
	if s.dialect == postgres && len(changed) == 1 {
		if id, done, err := w.inOneStatement(ctx, changed[0], events[0]); done || err != nil {
			return []int64{id}, err
		}
	}
	ids := make([]int64, len(changed))
	err := s.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		for i, a := range changed {
			id, err := w.inTransaction(ctx, tx, a, events[i])
			if err != nil {
				return err
			}
			ids[i] = id
		}
		return nil
	})
	return ids, err
}

// insertEvents writes the events of an aggregate into the outbox.
func insertEvents(ctx context.Context, tx bun.Tx, events made, id int64) error {
	rows := slices.Clone(events)
	for i := range rows {
		rows[i].AggregateID = id
	}
	_, err := tx.NewInsert().Model(&rows).ExcludeColumn("id").Exec(ctx)
	return err
}

// insertState writes the first row of an aggregate, unless its identity is taken.
func insertState(ctx context.Context, insert *bun.InsertQuery, identity string) (id int64, err error) {
	id, err = finalInsert(ctx, insert.ExcludeColumn("id").On("CONFLICT ("+identity+") DO NOTHING"))
	if errors.Is(err, sql.ErrNoRows) {
		return 0, scope.ErrAlreadyExists
	}
	return id, err
}

// updateState writes the row that stands, if the store holds the version before, or
// one that cannot be read.
func updateState(ctx context.Context, update *bun.UpdateQuery, id int64, base scope.Version) error {
	return updateWhere(ctx, whereCount(update.Where("id = ?", id), "version", int64(base)))
}

// whereCount narrows to a row whose column is the base, or is no whole number of at
// least 1: SQLite does not hold a column to its type.
func whereCount(update *bun.UpdateQuery, column string, base int64) *bun.UpdateQuery {
	c := bun.Ident(column)
	return update.Where("(? = ? OR ? < 1 OR CAST(? AS bigint) <> ?)", c, base, c, c, c)
}

// updateDamaged writes the end of a row that cannot be read, and leaves alone what it
// holds.
func updateDamaged(ctx context.Context, update *bun.UpdateQuery, id int64, base scope.Version) error {
	return updateState(ctx, update.Column("version", "last_event_id", "updated_at", "updated_by", "updated_by_key",
		"is_deleted"), id, base)
}

// updateWhere writes the row that stands, if the store holds what the update asks
// for.
func updateWhere(ctx context.Context, update *bun.UpdateQuery) error {
	result, err := update.Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, scope.ErrStale)
	}
	return nil
}

// Save writes the unsaved changes of all the given configurations, all or none.
func (r *Configurations) Save(ctx context.Context, configurations ...*configuration.Configuration) error {
	return saveAll(ctx, r.store, r, configurations)
}

func (*Configurations) unsaved(c *configuration.Configuration) bool {
	return len(c.Unsaved().Entries) > 0
}

func (r *Configurations) saved(c *configuration.Configuration, id int64, events made) {
	c.MarkSaved(configuration.ID(id), events.last(""))
	r.store.damage.saved("configurations", id)
}

func (*Configurations) inTransaction(
	ctx context.Context, tx bun.Tx, c *configuration.Configuration, events made,
) (int64, error) {
	unsaved := c.Unsaved()
	unsaved.State.Event = events.last("")
	id, err := saveState(ctx, tx, unsaved)
	if err != nil {
		return 0, err
	}
	entries := make([]historyRow, len(unsaved.Entries))
	for i, e := range unsaved.Entries {
		entries[i] = rowOfEntry(e, configuration.ID(id))
	}
	if _, err := tx.NewInsert().Model(&entries).ExcludeColumn("id").Exec(ctx); err != nil {
		return 0, err
	}
	if err := insertEvents(ctx, tx, events, id); err != nil || unsaved.Sealer == nil {
		return id, err
	}
	return id, sealHistory(ctx, tx, configuration.ID(id), unsaved)
}

// saveState writes the row that stands, if the store holds the version before.
func saveState(ctx context.Context, tx bun.Tx, unsaved configuration.Unsaved) (int64, error) {
	row := rowOfState(unsaved.State)
	if unsaved.Base == 0 {
		return insertState(ctx, tx.NewInsert().Model(&row), "key, environment, service_name")
	}
	if unsaved.State.Damaged {
		return row.ID, updateDamaged(ctx, tx.NewUpdate().Model(&row), row.ID, unsaved.Base)
	}
	return row.ID, updateState(ctx, tx.NewUpdate().Model(&row).
		Column("value", "description", "is_encrypted", "version", "last_event_id",
			"updated_at", "updated_by", "updated_by_key", "is_deleted"), row.ID, unsaved.Base)
}

// sealPage bounds the entries that are held in memory while they are sealed.
const sealPage = 50

// sealHistory seals the plain values of the entries at or below the base.
func sealHistory(ctx context.Context, tx bun.Tx, id configuration.ID, unsaved configuration.Unsaved) error {
	for after := int64(0); ; {
		var rows []historyRow
		err := tx.NewSelect().Model(&rows).
			Where("configuration_id = ?", int64(id)).
			Where("version > ?", after).Where("version <= ?", int64(unsaved.Base)).
			Where("((old_value IS NOT NULL AND NOT old_encrypted) OR (new_value IS NOT NULL AND NOT new_encrypted))").
			Order("version").Limit(sealPage).Scan(ctx)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			if err := sealRow(ctx, tx, row, unsaved.Sealer); err != nil {
				return err
			}
			after = row.Version
		}
	}
}

// sealRow seals the values of an entry, also of one that breaks a rule elsewhere.
func sealRow(ctx context.Context, tx bun.Tx, row historyRow, seal configuration.Sealer) error {
	entry := configuration.HistoryEntry{
		Entry: versioned.Entry[configuration.ID]{ID: row.ID, AggregateID: configuration.ID(row.ConfigurationID)},
		Old:   content(row.OldValue, row.OldEncrypted), New: content(row.NewValue, row.NewEncrypted),
	}
	sealed, err := entry.Seal(seal)
	if err != nil {
		return err
	}
	row = rowOfEntry(sealed, sealed.AggregateID)
	_, err = tx.NewUpdate().Model(&row).
		Column("old_value", "old_encrypted", "new_value", "new_encrypted", "is_encrypted").WherePK().Exec(ctx)
	return err
}
