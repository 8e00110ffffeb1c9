package auditapp

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Dependencies is what the use cases need.
type Dependencies struct {
	Trail   ports.AuditTrail
	Modules ports.Modules
	Clock   ports.Clock
	// Backlog keeps records while the database is away; nil is for memory alone.
	Backlog ports.AuditBacklog
	// Stream identifies the records of this process.
	Stream string
	// StrictReveals refuses reveals as soon as one could not be stored for MaxUnstored.
	StrictReveals bool
}

// Service offers the use cases. It is safe for concurrent use.
type Service struct {
	deps   Dependencies
	buffer buffer
	stream stream
}

// New returns the use cases over their dependencies.
func New(d Dependencies) *Service {
	return &Service{deps: d, buffer: newBuffer(), stream: stream{name: d.Stream, origin: d.Stream, first: 1}}
}

// SealBatch is how many changes, and how many other records, one Seal moves into the log.
const SealBatch = 500

// Seal moves waiting records into the log. It returns how many it has looked at:
// SealBatch or more where there may be others.
func (s *Service) Seal(ctx context.Context) (int, error) {
	return s.deps.Trail.Seal(ctx, ports.Sealing{Limit: SealBatch, Describe: s.describe, Rejected: s.rejected})
}

// rejected returns the record of rows that were not entries.
func (s *Service) rejected(first, count int64) audit.Record {
	return audit.Record{
		At: s.deps.Clock.Now(), Actor: scope.System(), Action: "audit.rejected", Outcome: audit.Done, Count: count,
		Resource: audit.Resource{Type: logResource}, Facts: map[string]string{"first_sequence": numberText(first)},
	}
}

// logResource is the type of the audit log itself in its entries.
const logResource = "audit_log"

func numberText(n int64) string { return strconv.FormatInt(n, 10) }

// describe returns the record of a change. What the service does by itself, such as the
// end of a lease, and transitions of health are not audited.
func (s *Service) describe(c ports.Change) (audit.Record, bool) {
	if c.Actor == scope.System() {
		return audit.Record{}, false
	}
	module, known := s.deps.Modules.Of(c.AggregateType)
	if known && module.Unaudited(c.EventType) {
		return audit.Record{}, false
	}
	event := s.deps.Modules.Event(c)
	r := audit.Record{
		At: c.OccurredAt, Actor: c.Actor, Source: c.Source, RequestID: c.RequestID,
		Action: c.EventType, Outcome: audit.Done, Count: 1,
		Resource: audit.Resource{
			Type: event.ResourceType, ID: event.ID, Environment: c.Environment, ServiceName: c.ServiceName,
			Name: event.Name,
		},
		VersionBefore: max(c.AggregateVersion-1, 0), VersionAfter: c.AggregateVersion,
		Facts: factsOf(c.Data),
	}
	return r, true
}

// factsOf returns the attributes of an event as text.
func factsOf(data []byte) map[string]string {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return nil
	}
	facts := make(map[string]string, len(members))
	for name, raw := range members {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		facts[name] = text
	}
	return facts
}

// sequenceOf returns the position of an entry in a list.
func sequenceOf(n int64) scope.Position { return scope.Position{numberText(n)} }
