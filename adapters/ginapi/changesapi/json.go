package changesapi

import (
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/changefeed"
)

// changesJSON is the answer to a long poll.
type changesJSON struct {
	Epoch    string       `json:"epoch" doc:"Identifies the history that the revisions belong to"`
	Revision int64        `json:"revision" doc:"The revision that was reached; the next request continues there"`
	Changes  []changeJSON `json:"changes" nullable:"false" doc:"In the order of their revisions"`
}

// changeJSON is a change.
type changeJSON struct {
	Revision         int64          `json:"revision" doc:"Its position among all changes of the epoch"`
	EventType        string         `json:"event_type" doc:"Such as configuration.rolled_back"`
	Action           string         `json:"action" enum:"create,update,delete"`
	ResourceType     string         `json:"resource_type" doc:"Such as configuration, feature_flag or service"`
	ResourceID       string         `json:"resource_id" doc:"The id in decimal, of a service its name"`
	AggregateVersion int64          `json:"aggregate_version" doc:"The version that the change made"`
	Data             map[string]any `json:"data" doc:"Further facts; never a value"`
	Environment      string         `json:"environment" doc:"The environment; of a service itself *"`
	Actor            string         `json:"actor" doc:"The name of the key"`
	OccurredAt       string         `json:"occurred_at" format:"date-time"`
}

// The fields of a change's event around its data.
const (
	changePrefix = "event: change\ndata: "
	changeSuffix = "\n\n"
)

// changeFrame returns a change as an event of a stream, but for its id.
func changeFrame(n *changefeed.Notification) []byte { return n.Encoded(encodeChange) }

// changeText returns a change as JSON.
func changeText(n *changefeed.Notification) []byte {
	frame := changeFrame(n)
	return frame[len(changePrefix) : len(frame)-len(changeSuffix)]
}

func encodeChange(n *changefeed.Notification) []byte {
	text, err := json.Marshal(changeJSON{
		Revision: n.Revision, EventType: n.EventType, Action: string(n.Event.Action),
		ResourceType: n.Event.ResourceType,
		ResourceID:   n.Event.ID, AggregateVersion: n.AggregateVersion, Data: n.Event.Data,
		Environment: n.Event.Environment, Actor: n.Actor.String(), OccurredAt: rest.Time(n.OccurredAt),
	}, json.Deterministic(true))
	if err != nil {
		panic("changesapi: a change that is no JSON: " + err.Error())
	}
	return append(append([]byte(changePrefix), text...), changeSuffix...)
}

// appendChanges writes the answer to a long poll.
func appendChanges(to []byte, epoch string, revision int64, list []*changefeed.Notification) []byte {
	to = append(append(to, `{"epoch":"`...), epoch...)
	to = strconv.AppendInt(append(to, `","revision":`...), revision, 10)
	to = append(to, `,"changes":[`...)
	for i, n := range list {
		if i > 0 {
			to = append(to, ',')
		}
		to = append(to, changeText(n)...)
	}
	return append(to, "]}"...)
}
