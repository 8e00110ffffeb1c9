package configuration

import (
	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/versioned"
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

// newEvent returns the event of one version: key, environment, service and whether the
// value is encrypted, but nothing of the value.
func newEvent(identity Identity, entry HistoryEntry, revived bool) event.Event {
	return versioned.NewChanged(event.Envelope{
		AggregateType: AggregateType,
		Environment:   identity.Environment.String(),
		ServiceName:   identity.Service.String(),
		Data: map[string]any{
			"key":          identity.Key.String(),
			"environment":  identity.Environment.String(),
			"service_name": identity.Service.String(),
			"is_encrypted": entry.Encrypted,
		},
	}, entry.Entry, revived)
}
