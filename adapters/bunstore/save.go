package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/configuration"
)

// Save writes the unsaved changes of all the given configurations, all or none.
func (r *Configurations) Save(ctx context.Context, configurations ...*configuration.Configuration) error {
	changed := slices.DeleteFunc(slices.Clone(configurations), func(c *configuration.Configuration) bool {
		return len(c.Unsaved().Entries) == 0
	})
	if len(changed) == 0 {
		return nil
	}
	ids, err := r.write(ctx, changed)
	if err != nil {
		return translate(err, "save configurations", configuration.ErrAlreadyExists)
	}
	for i, c := range changed {
		c.MarkSaved(ids[i])
	}
	return nil
}

func (r *Configurations) write(
	ctx context.Context, changed []*configuration.Configuration,
) ([]configuration.ID, error) {
	if r.store.dialect == postgres && len(changed) == 1 && fitsOneStatement(changed[0]) {
		id, err := r.inOneStatement(ctx, changed[0])
		return []configuration.ID{id}, err
	}
	ids := make([]configuration.ID, len(changed))
	err := r.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		for i, c := range changed {
			id, err := r.saveOne(ctx, tx, c)
			if err != nil {
				return err
			}
			ids[i] = id
		}
		return nil
	})
	return ids, err
}

// saveOne writes state, history and events of one configuration in a transaction.
func (r *Configurations) saveOne(
	ctx context.Context, tx bun.Tx, c *configuration.Configuration,
) (configuration.ID, error) {
	unsaved := c.Unsaved()
	id, err := saveState(ctx, tx, unsaved)
	if err != nil {
		return 0, err
	}
	entries := make([]historyRow, len(unsaved.Entries))
	for i, e := range unsaved.Entries {
		entries[i] = rowOfEntry(e, id)
	}
	if _, err := tx.NewInsert().Model(&entries).ExcludeColumn("id").Exec(ctx); err != nil {
		return 0, err
	}
	events, err := outboxRows(c.PendingEvents(), int64(id), r.store.options.IDs)
	if err != nil {
		return 0, err
	}
	if _, err := tx.NewInsert().Model(&events).ExcludeColumn("id").Exec(ctx); err != nil {
		return 0, err
	}
	if unsaved.Sealer == nil {
		return id, nil
	}
	return id, sealHistory(ctx, tx, id, unsaved)
}

// saveState writes the row that stands, if the store holds the version before.
func saveState(ctx context.Context, tx bun.Tx, unsaved configuration.Unsaved) (configuration.ID, error) {
	row := rowOfState(unsaved.State)
	if unsaved.Base == 0 {
		err := tx.NewInsert().Model(&row).ExcludeColumn("id").
			On("CONFLICT (key, environment, service_name) DO NOTHING").Returning("id").Scan(ctx, &row.ID)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, configuration.ErrAlreadyExists
		}
		return configuration.ID(row.ID), err
	}
	result, err := tx.NewUpdate().Model(&row).
		Column("value", "description", "is_encrypted", "version",
			"updated_at", "updated_by", "updated_by_key", "is_deleted").
		Where("id = ?", row.ID).Where("version = ?", int64(unsaved.Base)).Exec(ctx)
	if err != nil {
		return 0, err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return 0, errors.Join(err, configuration.ErrStale)
	}
	return unsaved.State.ID, nil
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

func sealRow(ctx context.Context, tx bun.Tx, row historyRow, seal configuration.Sealer) error {
	entry, err := row.rehydrate()
	if err != nil {
		return err
	}
	sealed, err := entry.Seal(seal)
	if err != nil {
		return err
	}
	row = rowOfEntry(sealed, sealed.ConfigurationID)
	_, err = tx.NewUpdate().Model(&row).
		Column("old_value", "old_encrypted", "new_value", "new_encrypted", "is_encrypted").WherePK().Exec(ctx)
	return err
}
