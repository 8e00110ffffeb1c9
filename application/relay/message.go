package relay

import (
	"encoding/json"
	"fmt"

	"github.com/signalbox-hq/signalbox/ports"
)

// body is the value of a message.
type body struct {
	Action       string         `json:"action"`
	ResourceType string         `json:"resource_type"`
	ResourceID   string         `json:"resource_id"`
	Data         map[string]any `json:"data"`
	Timestamp    string         `json:"timestamp"`
	Environment  string         `json:"environment"`
}

// timeFormat is RFC 3339 in UTC, with microseconds.
const timeFormat = "2006-01-02T15:04:05.000000Z"

// message returns a change as a message. Its headers are those of CloudEvents 1.0
// in the binary mode of the Kafka protocol binding, with the extensions sequence,
// partitionkey and epoch, and W3C Trace Context's traceparent where it is known.
func (s *Service) message(c ports.Change, epoch string) (ports.Message, error) {
	event := s.deps.Modules.Event(c)
	at := c.OccurredAt.UTC().Format(timeFormat)
	value, err := json.Marshal(body{
		Action: string(event.Action), ResourceType: event.ResourceType, ResourceID: event.ID,
		Data: event.Data, Timestamp: at, Environment: event.Environment,
	})
	if err != nil {
		return ports.Message{}, fmt.Errorf("encode change %d: %w", c.Revision, err)
	}
	headers := map[string]string{
		"content-type":    "application/json",
		"ce_specversion":  "1.0",
		"ce_id":           c.EventID,
		"ce_source":       s.deps.Source,
		"ce_type":         c.EventType,
		"ce_time":         at,
		"ce_subject":      event.ResourceType + "/" + event.Key,
		"ce_sequence":     fmt.Sprintf("%020d", c.Revision),
		"ce_partitionkey": event.Key,
		"ce_epoch":        epoch,
	}
	if c.TraceParent != "" {
		headers["traceparent"] = c.TraceParent
	}
	return ports.Message{Topic: s.deps.Topics[c.AggregateType], Key: event.Key, Headers: headers, Body: value}, nil
}
