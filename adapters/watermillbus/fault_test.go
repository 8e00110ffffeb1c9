package watermillbus_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
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
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// chaos decides by a seed what goes wrong.
type chaos struct {
	mu   sync.Mutex
	dice *rand.Rand
	// over ends it.
	over bool
	// counts is how often each thing went wrong.
	counts map[string]int
}

func newChaos(t *testing.T) *chaos {
	t.Helper()
	return &chaos{dice: harness.Rand(t), counts: map[string]int{}}
}

// strikes reports whether that goes wrong now: once in so many times.
func (c *chaos) strikes(what string, once int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || c.dice.IntN(once) > 0 {
		return false
	}
	c.counts[what]++
	return true
}

func (c *chaos) end() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	return c.counts
}

// losingConn loses answers: it ends where one is due.
type losingConn struct {
	net.Conn

	chaos *chaos
}

func (c losingConn) Write(b []byte) (int, error) {
	if c.chaos.strikes("lost answer", 200) {
		_ = c.Close()
		return len(b), nil
	}
	return c.Conn.Write(b)
}

type losingListener struct {
	net.Listener

	chaos *chaos
}

func (l losingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return losingConn{Conn: conn, chaos: l.chaos}, err
}

// troubled is a cluster that loses answers, refuses for lack of replicas, and moves
// its leaders.
func troubled(t *testing.T, c *chaos, topic string) *kfake.Cluster {
	t.Helper()
	cluster := harness.FakeKafka(t, kfake.NumBrokers(3), kfake.SeedTopics(6, topic),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			listener, err := new(net.ListenConfig).Listen(t.Context(), network, address)
			return losingListener{Listener: listener, chaos: c}, err
		}))
	cluster.ControlKey(kmsg.Produce.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if c.strikes("moved leader", 100) {
			assert.NoError(t, cluster.MoveTopicPartition(topic, int32(c.roll(6)), int32(c.roll(3))))
		}
		if !c.strikes("too few replicas", 60) {
			return nil, nil, false
		}
		return refusal(request.(*kmsg.ProduceRequest), kerr.NotEnoughReplicas.Code), nil, true
	})
	return cluster
}

func (c *chaos) roll(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dice.IntN(n)
}

func refusal(request *kmsg.ProduceRequest, code int16) kmsg.Response {
	response := request.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range request.Topics {
		answered := kmsg.NewProduceResponseTopic()
		answered.Topic, answered.TopicID = topic.Topic, topic.TopicID
		for _, p := range topic.Partitions {
			part := kmsg.NewProduceResponseTopicPartition()
			part.Partition, part.ErrorCode = p.Partition, code
			answered.Partitions = append(answered.Partitions, part)
		}
		response.Topics = append(response.Topics, answered)
	}
	return response
}

// TestTroubledKafka publishes through faults: nothing is missing, and of no key does
// a later version come for the first time before an earlier one.
func TestTroubledKafka(t *testing.T) {
	t.Parallel()
	const aggregates, versions = 40, 25
	c, topic := newChaos(t), "troubled-"+uuid.NewString()
	cluster := troubled(t, c, topic)
	bus := watermillbus.OpenKafka(watermillbus.KafkaOptions{
		Brokers: cluster.ListenAddrs(), Topics: []string{topic}, Lanes: 8,
	})
	t.Cleanup(func() { _ = bus.Close(context.Background()) })
	feed := fixture.NewFeed()
	for v := range int64(versions) {
		for id := range int64(aggregates) {
			feed.Put(ports.Change{
				EventID: fmt.Sprintf("%d.%d", id, v+1), EventType: "configuration.updated", AggregateType: "configuration",
				AggregateID: id, AggregateVersion: v + 1, Environment: "production", ServiceName: "shop",
				Data: fmt.Appendf(nil, `{"key":"k%d"}`, id), OccurredAt: fixture.Noon(),
			})
		}
	}
	_, err := feed.Sequence(t.Context(), aggregates*versions)
	require.NoError(t, err)
	service := relay.New(relay.Dependencies{
		Feed: feed, Deliveries: feed, Publisher: bus, Clock: fixture.NewClock(), Stopwatch: fixture.NewStopwatch(), Modules: fixture.Modules(), Topics: map[string]string{"configuration": topic},
	})
	failures := 0
	for began := time.Now(); ; {
		n, err := service.Drain(t.Context())
		if err != nil {
			failures++
		} else if n == 0 {
			break
		}
		require.Less(t, time.Since(began), 2*time.Minute)
	}
	at, err := feed.Delivered(t.Context())
	require.NoError(t, err)
	require.False(t, at.HasParked, "none of that is permanent")
	counts := c.end()
	last, copies := map[string]int64{}, 0
	harness.Consume(t, cluster.ListenAddrs(), []string{topic}, func(records []*kgo.Record) bool {
		clear(last)
		copies = len(records)
		for _, r := range records {
			version := versionOf(t, r)
			require.LessOrEqual(t, version, last[string(r.Key)]+1, "of %s", r.Key)
			last[string(r.Key)] = max(version, last[string(r.Key)])
		}
		return len(last) == aggregates && least(last) == versions
	})
	t.Logf("%v; %d steps failed; %d messages for %d changes", counts, failures, copies, aggregates*versions)
}

func versionOf(t *testing.T, r *kgo.Record) int64 {
	t.Helper()
	for _, h := range r.Headers {
		if h.Key == "ce_id" {
			var id, version int64
			_, err := fmt.Sscanf(string(h.Value), "%d.%d", &id, &version)
			require.NoError(t, err)
			return version
		}
	}
	t.Fatal("a message without an id")
	return 0
}

func least(versions map[string]int64) int64 {
	found := int64(1 << 62)
	for _, v := range versions {
		found = min(found, v)
	}
	return found
}
