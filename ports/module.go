package ports

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Module describes a module to the parts that treat all modules alike: the change
// feed, the relay, the watch API, the settings and the documentation.
type Module struct {
	// AggregateType identifies the module's changes (event.Envelope.AggregateType).
	AggregateType string
	// ResourceType is the name of its resources in the watch API and in messages.
	ResourceType string
	// Events is the catalogue of its event types.
	Events []EventType
	// Identify returns which resource a change of the module is about.
	Identify func(c Change, data Facts) Identity
	// EveryEnvironment says that its resources live in no environment: a watch of one
	// environment selects all of them.
	EveryEnvironment bool
	// Topic is where its changes are published.
	Topic TopicSetting
	// Schema describes its messages.
	Schema MessageSchema
	// Actions are what can be allowed on its resources (domain/access). ReadAction is the
	// one that showing a change of a resource requires.
	Actions    []ModuleAction
	ReadAction string
}

// ModuleAction is an action on a module's resources.
type ModuleAction struct {
	// Name is "<resource>.<verb>". Actions with the verb "read" change nothing.
	Name string
	// Reader says that every role that reads is allowed the action, Editor that the role
	// editor is. The roles admin and operator are.
	Reader, Editor bool
}

// TopicSetting is the setting that names a module's topic.
type TopicSetting struct {
	// Name is the environment variable's.
	Name string
	// Default is the topic where the setting is not given.
	Default string
	// Doc says in the documentation what is published to the topic.
	Doc string
}

// EventType is one type of event in a module's catalogue.
type EventType struct {
	Name string
	// Action is what an event of the type means for a list of the resources.
	Action ChangeAction
	// Unaudited says that the event is not in the audit log: it is a transition of health or
	// of a lease.
	Unaudited bool
	// Revives says that the event is ActionCreate where its data has "revived": true.
	Revives bool
}

// ChangeAction is what a change means for a list of the resources that exist.
type ChangeAction string

// The actions. Each change is one of them.
const (
	ActionCreate ChangeAction = "create"
	ActionUpdate ChangeAction = "update"
	ActionDelete ChangeAction = "delete"
)

// Identity identifies the resource of a change.
type Identity struct {
	// ID is unique among the resources of the type. Key is, too, and readable: it is the
	// key of messages.
	ID, Key string
	// Name is the name that grants for some names are decided on (domain/access).
	Name string
	// Environment is empty for what lives in none.
	Environment string
}

// Facts is the data of a change by name.
type Facts map[string]any

// Text returns a string, or "" where the fact is missing or no string.
func (f Facts) Text(name string) string {
	s, _ := f[name].(string)
	return s
}

// ChangeEvent is a change as it is delivered to watchers and published.
type ChangeEvent struct {
	Action ChangeAction
	// ResourceType is the module's; of an unknown aggregate type that type.
	ResourceType string
	Identity
	// Data always has "version", "revision" and "event_type", and never a value, its
	// length or its hash.
	Data Facts
}

// Modules are the modules of this version, ordered by aggregate type.
type Modules []Module

// NewModules returns modules in their order.
func NewModules(list ...Module) Modules {
	return slices.SortedFunc(slices.Values(list), func(a, b Module) int {
		return cmp.Compare(a.AggregateType, b.AggregateType)
	})
}

// Of returns the module of an aggregate type, or false for one that this version does
// not know. A newer replica may store changes of others.
func (m Modules) Of(aggregateType string) (Module, bool) {
	i := slices.IndexFunc(m, func(one Module) bool { return one.AggregateType == aggregateType })
	if i < 0 {
		return Module{}, false
	}
	return m[i], true
}

// Unaudited reports whether events of a type are left out of the audit log.
func (m Module) Unaudited(eventType string) bool {
	return slices.ContainsFunc(m.Events, func(e EventType) bool { return e.Name == eventType && e.Unaudited })
}

// OfResource returns the module of a resource type, or false.
func (m Modules) OfResource(resourceType string) (Module, bool) {
	i := slices.IndexFunc(m, func(one Module) bool { return one.ResourceType == resourceType })
	if i < 0 {
		return Module{}, false
	}
	return m[i], true
}

// Topics returns the settings of all modules' topics.
func (m Modules) Topics() []TopicSetting {
	list := make([]TopicSetting, len(m))
	for i, one := range m {
		list[i] = one.Topic
	}
	return list
}

// AggregateTypes returns those of all modules.
func (m Modules) AggregateTypes() []string {
	list := make([]string, len(m))
	for i, one := range m {
		list[i] = one.AggregateType
	}
	return list
}

// ResourceTypes returns those of all modules.
func (m Modules) ResourceTypes() []string {
	list := make([]string, len(m))
	for i, one := range m {
		list[i] = one.ResourceType
	}
	return list
}

// Event returns a change as it is delivered. A change of an unknown aggregate type has
// what all changes have; data that is no JSON object is left out.
func (m Modules) Event(c Change) ChangeEvent {
	var data Facts
	if json.Unmarshal(c.Data, &data) != nil || data == nil {
		data = Facts{}
	}
	data["version"], data["revision"], data["event_type"] = c.AggregateVersion, c.Revision, c.EventType
	module, known := m.Of(c.AggregateType)
	e := ChangeEvent{Action: module.action(c, data), Data: data, ResourceType: c.AggregateType}
	if known {
		e.ResourceType, e.Identity = module.ResourceType, module.Identify(c, data)
		return e
	}
	id := strconv.FormatInt(c.AggregateID, 10)
	e.Identity = Identity{ID: id, Key: c.Environment + "/" + c.ServiceName + "/" + id, Environment: c.Environment}
	return e
}

// action returns what a change means. An event type that is not in the catalogue, of a
// newer version, is understood by its name.
func (m Module) action(c Change, data Facts) ChangeAction {
	i := slices.IndexFunc(m.Events, func(e EventType) bool { return e.Name == c.EventType })
	if i >= 0 {
		if m.Events[i].Revives && data["revived"] == true {
			return ActionCreate
		}
		return m.Events[i].Action
	}
	_, verb, _ := strings.Cut(c.EventType, ".")
	switch {
	case verb == "created", verb == "rolled_back" && data["revived"] == true:
		return ActionCreate
	case verb == "deleted":
		return ActionDelete
	}
	return ActionUpdate
}
