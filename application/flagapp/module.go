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
		Actions:    []string{string(access.ReadFlag), string(access.EvaluateFlag), string(access.WriteFlag)},
		ReadAction: string(access.ReadFlag),
	}
}

func identify(c ports.Change, data ports.Facts) ports.Identity {
	return ports.Identity{
		ID:          strconv.FormatInt(c.AggregateID, 10),
		Key:         c.Environment + "/" + data.Text("name"),
		Environment: c.Environment,
	}
}
