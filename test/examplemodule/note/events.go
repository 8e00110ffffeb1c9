package note

import (
	"github.com/signalbox-hq/signalbox/domain/event"
)

// AggregateType is the type of notes in events.
const AggregateType = "note"

// The types of event.
const (
	EventCreated = "note.created"
	EventUpdated = "note.updated"
	EventDeleted = "note.deleted"
)

// Changed is the event of one new version.
type Changed struct{ envelope event.Envelope }

// Envelope returns the event as it is published: the name of the note, not its text.
func (e Changed) Envelope() event.Envelope { return e.envelope }

func newEvent(i Identity, e Entry) Changed {
	return Changed{envelope: event.Envelope{
		Type: AggregateType + "." + e.Action.PastTense(), AggregateType: AggregateType, AggregateVersion: int64(e.Version),
		Environment: i.Environment.String(), Data: map[string]any{"name": i.Name.String()}, Stamp: e.Stamp,
	}}
}
