package bunstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
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
