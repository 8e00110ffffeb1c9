package configuration

import (
	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// AggregateType is the type of configurations in events.
const AggregateType = "configuration"

// The types of event.
const (
	EventCreated    = "configuration.created"
	EventUpdated    = "configuration.updated"
	EventRolledBack = "configuration.rolled_back"
	EventDeleted    = "configuration.deleted"
)

// Changed is the event of one new version. Which change it was is its type.
type Changed struct{ envelope event.Envelope }

// Envelope returns the event as it is published: key, environment, service, version and
// whether the value is encrypted, but nothing of the value.
func (e Changed) Envelope() event.Envelope { return e.envelope }

func newEvent(identity Identity, entry HistoryEntry, revived bool) Changed {
	data := map[string]any{
		"key":          identity.Key.String(),
		"environment":  identity.Environment.String(),
		"service_name": identity.Service.String(),
		"is_encrypted": entry.Encrypted,
	}
	if entry.Action == scope.ActionRollback {
		data["revived"] = revived
	}
	return Changed{envelope: event.Envelope{
		Type:             AggregateType + "." + entry.Action.PastTense(),
		AggregateType:    AggregateType,
		AggregateVersion: int64(entry.Version),
		Environment:      identity.Environment.String(),
		ServiceName:      identity.Service.String(),
		Data:             data,
		Stamp:            entry.Stamp,
	}}
}
