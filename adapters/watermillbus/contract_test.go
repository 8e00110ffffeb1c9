package watermillbus_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/signalbox-hq/signalbox/adapters/watermillbus"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// timeout bounds what a test waits for.
const timeout = 30 * time.Second

func TestKafkaInProcess(t *testing.T) {
	t.Parallel()
	contract.Publisher(t, func(t *testing.T) contract.Broker { return kafka(t, harness.FakeKafka(t).ListenAddrs()) }, nil)
}

func TestKafka(t *testing.T) {
	t.Parallel()
	brokers := harness.Kafka(t)
	contract.Publisher(t, func(t *testing.T) contract.Broker { return kafka(t, brokers) }, nil)
}

func TestCompression(t *testing.T) {
	t.Parallel()
	brokers := harness.FakeKafka(t).ListenAddrs()
	// The codecs are those of the attributes of Kafka's record batches.
	for codec, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var compression watermillbus.Compression
			require.NoError(t, compression.UnmarshalText([]byte(name)))
			topic := "compressed-" + name
			bus := watermillbus.OpenKafka(watermillbus.KafkaOptions{
				Brokers: brokers, Topics: []string{topic}, Create: true, Partitions: 1, Replication: 1, Lanes: 1,
				Compression: compression,
			})
			t.Cleanup(func() { assert.NoError(t, bus.Close(context.Background())) })
			body := bytes.Repeat([]byte("body "), 100)
			require.NoError(t, bus.Publish(t.Context(), []ports.Message{{Topic: topic, Key: "k", Body: body}})[0])
			harness.Consume(t, brokers, []string{topic}, func(records []*kgo.Record) bool {
				if len(records) == 0 {
					return false
				}
				assert.Equal(t, body, records[0].Value)
				assert.Equal(t, codec, int(records[0].Attrs.CompressionType()))
				return true
			})
		})
	}
	require.Error(t, new(watermillbus.Compression).UnmarshalText([]byte("brotli")))
}

func TestTopicsAreMade(t *testing.T) {
	t.Parallel()
	brokers := harness.FakeKafka(t).ListenAddrs()
	bus := watermillbus.OpenKafka(watermillbus.KafkaOptions{
		Brokers: brokers, Topics: []string{"one", "other"}, Create: true, Partitions: 3, Replication: 1, Lanes: 2,
	})
	t.Cleanup(func() { assert.NoError(t, bus.Close(context.Background())) })
	for _, topic := range []string{"one", "other"} {
		require.NoError(t, bus.Publish(t.Context(), []ports.Message{{Topic: topic, Key: "k"}})[0])
		assert.Len(t, consume(t, brokers, topic, 1), 1)
	}
}

// TestForbiddenTopic has a topic that exists and may not be written to.
func TestForbiddenTopic(t *testing.T) {
	t.Parallel()
	cluster := harness.FakeKafka(t, kfake.SeedTopics(1, "forbidden", "allowed"))
	cluster.ControlKey(kmsg.Produce.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if produced := request.(*kmsg.ProduceRequest); produced.Topics[0].Topic == "forbidden" {
			return refusal(produced, kerr.TopicAuthorizationFailed.Code), nil, true
		}
		return nil, nil, false
	})
	bus := watermillbus.OpenKafka(watermillbus.KafkaOptions{
		Brokers: cluster.ListenAddrs(), Topics: []string{"forbidden", "allowed"}, Lanes: 1,
	})
	t.Cleanup(func() { assert.NoError(t, bus.Close(context.Background())) })
	outcomes := bus.Publish(t.Context(), []ports.Message{
		{Topic: "forbidden", Key: "a"}, {Topic: "allowed", Key: "a"}, {Topic: "forbidden", Key: "b"},
	})
	for _, i := range []int{0, 2} {
		var refused ports.TopicError
		require.ErrorAs(t, outcomes[i], &refused)
		assert.Equal(t, "forbidden", refused.Topic)
	}
	require.NoError(t, outcomes[1])
}

func TestLocal(t *testing.T) {
	t.Parallel()
	contract.Publisher(t, local, contract.Without{
		"a message that is too large is refused, with those after it of its key, and no others": "memory has no limit",
		"a missing topic fails its own messages only, until it exists":                          "topics are made by naming them",
	})
}

func kafka(t *testing.T, brokers []string) contract.Broker {
	t.Helper()
	topic := "test-" + uuid.NewString()
	harness.CreateTopic(t, brokers, topic)
	missing := "missing-" + topic
	bus := watermillbus.OpenKafka(watermillbus.KafkaOptions{
		Brokers: brokers, Topics: []string{topic, missing}, Lanes: 4,
	})
	t.Cleanup(func() { assert.NoError(t, bus.Close(context.Background())) })
	return contract.Broker{
		Publisher: bus, Topic: topic, MissingTopic: missing,
		Create:   func(t *testing.T) { t.Helper(); harness.CreateTopic(t, brokers, missing) },
		Received: func(t *testing.T, n int) []ports.Message { return consume(t, brokers, topic, n) },
	}
}

// consume reads the first n messages of a topic with another client library.
func consume(t *testing.T, brokers []string, topic string, n int) []ports.Message {
	t.Helper()
	records := harness.Consume(t, brokers, []string{topic}, func(r []*kgo.Record) bool { return len(r) >= n })
	list := make([]ports.Message, len(records))
	for i, r := range records {
		list[i] = ports.Message{Topic: r.Topic, Key: string(r.Key), Body: r.Value}
		for _, h := range r.Headers {
			if list[i].Headers == nil {
				list[i].Headers = map[string]string{}
			}
			list[i].Headers[h.Key] = string(h.Value)
		}
	}
	return list
}

func local(t *testing.T) contract.Broker {
	t.Helper()
	bus := watermillbus.OpenLocal()
	t.Cleanup(func() { assert.NoError(t, bus.Close(context.Background())) })
	incoming, err := bus.Subscribe(t.Context(), "topic")
	require.NoError(t, err)
	var (
		mu   sync.Mutex
		list []ports.Message
	)
	arrived := make(chan struct{}, 1000)
	go func() {
		for m := range incoming {
			mu.Lock()
			if len(m.Headers) == 0 {
				m.Headers = nil
			}
			list = append(list, m)
			mu.Unlock()
			arrived <- struct{}{}
		}
	}()
	return contract.Broker{
		Publisher: bus, Topic: "topic",
		Received: func(t *testing.T, n int) []ports.Message {
			deadline := time.After(timeout)
			for range n {
				select {
				case <-arrived:
				case <-deadline:
					t.Fatalf("fewer than %d messages arrived", n)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			return list[:n]
		},
	}
}
