package changefeed

import (
	"sync/atomic"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Notification is a change as watchers receive it. It does not change.
type Notification struct {
	ports.Change
	Event ports.ChangeEvent

	// resource and readAction are what showing the change requires; the action is empty
	// where the aggregate type is unknown.
	resource   access.Resource
	readAction access.Action
	// everyEnvironment is the module's.
	everyEnvironment bool
	encoded          atomic.Pointer[[]byte]
}

// notifications returns changes as watchers receive them.
func (t *Tailer) notifications(changes []ports.Change) []*Notification {
	list := make([]*Notification, len(changes))
	for i, c := range changes {
		n := &Notification{Change: c, Event: t.modules.Event(c)}
		module, _ := t.modules.Of(c.AggregateType)
		n.readAction, n.everyEnvironment = access.Action(module.ReadAction), module.EveryEnvironment
		// Stored names are not rejected for breaking a rule.
		n.resource.Environment, _ = scope.ParseEnvironment(n.Event.Environment)
		n.resource.Service, _ = scope.ParseServiceName(c.ServiceName)
		n.resource.Name = n.Event.Name
		list[i] = n
	}
	return list
}

// Encoded returns what encode makes of the notification. It is made once and shared by
// all watchers: all callers pass the same function.
func (n *Notification) Encoded(encode func(*Notification) []byte) []byte {
	if made := n.encoded.Load(); made != nil {
		return *made
	}
	made := encode(n)
	n.encoded.Store(&made)
	return made
}

// readableBy reports whether a caller may be shown the change. The action that an
// unknown aggregate type requires is unknown, so all actions are required.
func (n *Notification) readableBy(caller access.Caller) bool {
	if n.readAction == "" {
		return caller.MayAll(n.resource)
	}
	return caller.Has(n.readAction, n.resource)
}
