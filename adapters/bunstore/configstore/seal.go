package configstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// sealing returns what encrypts the stored history of a configuration, nil where it is
// left unchanged.
func sealing(c *configuration.Configuration) func(context.Context, bun.Tx, configuration.ID) error {
	u := c.Unsaved()
	if u.Sealer == nil {
		return nil
	}
	return func(ctx context.Context, tx bun.Tx, id configuration.ID) error { return sealHistory(ctx, tx, id, u) }
}

// sealPage bounds the entries in memory.
const sealPage = 50

// sealHistory encrypts the plain values of the entries at or below the base.
func sealHistory(ctx context.Context, tx bun.Tx, id configuration.ID, u configuration.Unsaved) error {
	for after := int64(0); ; {
		var rows []entryRow
		err := tx.NewSelect().Model(&rows).
			Where("configuration_id = ?", int64(id)).
			Where("version > ?", after).Where("version <= ?", int64(u.Base)).
			Where("((old_value IS NOT NULL AND NOT old_encrypted) OR (new_value IS NOT NULL AND NOT new_encrypted))").
			Order("version").Limit(sealPage).Scan(ctx)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			if err := sealRow(ctx, tx, row, u); err != nil {
				return err
			}
			after = row.Version
		}
	}
}

// sealRow encrypts the values of an entry, also of one that is damaged elsewhere.
func sealRow(ctx context.Context, tx bun.Tx, row entryRow, u configuration.Unsaved) error {
	before, after := row.contents()
	entry := configuration.HistoryEntry{
		Entry: versioned.Entry[configuration.ID]{
			ID: row.ID, AggregateID: configuration.ID(row.ConfigurationID), Version: scope.Version(row.Version),
		},
		Old: before, New: after,
	}
	sealed, err := entry.Seal(u.Sealer)
	if err != nil {
		return err
	}
	if u.Binder != nil {
		sealed = sealed.Bind(u.State.Identity, u.Binder)
	}
	row = rowOfEntry(sealed, sealed.AggregateID)
	_, err = tx.NewUpdate().Model(&row).
		Column("old_value", "old_encrypted", "old_token_key", "old_token_mac",
			"new_value", "new_encrypted", "new_token_key", "new_token_mac", "is_encrypted").WherePK().Exec(ctx)
	return err
}
