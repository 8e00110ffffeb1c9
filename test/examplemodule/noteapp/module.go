package noteapp

import (
	"strconv"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/examplemodule/note"
)

// ResourceType is the name of notes in the watch API and in messages.
const ResourceType = "note"

// The actions on notes.
const (
	ReadNote  access.Action = "note.read"
	WriteNote access.Action = "note.write"
)

// Module describes the module.
func Module() ports.Module {
	return ports.Module{
		AggregateType: note.AggregateType,
		ResourceType:  ResourceType,
		Events: []ports.EventType{
			{Name: note.EventCreated, Action: ports.ActionCreate},
			{Name: note.EventUpdated, Action: ports.ActionUpdate},
			{Name: note.EventDeleted, Action: ports.ActionDelete},
		},
		Identify: func(c ports.Change, data ports.Facts) ports.Identity {
			return ports.Identity{
				ID: strconv.FormatInt(c.AggregateID, 10), Key: c.Environment + "/" + data.Text("name"),
				Name:        data.Text("name"),
				Environment: c.Environment,
			}
		},
		Topic: ports.TopicSetting{Name: "KAFKA_TOPIC_NOTE_UPDATES", Default: "note-updates", Doc: "Topic of changed notes"},
		Schema: ports.MessageSchema{
			Name: "note", Title: "A change of a note", Description: "The value of a message in the topic of notes.",
			ResourceID: ports.DecimalID(), Environment: ports.EnvironmentName(),
			Data: []ports.Property{ports.Property{Type: "string", MinLength: 1}.Named("name")},
		},
		Actions:    []ports.ModuleAction{{Name: string(ReadNote), Reader: true}, {Name: string(WriteNote)}},
		ReadAction: string(ReadNote),
	}
}
