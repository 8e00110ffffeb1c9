package e2etest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/signalbox-hq/signalbox/test/harness"
)

// Kafka has topics for one service.
type Kafka struct {
	Brokers []string
	// Configurations, Flags and Services are topics.
	Configurations, Flags, Services string
}

// Kafkas returns the brokers that tests run on, by name.
func Kafkas() map[string]func(*testing.T) Kafka {
	return map[string]func(*testing.T) Kafka{
		"in process": func(t *testing.T) Kafka {
			t.Helper()
			return NewKafka(harness.FakeKafka(t).ListenAddrs())
		},
		"Kafka": func(t *testing.T) Kafka {
			t.Helper()
			return NewKafka(harness.Kafka(t))
		},
	}
}

// NewKafka returns new topics on brokers.
func NewKafka(brokers []string) Kafka {
	suffix := uuid.NewString()
	return Kafka{Brokers: brokers, Configurations: "config-" + suffix, Flags: "flag-" + suffix, Services: "service-" + suffix}
}

// Topics returns all topics.
func (k Kafka) Topics() []string { return []string{k.Configurations, k.Flags, k.Services} }

// Environ returns the settings of a service that publishes to the topics.
func (k Kafka) Environ() []string {
	return []string{
		"KAFKA_BOOTSTRAP_SERVERS=" + strings.Join(k.Brokers, ","), "KAFKA_TOPIC_CONFIG_UPDATES=" + k.Configurations,
		"KAFKA_TOPIC_FEATURE_FLAG_UPDATES=" + k.Flags, "KAFKA_TOPIC_SERVICE_REGISTRY_UPDATES=" + k.Services,
	}
}

// Admin returns a client that administers the brokers.
func (k Kafka) Admin(t *testing.T) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers...))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// Message is a decoded message.
type Message struct {
	Action       string `json:"action"`
	ResourceType string `json:"resource_type"`
	ResourceID   string `json:"resource_id"`
	Data         struct {
		EventType string `json:"event_type"`
		Version   int64  `json:"version"`
		Revision  int64  `json:"revision"`
	} `json:"data"`
	Environment string `json:"environment"`
	Key         string
	Headers     map[string]string
}

// AwaitMessages waits for the messages up to a revision and returns them in the order of
// revisions. Messages may have been delivered twice.
func (k Kafka) AwaitMessages(t *testing.T, revision int64) []Message {
	t.Helper()
	byRevision := map[int64]Message{}
	done := 0
	harness.Consume(t, k.Brokers, k.Topics(), func(records []*kgo.Record) bool {
		for _, r := range records[done:] {
			m := Message{Key: string(r.Key), Headers: map[string]string{}}
			require.NoError(t, json.Unmarshal(r.Value, &m))
			for _, h := range r.Headers {
				m.Headers[h.Key] = string(h.Value)
			}
			byRevision[m.Data.Revision] = m
		}
		done = len(records)
		return int64(len(byRevision)) >= revision
	})
	list := make([]Message, revision)
	for i := range list {
		list[i] = byRevision[int64(i+1)]
	}
	return list
}
