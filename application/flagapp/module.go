package flagapp

import (
	"strconv"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/ports"
)

// ResourceType is the name of flags in the watch API and in messages.
const ResourceType = "feature_flag"

// Module describes the module.
func Module() ports.Module {
	return ports.Module{
		AggregateType: flag.AggregateType,
		ResourceType:  ResourceType,
		Events: []ports.EventType{
			{Name: flag.EventCreated, Action: ports.ActionCreate},
			{Name: flag.EventUpdated, Action: ports.ActionUpdate},
			{Name: flag.EventRolledBack, Action: ports.ActionUpdate, Revives: true},
			{Name: flag.EventDeleted, Action: ports.ActionDelete},
		},
		Identify: identify,
		Topic: ports.TopicSetting{
			Name: "KAFKA_TOPIC_FEATURE_FLAG_UPDATES", Default: "feature-flag-updates", Doc: "Topic of changed flags",
		},
		Schema: schema(),
		Actions: []ports.ModuleAction{
			{Name: string(access.ReadFlag), Reader: true},
			{Name: string(access.EvaluateFlag), Reader: true},
			{Name: string(access.WriteFlag), Editor: true},
		},
		ReadAction: string(access.ReadFlag),
	}
}

func schema() ports.MessageSchema {
	return ports.MessageSchema{
		Name:        "feature-flag",
		Title:       "A change of a feature flag",
		Description: "The value of a message in the topic of flags.",
		ResourceID:  ports.DecimalID(),
		Environment: ports.EnvironmentName(),
		Data: []ports.Property{
			ports.Property{Type: "string", MinLength: 1, Description: "The name."}.Named("key"),
			ports.Property{Type: "string", MinLength: 1}.Named("name"),
			ports.EnvironmentName().Named("environment"),
			ports.Property{Type: "boolean"}.Named("is_enabled"),
			ports.RevivedFact(),
		},
	}
}

func identify(c ports.Change, data ports.Facts) ports.Identity {
	return ports.Identity{
		ID:          strconv.FormatInt(c.AggregateID, 10),
		Key:         c.Environment + "/" + data.Text("name"),
		Name:        data.Text("name"),
		Environment: c.Environment,
	}
}
