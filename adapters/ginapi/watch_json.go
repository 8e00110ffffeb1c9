package ginapi

import (
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// changesJSON is the answer to a long poll.
type changesJSON struct {
	Epoch    string       `json:"epoch" doc:"Names the history that revisions belong to"`
	Revision int64        `json:"revision" doc:"How far the answer goes: ask for what follows it"`
	Changes  []changeJSON `json:"changes" nullable:"false" doc:"In the order of their revisions"`
}

// changeJSON is a change.
type changeJSON struct {
	Revision         int64          `json:"revision" doc:"Its place among all changes of the epoch"`
	EventType        string         `json:"event_type" doc:"Such as configuration.rolled_back"`
	Action           string         `json:"action" enum:"create,update,delete"`
	ResourceType     string         `json:"resource_type" doc:"Such as configuration, feature_flag or service"`
	ResourceID       string         `json:"resource_id" doc:"The id in decimal, of a service its name"`
	AggregateVersion int64          `json:"aggregate_version" doc:"The version that the change made"`
	Data             map[string]any `json:"data" doc:"What else is known of it; never a value"`
	Environment      string         `json:"environment" doc:"Empty for what a service did"`
	Actor            string         `json:"actor" doc:"The name of the key"`
	OccurredAt       string         `json:"occurred_at" format:"date-time"`
}

// toldNotice is a notice ready to be sent.
type toldNotice struct {
	json []byte
	// frame is it as an event of a stream, but for its id.
	frame    []byte
	resource access.Resource
}

// told returns a notice ready to be sent; it is made once.
func told(n *relay.Notice) *toldNotice {
	if made, ok := n.Prepared.Load().(*toldNotice); ok {
		return made
	}
	text, err := json.Marshal(changeJSON{
		Revision: n.Revision, EventType: n.EventType, Action: n.Told.Action, ResourceType: n.Told.ResourceType,
		ResourceID: n.Told.ResourceID, AggregateVersion: n.AggregateVersion, Data: n.Told.Data,
		Environment: n.Told.Environment, Actor: n.Actor.String(), OccurredAt: stamp(n.OccurredAt),
	}, json.Deterministic(true))
	if err != nil {
		panic("ginapi: a change that is no JSON: " + err.Error())
	}
	made := &toldNotice{json: text, frame: append(append([]byte("event: change\ndata: "), text...), "\n\n"...)}
	// What was stored is not refused for its names.
	made.resource.Environment, _ = scope.ParseEnvironment(n.Environment)
	made.resource.Service, _ = scope.ParseServiceName(n.ServiceName)
	n.Prepared.Store(made)
	return made
}

func resourceOf(n *relay.Notice) access.Resource { return told(n).resource }

// appendChanges writes the answer to a long poll.
func appendChanges(to []byte, epoch string, revision int64, list []*relay.Notice) []byte {
	to = append(append(to, `{"epoch":"`...), epoch...)
	to = strconv.AppendInt(append(to, `","revision":`...), revision, 10)
	to = append(to, `,"changes":[`...)
	for i, n := range list {
		if i > 0 {
			to = append(to, ',')
		}
		to = append(to, told(n).json...)
	}
	return append(to, "]}"...)
}
