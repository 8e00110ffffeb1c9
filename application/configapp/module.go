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
		Actions: []string{
			string(access.ReadConfiguration), string(access.WriteConfiguration),
			string(access.RevealConfiguration), string(access.DeclassifyConfiguration),
		},
		ReadAction: string(access.ReadConfiguration),
	}
}

func identify(c ports.Change, data ports.Facts) ports.Identity {
	return ports.Identity{
		ID:          strconv.FormatInt(c.AggregateID, 10),
		Key:         c.Environment + "/" + c.ServiceName + "/" + data.Text("key"),
		Environment: c.Environment,
	}
}
