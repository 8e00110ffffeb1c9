package relay

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/ports"
)

// The actions. Every change is one of them for who keeps a list of what exists.
const (
	ActionCreate = "create"
	ActionUpdate = "update"
	ActionDelete = "delete"
)

// The types of resource.
const (
	ResourceConfiguration = "configuration"
	ResourceFlag          = "feature_flag"
	ResourceService       = "service"
)

// aggregateTypes are those that this version knows.
func aggregateTypes() []string {
	return []string{configuration.AggregateType, flag.AggregateType, registry.AggregateType}
}

// Known reports whether this version knows an aggregate type. A newer replica may
// store changes of others.
func Known(aggregateType string) bool { return slices.Contains(aggregateTypes(), aggregateType) }

// Told is a change as others are told of it.
type Told struct {
	// Action is ActionCreate, ActionUpdate or ActionDelete of the resource; changes of
	// a service's health, leases and instances are updates of the service.
	Action string
	// ResourceType is ResourceConfiguration, ResourceFlag or ResourceService; of a
	// change that this version does not know its aggregate type.
	ResourceType string
	// ResourceID is the id in decimal, of a service its name.
	ResourceID string
	// Key names the resource among those of its type:
	// "<environment>/<service>/<key>", "<environment>/<name>" or "<service>"; of an
	// unknown type "<environment>/<service>/<id>".
	Key string
	// Environment is empty for what a service did; instances have their own.
	Environment string
	// Data is what is known beyond, by name: always "version", "revision" and
	// "event_type", and never a value, its length or its hash.
	Data map[string]any
}

// Tell returns a change as others are told of it. A change of an unknown type is told
// by what all changes have; data that is no JSON object is left out.
func Tell(c ports.Change) Told {
	var data map[string]any
	if json.Unmarshal(c.Data, &data) != nil || data == nil {
		data = map[string]any{}
	}
	data["version"], data["revision"], data["event_type"] = c.AggregateVersion, c.Revision, c.EventType
	t := Told{
		Action: actionOf(c, data), ResourceID: strconv.FormatInt(c.AggregateID, 10),
		Environment: c.Environment, Data: data,
	}
	switch c.AggregateType {
	case configuration.AggregateType:
		t.ResourceType = ResourceConfiguration
		t.Key = c.Environment + "/" + c.ServiceName + "/" + text(data["key"])
	case flag.AggregateType:
		t.ResourceType, t.Key = ResourceFlag, c.Environment+"/"+text(data["name"])
	case registry.AggregateType:
		t.ResourceType, t.ResourceID, t.Key = ResourceService, c.ServiceName, c.ServiceName
		if strings.HasPrefix(c.EventType, registry.AggregateType+".") {
			t.Environment = ""
		}
	default:
		t.ResourceType, t.Key = c.AggregateType, c.Environment+"/"+c.ServiceName+"/"+t.ResourceID
	}
	return t
}

// actionOf returns what has become of the resource. A rollback brings back what was
// deleted, or changes what lives.
func actionOf(c ports.Change, data map[string]any) string {
	switch c.EventType {
	case registry.ServiceRegistered:
		return ActionCreate
	case registry.ServiceDeregistered:
		return ActionDelete
	}
	_, what, _ := strings.Cut(c.EventType, ".")
	switch {
	case what == "created", what == "rolled_back" && data["revived"] == true:
		return ActionCreate
	case what == "deleted":
		return ActionDelete
	}
	return ActionUpdate
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
