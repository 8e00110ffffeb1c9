package bunstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// One statement writes state, history and outbox. The rows of history and outbox
// are selected from the state's, so that their ids are drawn while it is locked,
// and so that there are none where it did not match.
const (
	insertedState = `WITH state AS (
INSERT INTO configurations (key, value, environment, service_name, description, is_encrypted, version,
 created_at, updated_at, updated_by, updated_by_key, is_deleted, last_event_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key, environment, service_name) DO NOTHING RETURNING id)`
	updatedState = `WITH state AS (
UPDATE configurations SET value = ?, description = ?, is_encrypted = ?, version = ?,
 updated_at = ?, updated_by = ?, updated_by_key = ?, is_deleted = ?, last_event_id = ?
WHERE id = ? AND version = ? RETURNING id)`
	insertedHistory = `, history AS (
INSERT INTO configuration_history (configuration_id, version, action, old_value, old_encrypted, new_value,
 new_encrypted, description, is_encrypted, changed_by, changed_by_key, changed_at, request_id)
SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::timestamptz, ? FROM state)`
	insertedEvent = `, event AS (
INSERT INTO outbox (event_id, event_type, aggregate_type, aggregate_id, aggregate_version, environment,
 service_name, data, actor_key, actor_name, request_id, occurred_at, traceparent)
SELECT ?::uuid, ?, ?, id, ?, ?, ?, ?::jsonb, ?, ?, ?, ?::timestamptz, ? FROM state)
SELECT id FROM state`
)

// runStatement runs a statement that ends with the event of an aggregate, and
// returns the id. Without a row the base was not what the store holds.
func (s *Store) runStatement(
	ctx context.Context, event outboxRow, base scope.Version, statement string, args []any,
) (int64, error) {
	args = append(args, outboxArgs(event)...)
	var id int64
	failpoint.Hit("before-commit")
	defer failpoint.Hit("after-commit")
	err := again(ctx, func() (err error) {
		id, err = finalRaw(ctx, s.write, statement+insertedEvent, args...)
		return err
	})
	switch {
	case !errors.Is(err, sql.ErrNoRows):
		return id, err
	case base == 0:
		return 0, scope.ErrAlreadyExists
	}
	return 0, scope.ErrStale
}

// fitsOneStatement reports whether the changes are one version with one event,
// and the history stays as it is.
func fitsOneStatement(c *configuration.Configuration) bool {
	unsaved := c.Unsaved()
	return len(unsaved.Entries) == 1 && len(c.PendingEvents()) == 1 && unsaved.Sealer == nil &&
		!unsaved.State.Damaged
}

func (r *Configurations) inOneStatement(
	ctx context.Context, c *configuration.Configuration, events made,
) (id int64, done bool, err error) {
	if !fitsOneStatement(c) {
		return 0, false, nil
	}
	unsaved := c.Unsaved()
	unsaved.State.Event = events.last("")
	statement, args := stateStatement(unsaved)
	args = append(args, historyArgs(rowOfEntry(unsaved.Entries[0], 0))...)
	id, err = r.store.runStatement(ctx, events[0], unsaved.Base, statement+insertedHistory, args)
	return id, true, err
}

func stateStatement(unsaved configuration.Unsaved) (string, []any) {
	s := rowOfState(unsaved.State)
	if unsaved.Base == 0 {
		return insertedState, []any{
			s.Key, s.Value, s.Environment, s.ServiceName, s.Description, s.IsEncrypted, s.Version,
			s.CreatedAt, s.UpdatedAt, s.UpdatedBy, s.UpdatedByKey, s.IsDeleted, s.LastEventID,
		}
	}
	return updatedState, []any{
		s.Value, s.Description, s.IsEncrypted, s.Version, s.UpdatedAt, s.UpdatedBy, s.UpdatedByKey, s.IsDeleted,
		s.LastEventID, s.ID, int64(unsaved.Base),
	}
}

func historyArgs(h historyRow) []any {
	return []any{
		h.Version, h.Action, h.OldValue, h.OldEncrypted, h.NewValue, h.NewEncrypted,
		h.Description, h.IsEncrypted, h.ChangedBy, h.ChangedByKey, h.ChangedAt, h.RequestID,
	}
}

func outboxArgs(o outboxRow) []any {
	return []any{
		o.EventID, o.EventType, o.AggregateType, o.AggregateVersion, o.Environment, o.ServiceName,
		o.Data, o.ActorKey, o.ActorName, o.RequestID, o.OccurredAt, o.Traceparent,
	}
}
