package harness

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// howToProvideKafka is the reason of a skip.
const howToProvideKafka = "no Kafka: set TEST_KAFKA_BROKERS to host:port of one on which tests may create topics"

// consumeTimeout bounds how long a test waits for messages.
const consumeTimeout = 60 * time.Second

// Kafka returns the brokers of a real Kafka, shared by all tests.
func Kafka(tb testing.TB) []string {
	tb.Helper()
	brokers := os.Getenv("TEST_KAFKA_BROKERS")
	if brokers == "" {
		Skip(tb, howToProvideKafka)
	}
	return strings.Split(brokers, ",")
}

// FakeKafka runs a broker that speaks Kafka's protocol in this process until the test
// ends.
func FakeKafka(tb testing.TB, options ...kfake.Opt) *kfake.Cluster {
	tb.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, options...)...)
	require.NoError(tb, err)
	tb.Cleanup(cluster.Close)
	return cluster
}

// CreateTopic creates a topic of three partitions.
func CreateTopic(tb testing.TB, brokers []string, name string) {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	require.NoError(tb, err)
	defer client.Close()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 3, 1
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics, request.TimeoutMillis = []kmsg.CreateTopicsRequestTopic{topic}, 10_000
	ctx, cancel := context.WithTimeout(tb.Context(), consumeTimeout)
	defer cancel()
	response, err := request.RequestWith(ctx, client)
	require.NoError(tb, err)
	require.NoError(tb, kerr.ErrorForCode(response.Topics[0].ErrorCode))
}

// Consume returns the messages of topics from their beginning, until enough returns true.
// Messages of one key are in the order of their arrival. Options are those of the connections.
func Consume(
	tb testing.TB, brokers, topics []string, enough func([]*kgo.Record) bool, options ...kgo.Opt,
) []*kgo.Record {
	tb.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topics...))...)
	require.NoError(tb, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(tb.Context(), consumeTimeout)
	defer cancel()
	var list []*kgo.Record
	for !enough(list) {
		fetched := client.PollFetches(ctx)
		require.NoError(tb, fetched.Err0(), "after %d messages", len(list))
		fetched.EachRecord(func(r *kgo.Record) { list = append(list, r) })
	}
	return list
}
