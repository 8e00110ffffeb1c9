package registryapp

import (
	"strings"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/ports"
)

// ResourceType is the name of services in the watch API and in messages.
const ResourceType = "service"

// Module describes the module. Changes of a service's health, leases and instances are
// updates of the service.
func Module() ports.Module {
	return ports.Module{
		AggregateType: registry.AggregateType,
		ResourceType:  ResourceType,
		Events: []ports.EventType{
			{Name: registry.ServiceRegistered, Action: ports.ActionCreate},
			{Name: registry.ServiceUpdated, Action: ports.ActionUpdate},
			{Name: registry.ServiceHealthChanged, Action: ports.ActionUpdate},
			{Name: registry.ServiceDeregistered, Action: ports.ActionDelete},
			{Name: registry.InstanceRegistered, Action: ports.ActionUpdate},
			{Name: registry.InstanceHealthChanged, Action: ports.ActionUpdate},
			{Name: registry.InstanceDrained, Action: ports.ActionUpdate},
			{Name: registry.InstanceDeregistered, Action: ports.ActionUpdate},
		},
		Identify:         identify,
		EveryEnvironment: true,
		Topic: ports.TopicSetting{
			Name: "KAFKA_TOPIC_SERVICE_REGISTRY_UPDATES", Default: "service-registry-updates",
			Doc: "Topic of changed services",
		},
		Actions:    []string{string(access.ReadService), string(access.WriteService)},
		ReadAction: string(access.ReadService),
	}
}

// identify names the service. An instance has an environment, a service has none.
func identify(c ports.Change, _ ports.Facts) ports.Identity {
	i := ports.Identity{ID: c.ServiceName, Key: c.ServiceName, Environment: c.Environment}
	if strings.HasPrefix(c.EventType, registry.AggregateType+".") {
		i.Environment = ""
	}
	return i
}
