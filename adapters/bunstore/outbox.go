package bunstore

import (
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/ports"
)

type outboxRow struct {
	bun.BaseModel `bun:"table:outbox,alias:o"`

	ID               int64 `bun:",pk,autoincrement"`
	EventID          string
	EventType        string
	AggregateType    string
	AggregateID      int64
	AggregateVersion int64
	Environment      string
	ServiceName      string
	Data             string
	ActorKey         string
	ActorName        string
	RequestID        string
	OccurredAt       timestamp
	Traceparent      string
}

// outboxRows returns the events of one aggregate as rows, oldest first; the id of the
// aggregate is not in them yet.
func outboxRows(events []event.Event, ids ports.IDs) (made, error) {
	rows := make(made, len(events))
	for i, e := range events {
		envelope := e.Envelope()
		data, err := json.Marshal(envelope.Data)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", envelope.Type, err)
		}
		rows[i] = outboxRow{
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
			OccurredAt:       timed(envelope.Stamp.At),
			Traceparent:      envelope.Stamp.TraceParent,
		}
	}
	return rows, nil
}
