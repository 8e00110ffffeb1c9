package configapp

import (
	"strconv"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
)

// ResourceType is the name of configurations in the watch API and in messages.
const ResourceType = "configuration"

// Module describes the module.
func Module() ports.Module {
	return ports.Module{
		AggregateType: configuration.AggregateType,
		ResourceType:  ResourceType,
		Events: []ports.EventType{
			{Name: configuration.EventCreated, Action: ports.ActionCreate},
			{Name: configuration.EventUpdated, Action: ports.ActionUpdate},
			{Name: configuration.EventRolledBack, Action: ports.ActionUpdate, Revives: true},
			{Name: configuration.EventDeleted, Action: ports.ActionDelete},
		},
		Identify: identify,
		Topic: ports.TopicSetting{
			Name: "KAFKA_TOPIC_CONFIG_UPDATES", Default: "config-updates", Doc: "Topic of changed configurations",
		},
		Schema: schema(),
		Actions: []ports.ModuleAction{
			{Name: string(access.ReadConfiguration), Reader: true},
			{Name: string(access.WriteConfiguration), Editor: true},
			{Name: string(access.RevealConfiguration)},
			{Name: string(access.DeclassifyConfiguration)},
		},
		ReadAction: string(access.ReadConfiguration),
	}
}

func schema() ports.MessageSchema {
	return ports.MessageSchema{
		Name:  "configuration",
		Title: "A change of a configuration",
		Description: "The value of a message in the topic of configurations. " +
			"It never contains a value, its length or its hash.",
		ResourceID:  ports.DecimalID(),
		Environment: ports.EnvironmentName(),
		Data: []ports.Property{
			ports.Property{Type: "string", MinLength: 1}.Named("key"),
			ports.EnvironmentName().Named("environment"),
			ports.Property{Type: "string", MinLength: 1}.Named("service_name"),
			ports.Property{Type: "boolean"}.Named("is_encrypted"),
			ports.RevivedFact(),
		},
	}
}

func identify(c ports.Change, data ports.Facts) ports.Identity {
	return ports.Identity{
		ID:          strconv.FormatInt(c.AggregateID, 10),
		Key:         c.Environment + "/" + c.ServiceName + "/" + data.Text("key"),
		Name:        data.Text("key"),
		Environment: c.Environment,
	}
}
