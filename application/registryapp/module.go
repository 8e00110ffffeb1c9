package registryapp

import (
	"slices"
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
			{Name: registry.ServiceHealthChanged, Action: ports.ActionUpdate, Unaudited: true},
			{Name: registry.ServiceDeregistered, Action: ports.ActionDelete},
			{Name: registry.InstanceRegistered, Action: ports.ActionUpdate},
			{Name: registry.InstanceHealthChanged, Action: ports.ActionUpdate, Unaudited: true},
			{Name: registry.InstanceDrained, Action: ports.ActionUpdate},
			{Name: registry.InstanceDeregistered, Action: ports.ActionUpdate},
		},
		Identify:         identify,
		EveryEnvironment: true,
		Topic: ports.TopicSetting{
			Name: "KAFKA_TOPIC_SERVICE_REGISTRY_UPDATES", Default: "service-registry-updates",
			Doc: "Topic of changed services",
		},
		Schema: schema(),
		Actions: []ports.ModuleAction{
			{Name: string(access.ReadService), Reader: true},
			{Name: string(access.WriteService)},
			{Name: string(access.RenewLease)},
		},
		ReadAction: string(access.ReadService),
	}
}

func schema() ports.MessageSchema {
	statuses := []string{registry.Healthy.String(), registry.Unhealthy.String(), registry.StatusUnknown.String()}
	environment := ports.EnvironmentName()
	environment.Name = "environment"
	return ports.MessageSchema{
		Name:        "service",
		Title:       "A change of a service or of one of its instances",
		Description: "The value of a message in the topic of services. It contains no address and no metadata.",
		ResourceID:  ports.Property{Type: "string", MinLength: 1, Description: "The service's name."},
		Environment: ports.Property{
			Type: "string", MinLength: 1, MaxLength: 50,
			Description: "That of the instance; * for changes of the service itself, which may concern several.",
		},
		Data: []ports.Property{
			ports.Property{Type: "string", MinLength: 1, Description: "The service's name."}.Named("key"),
			ports.Property{Type: "string", MinLength: 1}.Named("service_name"),
			environment,
			{Name: "instance_id", Type: "string", MinLength: 1, MaxLength: 128},
			{
				Name: "status", Enum: append(slices.Clone(statuses), "passing", "warning", "critical"),
				Description: "The service's (healthy, unhealthy, unknown), or the observed state of the instance.",
			},
			{Name: "from", Enum: statuses, Description: "The service's status before."},
			{Name: "desired", Enum: []string{"up", "draining", "maintenance"}},
			{Name: "reason", Type: "string"},
			{
				Name: "mode", Enum: []string{"normal", "protected"},
				Description: "Whether self-preservation protects instances of data.environment from this change on.",
			},
		},
	}
}

// manyEnvironments is the environment of a change that may concern several: no
// environment has this name.
const manyEnvironments = "*"

// identify names the service. A change of an instance has the instance's environment, one
// of the service itself manyEnvironments.
func identify(c ports.Change, _ ports.Facts) ports.Identity {
	i := ports.Identity{ID: c.ServiceName, Key: c.ServiceName, Name: c.ServiceName, Environment: c.Environment}
	if strings.HasPrefix(c.EventType, registry.AggregateType+".") {
		i.Environment = manyEnvironments
	}
	return i
}
