package relay_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// received is the value of a message.
type received struct {
	Action       string         `json:"action"`
	ResourceType string         `json:"resource_type"`
	ResourceID   string         `json:"resource_id"`
	Data         map[string]any `json:"data"`
	Timestamp    string         `json:"timestamp"`
	Environment  string         `json:"environment"`
}

// published returns the messages of events of the aggregate with id 7, each checked
// against its schema, and their values.
func published(t *testing.T, pending []event.Event) ([]ports.Message, []received) {
	t.Helper()
	feed := fixture.NewFeed(func() (list []fixture.Published) {
		for _, e := range pending {
			list = append(list, fixture.Published{AggregateID: 7, Envelope: e.Envelope()})
		}
		return list
	})
	h := setup(t)
	h.feed = feed
	h.relay = h.another(h.broker)
	_, err := h.feed.Sequence(t.Context(), 1000)
	require.NoError(t, err)
	h.drain()
	messages := h.broker.Messages()
	require.Len(t, messages, len(pending))
	said := make([]received, len(messages))
	for i, m := range messages {
		require.NoError(t, json.Unmarshal(m.Body, &said[i]))
		assert.NotEmpty(t, said[i].Data["key"], "%s", m.Body)
		conforms(t, m)
	}
	return messages, said
}

// conforms checks a message against the schema of its topic.
func conforms(t *testing.T, m ports.Message) {
	t.Helper()
	name := map[string]string{"configurations": "configuration", "flags": "feature-flag", "services": "service"}[m.Topic]
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "docs", "events", name+".schema.json"))
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(m.Body))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(value), "%s", m.Body)
}

// summary returns action and event type of each.
func summary(said []received) []string {
	var list []string
	for _, r := range said {
		list = append(list, r.Action+" "+r.Data["event_type"].(string))
	}
	return list
}

func TestConfigurationMessages(t *testing.T) {
	t.Parallel()
	const value = "a value that is never published"
	c := fixture.Configuration(t, fixture.Key("a/b"), fixture.Holding(fixture.Plain(t, value)))
	first := c.Unsaved().Entries[0]
	_, err := c.Update(fixture.Draft(t, value+"!"), fixture.Stamp())
	require.NoError(t, err)
	_, err = c.RollBack(first, fixture.Stamp())
	require.NoError(t, err)
	require.NoError(t, c.Delete(fixture.Stamp()))
	_, err = c.RollBack(first, fixture.Stamp())
	require.NoError(t, err)
	messages, said := published(t, c.PendingEvents())
	assert.Equal(t, []string{
		"create configuration.created", "update configuration.updated", "update configuration.rolled_back",
		"delete configuration.deleted", "create configuration.rolled_back",
	}, summary(said))
	assert.Equal(t, received{
		Action: "create", ResourceType: "configuration", ResourceID: "7", Environment: "production",
		Timestamp: "2026-11-23T12:00:00.000000Z",
		Data: map[string]any{
			"version": 1.0, "revision": 1.0, "event_type": configuration.EventCreated, "key": "a/b",
			"environment": "production", "service_name": "shop", "is_encrypted": false,
		},
	}, said[0])
	for i, m := range messages {
		assert.Equal(t, "production/shop/a/b", m.Key)
		assert.InDelta(t, i+1, said[i].Data["version"], 0)
		for _, text := range append([]string{string(m.Body)}, headers(m)...) {
			assert.NotContains(t, text, value)
			assert.NotContains(t, text, "27", "the length of the value")
		}
	}
}

func headers(m ports.Message) []string {
	var list []string
	for name, value := range m.Headers {
		list = append(list, name+"="+value)
	}
	return list
}

func TestFlagMessages(t *testing.T) {
	t.Parallel()
	f := fixture.Flag(t, `{}`)
	first := f.Unsaved().Entries[0]
	_, err := f.Update(fixture.FlagChange(t, `{"is_enabled":true}`), fixture.Stamp())
	require.NoError(t, err)
	require.NoError(t, f.Delete(fixture.Stamp()))
	_, err = f.RollBack(first, fixture.Stamp())
	require.NoError(t, err)
	messages, said := published(t, f.PendingEvents())
	assert.Equal(t, []string{
		"create flag.created", "update flag.updated", "delete flag.deleted", "create flag.rolled_back",
	}, summary(said))
	assert.Equal(t, "production/checkout", messages[0].Key)
	assert.Equal(t, "flags", messages[0].Topic)
	assert.Equal(t, flag.AggregateType+".updated", messages[1].Headers["ce_type"])
	assert.Equal(t, "7", said[0].ResourceID)
}

func TestServiceMessages(t *testing.T) {
	t.Parallel()
	s := registry.New(fixture.ServiceName(t, "shop"))
	for _, id := range []string{"a", "b"} {
		_, err := s.Register(fixture.Registration(t, id), fixture.Stamp())
		require.NoError(t, err)
	}
	require.NoError(t, s.Report(fixture.Ref(t, "a"), health.Passing, fixture.Stamp()))
	s.Protect(fixture.Production(t), true, fixture.Stamp())
	require.NoError(t, s.DeregisterInstance(fixture.Ref(t, "a"), fixture.Stamp()))
	require.NoError(t, s.Deregister(fixture.Stamp()))
	messages, said := published(t, s.PendingEvents())
	seen := map[string]bool{}
	for i, r := range said {
		assert.Equal(t, "shop", messages[i].Key)
		assert.Equal(t, "shop", r.ResourceID)
		kind := r.Data["event_type"].(string)
		seen[r.Action+" "+kind] = true
		if strings.HasPrefix(kind, "instance.") {
			assert.Equal(t, "production", r.Environment)
			assert.NotEmpty(t, r.Data["instance_id"])
		} else {
			assert.Equal(t, "*", r.Environment, kind)
		}
	}
	for _, want := range []string{
		"create service.registered", "update instance.registered", "update service.health_changed",
		"update instance.deregistered", "delete service.deregistered",
	} {
		assert.True(t, seen[want], "%s among %v", want, seen)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	h := setup(t)
	traced := fixture.UpdatedConfiguration(3, 9)
	traced.TraceParent = trace
	h.put(traced, fixture.UpdatedConfiguration(3, 10))
	h.drain()
	first, second := h.broker.Messages()[0].Headers, h.broker.Messages()[1].Headers
	assert.Equal(t, map[string]string{
		"content-type": "application/json", "ce_specversion": "1.0", "ce_id": "3.9", "ce_source": "/signalbox/test",
		"ce_type": "configuration.updated", "ce_time": "2026-11-23T12:00:00.000000Z",
		"ce_subject": "configuration/production/shop/k3", "ce_sequence": "00000000000000000001",
		"ce_partitionkey": "production/shop/k3", "ce_epoch": "0000000000000001", "traceparent": trace,
	}, first)
	assert.NotContains(t, second, "traceparent")
	for name := range first {
		assert.Regexp(t, `^(ce_[a-z0-9]{1,20}|content-type|traceparent)$`, name)
	}
}

func TestTimesAreUTC(t *testing.T) {
	t.Parallel()
	stamp := scope.Stamp{At: time.Date(2026, 11, 23, 14, 0, 0, 1000, time.FixedZone("", 2*60*60))}
	_, said := published(t, fixture.Configuration(t, fixture.Stamped(stamp)).PendingEvents())
	assert.Equal(t, "2026-11-23T12:00:00.000001Z", said[0].Timestamp)
}
