package bunstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/ports"
)

// EventColumns are the columns of an event, in the outbox and in the feed.
type EventColumns struct {
	EventID          string `store:"uuid"`
	EventType        string
	AggregateType    string
	AggregateID      int64 `store:"aggregate"`
	AggregateVersion int64
	Environment      string
	ServiceName      string
	Data             string `store:"jsonb"`
	ActorKey         string
	ActorName        string
	RequestID        string
	OccurredAt       column.Timestamp
	Traceparent      string
	Source           string
}

// Change returns the event as the change of a revision.
func (c EventColumns) Change(revision int64) ports.Change {
	return ports.Change{
		Revision: revision, EventID: c.EventID, EventType: c.EventType,
		AggregateType: c.AggregateType, AggregateID: c.AggregateID, AggregateVersion: c.AggregateVersion,
		Environment: c.Environment, ServiceName: c.ServiceName, Data: []byte(c.Data),
		Actor: column.Actor(c.ActorKey, c.ActorName), RequestID: c.RequestID, OccurredAt: c.OccurredAt.Time,
		TraceParent: c.Traceparent, Source: c.Source,
	}
}

// ChangeRow is a row of the feed: an event with its revision.
type ChangeRow struct {
	bun.BaseModel `bun:"table:changes,alias:c"`

	Revision int64 `bun:",pk"`
	EventColumns
}

// RowKey identifies the row.
func (r ChangeRow) RowKey() RowKey { return KeyOf("changes", r.Revision) }

// Rehydrate returns a change also for a damaged row, so that it does not stop readers
// of the feed; what cannot be read of it is zero.
func (r ChangeRow) Rehydrate(unread error) (ports.Change, error) {
	return r.Change(r.Revision), CheckRow(r.RowKey(), false, unread, column.CheckTimes(r.OccurredAt),
		column.CheckCounter("aggregate_version", r.AggregateVersion))
}

// OutboxRow is a row of the outbox. The ids order the events of each aggregate.
type OutboxRow struct {
	bun.BaseModel `bun:"table:outbox,alias:o"`

	ID int64 `bun:",pk,autoincrement"`
	EventColumns
}

// Events are the events of one aggregate as rows, oldest first.
type Events []OutboxRow

// LastID returns the id of the last event, or before without events.
func (e Events) LastID(before string) string {
	if len(e) == 0 {
		return before
	}
	return e[len(e)-1].EventID
}

// outboxRows returns the events of one aggregate as rows, oldest first; the id of the
// aggregate is not set yet.
func outboxRows(events []event.Event, ids ports.IDs) (Events, error) {
	rows := make(Events, len(events))
	for i, e := range events {
		envelope := e.Envelope()
		data, err := json.Marshal(envelope.Data)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", envelope.Type, err)
		}
		rows[i].EventColumns = EventColumns{
			EventID:          ids.UUID(),
			EventType:        envelope.Type,
			AggregateType:    envelope.AggregateType,
			AggregateVersion: envelope.AggregateVersion,
			Environment:      envelope.Environment,
			ServiceName:      envelope.ServiceName,
			Data:             string(data),
			ActorKey:         envelope.Stamp.By.KeyID,
			ActorName:        envelope.Stamp.By.String(),
			RequestID:        envelope.Stamp.RequestID,
			OccurredAt:       column.Time(envelope.Stamp.At),
			Traceparent:      envelope.Stamp.TraceParent,
			Source:           envelope.Stamp.Source,
		}
	}
	return rows, nil
}

// Insert writes the events of an aggregate to the outbox.
func (e Events) Insert(ctx context.Context, tx bun.Tx, aggregate int64) error {
	if len(e) == 0 {
		return nil
	}
	rows := slices.Clone(e)
	for i := range rows {
		rows[i].AggregateID = aggregate
	}
	_, err := tx.NewInsert().Model(&rows).ExcludeColumn("id").Exec(ctx)
	return err
}

// PendingRow is a record that waits to be in the audit log.
type PendingRow struct {
	bun.BaseModel `bun:"table:audit_pending,alias:ap"`

	ID int64 `bun:",pk,autoincrement"`
	// Record is the canonical form of the entry with the sequence 0.
	Record string
}

// Audit writes records for the audit log in a transaction.
func Audit(ctx context.Context, tx bun.Tx, records ...audit.Record) error {
	if len(records) == 0 {
		return nil
	}
	rows := make([]PendingRow, len(records))
	for i, r := range records {
		rows[i].Record = string(audit.Entry{Record: r}.Canonical())
	}
	_, err := tx.NewInsert().Model(&rows).ExcludeColumn("id").Exec(ctx)
	return err
}
