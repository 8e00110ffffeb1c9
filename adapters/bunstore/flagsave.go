package bunstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/flag"
)

// The statements of flags, as those of configurations.
const (
	insertedFlag = `WITH state AS (
INSERT INTO feature_flags (name, description, is_enabled, rollout_percentage, target_users, environment,
 created_at, updated_at, definition, version, updated_by, updated_by_key, is_deleted, last_event_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?, ?, ?, ?, ?)
ON CONFLICT (name, environment) DO NOTHING RETURNING id)`
	updatedFlag = `WITH state AS (
UPDATE feature_flags SET description = ?, is_enabled = ?, rollout_percentage = ?, target_users = ?,
 updated_at = ?, definition = ?::jsonb, version = ?, updated_by = ?, updated_by_key = ?, is_deleted = ?,
 last_event_id = ?
WHERE id = ? AND version = ? RETURNING id)`
	insertedFlagHistory = `, history AS (
INSERT INTO feature_flag_history (flag_id, version, action, old_definition, old_description, new_definition,
 new_description, changed_by, changed_by_key, changed_at, request_id)
SELECT id, ?, ?, ?::jsonb, ?, ?::jsonb, ?, ?, ?, ?::timestamptz, ? FROM state)`
)

// Save writes the unsaved changes of all the given flags, all or none.
func (r *Flags) Save(ctx context.Context, flags ...*flag.Flag) error {
	return saveAll(ctx, r.store, r, flags)
}

func (*Flags) unsaved(f *flag.Flag) bool { return len(f.Unsaved().Entries) > 0 }

func (r *Flags) saved(f *flag.Flag, id int64, events made) {
	f.MarkSaved(flag.ID(id), events.last(""))
	r.store.damage.saved("feature_flags", id)
}

func (r *Flags) inOneStatement(ctx context.Context, f *flag.Flag, events made) (id int64, done bool, err error) {
	unsaved := f.Unsaved()
	if len(unsaved.Entries) != 1 || len(f.PendingEvents()) != 1 || unsaved.State.Damaged {
		return 0, false, nil
	}
	unsaved.State.Event = events.last("")
	row, err := r.store.dialect.rowOfFlag(unsaved.State)
	if err != nil {
		return 0, false, err
	}
	statement, args := flagStatement(row, unsaved)
	args = append(args, flagHistoryArgs(rowOfFlagEntry(unsaved.Entries[0], 0))...)
	id, err = r.store.runStatement(ctx, events[0], unsaved.Base, statement+insertedFlagHistory, args)
	return id, true, err
}

func flagStatement(f flagRow, unsaved flag.Unsaved) (string, []any) {
	if unsaved.Base == 0 {
		return insertedFlag, []any{
			f.Name, f.Description, f.IsEnabled, f.RolloutPercentage, f.TargetUsers, f.Environment,
			f.CreatedAt, f.UpdatedAt, f.Definition, f.Version, f.UpdatedBy, f.UpdatedByKey, f.IsDeleted,
			f.LastEventID,
		}
	}
	return updatedFlag, []any{
		f.Description, f.IsEnabled, f.RolloutPercentage, f.TargetUsers, f.UpdatedAt, f.Definition, f.Version,
		f.UpdatedBy, f.UpdatedByKey, f.IsDeleted, f.LastEventID, f.ID, int64(unsaved.Base),
	}
}

func flagHistoryArgs(h flagEntryRow) []any {
	return []any{
		h.Version, h.Action, h.OldDefinition, h.OldDescription, h.NewDefinition, h.NewDescription,
		h.ChangedBy, h.ChangedByKey, h.ChangedAt, h.RequestID,
	}
}

func (r *Flags) inTransaction(ctx context.Context, tx bun.Tx, f *flag.Flag, events made) (int64, error) {
	unsaved := f.Unsaved()
	unsaved.State.Event = events.last("")
	id, err := r.saveState(ctx, tx, unsaved)
	if err != nil {
		return 0, err
	}
	entries := make([]flagEntryRow, len(unsaved.Entries))
	for i, e := range unsaved.Entries {
		entries[i] = rowOfFlagEntry(e, id)
	}
	if _, err := tx.NewInsert().Model(&entries).ExcludeColumn("id").Exec(ctx); err != nil {
		return 0, err
	}
	return id, insertEvents(ctx, tx, events, id)
}

func (r *Flags) saveState(ctx context.Context, tx bun.Tx, unsaved flag.Unsaved) (int64, error) {
	row, err := r.store.dialect.rowOfFlag(unsaved.State)
	if err != nil {
		return 0, err
	}
	if unsaved.Base == 0 {
		return insertState(ctx, tx.NewInsert().Model(&row), "name, environment")
	}
	if unsaved.State.Damaged {
		return row.ID, updateDamaged(ctx, tx.NewUpdate().Model(&row), row.ID, unsaved.Base)
	}
	return row.ID, updateState(ctx, tx.NewUpdate().Model(&row).
		Column("description", "is_enabled", "rollout_percentage", "target_users", "updated_at", "definition",
			"version", "updated_by", "updated_by_key", "is_deleted", "last_event_id"), row.ID, unsaved.Base)
}
