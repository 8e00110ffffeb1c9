package e2e_test

import (
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

func TestKafkaReceivesChanges(t *testing.T) {
	t.Parallel()
	for name, fresh := range e2etest.Kafkas() {
		for _, s := range e2etest.Stores() {
			t.Run(name+", "+s.Name, func(t *testing.T) {
				t.Parallel()
				k := fresh(t)
				c := e2etest.Boot(t, s.New(t), k.Environ()...).Admin(t)
				const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
				id := c.CreateID(t, "a/b", "a value that is not published", e2etest.With("Traceparent", trace))
				c.Put(t, fmt.Sprintf("/api/v1/config/%d", id), e2etest.Object{"value": "another"}).Want(t, http.StatusOK)
				c.Post(t, "/api/v1/feature-flags", e2etest.Object{"name": "f", "environment": "production"}).Want(t, http.StatusCreated)
				c.RegisterInstance(t, "shop", "i")
				c.Delete(t, fmt.Sprintf("/api/v1/config/%d", id)).Want(t, http.StatusNoContent)
				c.AwaitPublished(t, 6)
				h := c.Health(t)
				assert.Equal(t, "healthy", h.Status)
				assert.Equal(t, "healthy", h.Kafka)
				list := k.AwaitMessages(t, h.Feed.Revision)
				var summary []string
				for _, m := range list {
					summary = append(summary, m.Action+" "+m.Data.EventType+" "+m.Key)
					assert.NotEmpty(t, m.Headers["ce_id"])
					assert.Equal(t, h.Feed.Epoch, m.Headers["ce_epoch"])
					assert.Equal(t, fmt.Sprintf("%020d", m.Data.Revision), m.Headers["ce_sequence"])
				}
				assert.Equal(t, "create configuration.created production/shop/a/b", summary[0])
				assert.Equal(t, "update configuration.updated production/shop/a/b", summary[1])
				assert.Equal(t, "create flag.created production/f", summary[2])
				assert.Equal(t, "create service.registered shop", summary[3])
				assert.Contains(t, summary, "update instance.registered shop")
				assert.Equal(t, "delete configuration.deleted production/shop/a/b", summary[len(summary)-1])
				assert.Equal(t, strconv.FormatInt(id, 10), list[0].ResourceID)
				assert.Equal(t, "shop", list[3].ResourceID)
				assert.Equal(t, "*", list[3].Environment)
				assert.Equal(t, trace, list[0].Headers["traceparent"])
				assert.NotContains(t, list[1].Headers, "traceparent")
			})
		}
	}
}

// tooLarge makes a cluster reject all messages of a topic as too large, until end is
// called.
func tooLarge(cluster *kfake.Cluster, topic string) (end func()) {
	var ended atomic.Bool
	cluster.ControlKey(kmsg.Produce.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		produced := request.(*kmsg.ProduceRequest)
		if ended.Load() || produced.Topics[0].Topic != topic {
			return nil, nil, false
		}
		response := produced.ResponseKind().(*kmsg.ProduceResponse)
		answer, part := kmsg.NewProduceResponseTopic(), kmsg.NewProduceResponseTopicPartition()
		part.Partition, part.ErrorCode = produced.Topics[0].Partitions[0].Partition, kerr.MessageTooLarge.Code
		answer.Topic, answer.Partitions = topic, append(answer.Partitions, part)
		response.Topics = append(response.Topics, answer)
		return response, nil, true
	})
	return func() { ended.Store(true) }
}

// TestParkedChanges has a broker that rejects flags permanently: these are parked, others
// are published.
func TestParkedChanges(t *testing.T) {
	t.Parallel()
	cluster := harness.FakeKafka(t)
	k := e2etest.NewKafka(cluster.ListenAddrs())
	p := e2etest.Serve(t, e2etest.NewSQLite(t), append(k.Environ(), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))...)
	c := p.Admin(t)
	flag := func(name string) {
		t.Helper()
		c.Post(t, "/api/v1/feature-flags", e2etest.Object{"name": name, "environment": "production"}).Want(t, http.StatusCreated)
	}
	c.CreateID(t, "first", "1")
	c.AwaitPublished(t, 1)
	acceptAll := tooLarge(cluster, k.Flags)
	flag("lost")
	flag("kept")
	c.CreateID(t, "second", "1")
	c.AwaitPublished(t, 4)
	h := c.Health(t)
	assert.Equal(t, "degraded", h.Status)
	assert.Equal(t, 2, h.Feed.Parked)

	ask := func(args ...string) string {
		t.Helper()
		cmd := e2etest.Start(t, append([]string{"relay"}, args...), "DATABASE_URL="+p.DatabaseURL)
		require.Zero(t, cmd.AwaitExit(t), "%s", cmd.Log)
		return cmd.Out.String()
	}
	status := ask("status")
	assert.Contains(t, status, "production/lost")
	assert.Contains(t, status, "too large")
	acceptAll()
	ask("skip", "2")
	ask("retry", "3")
	require.Eventually(t, func() bool { return c.Health(t).Feed.Parked == 0 }, e2etest.Timeout, e2etest.PollInterval)
	assert.Equal(t, "healthy", c.Health(t).Status)
	flag("last")
	harness.Consume(t, k.Brokers, k.Topics(), func(records []*kgo.Record) bool {
		keys := map[string]bool{}
		for _, r := range records {
			keys[string(r.Key)] = true
		}
		assert.False(t, keys["production/lost"], "it was skipped")
		return keys["production/kept"] && keys["production/last"] && keys["production/shop/second"]
	})
	again := e2etest.Start(t, []string{"relay", "retry", "3"}, "DATABASE_URL="+p.DatabaseURL)
	assert.Equal(t, 1, again.AwaitExit(t))
	assert.Contains(t, again.Log.String(), "signalbox relay status")
}

// TestMissingTopic has no topic for flags: these are queued, and published once there is
// one.
func TestMissingTopic(t *testing.T) {
	t.Parallel()
	k := e2etest.NewKafka(harness.FakeKafka(t).ListenAddrs())
	s := e2etest.Boot(t, e2etest.NewSQLite(t), append(k.Environ(), "KAFKA_CREATE_TOPICS=false")...)
	c, admin := s.Admin(t), k.Admin(t)
	_, err := admin.CreateTopics(t.Context(), 1, 1, nil, k.Configurations, k.Services)
	require.NoError(t, err)
	c.CreateID(t, "a", "1")
	c.Post(t, "/api/v1/feature-flags", e2etest.Object{"name": "f", "environment": "production"}).Want(t, http.StatusCreated)
	assert.Contains(t, s.Log.Await(t, "topic publishing paused", nil), k.Flags)
	c.CreateID(t, "b", "1")
	harness.Consume(t, k.Brokers, []string{k.Configurations}, func(r []*kgo.Record) bool { return len(r) == 2 })
	require.Eventually(t, func() bool { return c.Health(t).Feed.Pending == 1 }, e2etest.Timeout, e2etest.PollInterval)
	h := c.Health(t)
	assert.Equal(t, "degraded", h.Status)
	assert.Equal(t, int64(1), h.Feed.Published)
	assert.Zero(t, h.Feed.Parked)
	require.Len(t, h.Conditions, 1)
	assert.Equal(t, "topics_not_writable", h.Conditions[0].Name)
	assert.Contains(t, h.Conditions[0].Message, k.Flags)
	_, err = admin.CreateTopics(t.Context(), 1, 1, nil, k.Flags)
	require.NoError(t, err)
	c.AwaitPublished(t, 3)
	s.Log.Await(t, "topic publishing resumed", nil)
	assert.Empty(t, c.Health(t).Conditions)
	assert.Len(t, k.AwaitMessages(t, 3), 3)
}
