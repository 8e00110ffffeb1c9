package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/signalbox-hq/signalbox/test/harness"
)

// kafka is a Kafka with topics for one service.
type kafka struct {
	brokers []string
	// configurations, flags and services are topics.
	configurations, flags, services string
}

// kafkas are the brokers that a service may publish to, by name.
func kafkas() map[string]func(*testing.T) kafka {
	return map[string]func(*testing.T) kafka{
		"in process": func(t *testing.T) kafka {
			t.Helper()
			return newKafka(harness.FakeKafka(t).ListenAddrs())
		},
		"Kafka": func(t *testing.T) kafka {
			t.Helper()
			return newKafka(harness.Kafka(t))
		},
	}
}

func newKafka(brokers []string) kafka {
	own := uuid.NewString()
	return kafka{brokers: brokers, configurations: "config-" + own, flags: "flag-" + own, services: "service-" + own}
}

func (k kafka) topics() []string { return []string{k.configurations, k.flags, k.services} }

// environ returns the settings of a service that publishes there.
func (k kafka) environ() []string {
	return []string{
		"KAFKA_BOOTSTRAP_SERVERS=" + strings.Join(k.brokers, ","), "KAFKA_TOPIC_CONFIG_UPDATES=" + k.configurations,
		"KAFKA_TOPIC_FEATURE_FLAG_UPDATES=" + k.flags, "KAFKA_TOPIC_SERVICE_REGISTRY_UPDATES=" + k.services,
	}
}

func (k kafka) admin(t *testing.T) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.brokers...))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// announced is a message, read.
type announced struct {
	Action       string `json:"action"`
	ResourceType string `json:"resource_type"`
	ResourceID   string `json:"resource_id"`
	Data         struct {
		EventType string `json:"event_type"`
		Version   int64  `json:"version"`
		Revision  int64  `json:"revision"`
	} `json:"data"`
	Environment string `json:"environment"`
	key         string
	headers     map[string]string
}

// until returns what arrived, in the order of revisions, once all of them up to a
// revision have. Some may have arrived twice.
func (k kafka) until(t *testing.T, revision int64) []announced {
	t.Helper()
	byRevision := map[int64]announced{}
	done := 0
	harness.Consume(t, k.brokers, k.topics(), func(records []*kgo.Record) bool {
		for _, r := range records[done:] {
			m := announced{key: string(r.Key), headers: map[string]string{}}
			require.NoError(t, json.Unmarshal(r.Value, &m))
			for _, h := range r.Headers {
				m.headers[h.Key] = string(h.Value)
			}
			byRevision[m.Data.Revision] = m
		}
		done = len(records)
		return int64(len(byRevision)) >= revision
	})
	list := make([]announced, revision)
	for i := range list {
		list[i] = byRevision[int64(i+1)]
	}
	return list
}

// feed is what /health says of it.
type feed struct {
	Epoch     string  `json:"epoch"`
	Revision  int64   `json:"revision"`
	Published int64   `json:"published"`
	Pending   int64   `json:"pending"`
	OldestAge float64 `json:"oldest_age_seconds"`
	Parked    int     `json:"parked"`
}

type healthOf struct {
	Status, Kafka string
	Feed          feed
	Conditions    []struct{ Name, Message string }
}

func (c client) health(tb testing.TB) healthOf {
	tb.Helper()
	var h healthOf
	require.NoError(tb, json.Unmarshal(c.get(tb, "/health").body, &h))
	return h
}

// awaitPublished waits until all changes were published, at least that many.
func (c client) awaitPublished(tb testing.TB, revision int64) {
	tb.Helper()
	require.Eventually(tb, func() bool {
		f := c.health(tb).Feed
		return f.Pending == 0 && f.Revision >= revision && f.Published == f.Revision
	}, patience, leaseStep)
}

func TestKafkaIsToldWhatHasHappened(t *testing.T) {
	t.Parallel()
	for name, fresh := range kafkas() {
		for _, s := range stores() {
			t.Run(name+", "+s.name, func(t *testing.T) {
				t.Parallel()
				k := fresh(t)
				c := boot(t, s.fresh(t), k.environ()...).admin(t)
				const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
				id := c.createConfig(t, "a/b", "a value nobody is told", with{"Traceparent", trace})
				c.put(t, fmt.Sprintf("/api/v1/config/%d", id), object{"value": "another"}).want(t, http.StatusOK)
				c.post(t, "/api/v1/feature-flags", object{"name": "f", "environment": "production"}).want(t, http.StatusCreated)
				c.enrol(t, "shop", "i")
				c.delete(t, fmt.Sprintf("/api/v1/config/%d", id)).want(t, http.StatusNoContent)
				c.awaitPublished(t, 6)
				h := c.health(t)
				assert.Equal(t, "healthy", h.Status)
				assert.Equal(t, "healthy", h.Kafka)
				list := k.until(t, h.Feed.Revision)
				var summary []string
				for _, m := range list {
					summary = append(summary, m.Action+" "+m.Data.EventType+" "+m.key)
					assert.NotEmpty(t, m.headers["ce_id"])
					assert.Equal(t, h.Feed.Epoch, m.headers["ce_epoch"])
					assert.Equal(t, fmt.Sprintf("%020d", m.Data.Revision), m.headers["ce_sequence"])
				}
				assert.Equal(t, "create configuration.created production/shop/a/b", summary[0])
				assert.Equal(t, "update configuration.updated production/shop/a/b", summary[1])
				assert.Equal(t, "create flag.created production/f", summary[2])
				assert.Equal(t, "create service.registered shop", summary[3])
				assert.Contains(t, summary, "update instance.registered shop")
				assert.Equal(t, "delete configuration.deleted production/shop/a/b", summary[len(summary)-1])
				assert.Equal(t, strconv.FormatInt(id, 10), list[0].ResourceID)
				assert.Equal(t, "shop", list[3].ResourceID)
				assert.Empty(t, list[3].Environment)
				assert.Equal(t, trace, list[0].headers["traceparent"])
				assert.NotContains(t, list[1].headers, "traceparent")
			})
		}
	}
}

// createConfig makes a configuration of the shop in production, and returns its id.
func (c client) createConfig(tb testing.TB, key, value string, headers ...with) int64 {
	tb.Helper()
	a := c.post(tb, "/api/v1/config", object{
		"key": key, "value": value, "environment": "production", "service_name": "shop",
	}, headers...)
	a.want(tb, http.StatusCreated)
	var made struct {
		ID int64 `json:"id"`
	}
	require.NoError(tb, json.Unmarshal(a.body, &made))
	return made.ID
}

// tooLarge makes a cluster refuse what is produced to a topic, until it is told to end
// that.
func tooLarge(cluster *kfake.Cluster, topic string) (end func()) {
	var over atomic.Bool
	cluster.ControlKey(kmsg.Produce.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		produced := request.(*kmsg.ProduceRequest)
		if over.Load() || produced.Topics[0].Topic != topic {
			return nil, nil, false
		}
		response := produced.ResponseKind().(*kmsg.ProduceResponse)
		answer, part := kmsg.NewProduceResponseTopic(), kmsg.NewProduceResponseTopicPartition()
		part.Partition, part.ErrorCode = produced.Topics[0].Partitions[0].Partition, kerr.MessageTooLarge.Code
		answer.Topic, answer.Partitions = topic, append(answer.Partitions, part)
		response.Topics = append(response.Topics, answer)
		return response, nil, true
	})
	return func() { over.Store(true) }
}

// TestParkedChanges has flags refused for good: they wait, all else goes on.
func TestParkedChanges(t *testing.T) {
	t.Parallel()
	cluster := harness.FakeKafka(t)
	k := newKafka(cluster.ListenAddrs())
	p := serve(t, freshSQLite(t), append(k.environ(), "BOOTSTRAP_ADMIN_KEY="+adminKey(t))...)
	c := p.admin(t)
	flag := func(name string) {
		t.Helper()
		c.post(t, "/api/v1/feature-flags", object{"name": name, "environment": "production"}).want(t, http.StatusCreated)
	}
	c.createConfig(t, "first", "1")
	c.awaitPublished(t, 1)
	takeAll := tooLarge(cluster, k.flags)
	flag("lost")
	flag("kept")
	c.createConfig(t, "second", "1")
	c.awaitPublished(t, 4)
	h := c.health(t)
	assert.Equal(t, "degraded", h.Status)
	assert.Equal(t, 2, h.Feed.Parked)

	ask := func(args ...string) string {
		t.Helper()
		cmd := start(t, append([]string{"relay"}, args...), "DATABASE_URL="+p.databaseURL)
		require.Zero(t, cmd.awaitEnd(t), "%s", cmd.log)
		return cmd.out.String()
	}
	status := ask("status")
	assert.Contains(t, status, "production/lost")
	assert.Contains(t, status, "too large")
	takeAll()
	ask("skip", "2")
	ask("retry", "3")
	require.Eventually(t, func() bool { return c.health(t).Feed.Parked == 0 }, patience, leaseStep)
	assert.Equal(t, "healthy", c.health(t).Status)
	flag("last")
	harness.Consume(t, k.brokers, k.topics(), func(records []*kgo.Record) bool {
		keys := map[string]bool{}
		for _, r := range records {
			keys[string(r.Key)] = true
		}
		assert.False(t, keys["production/lost"], "it was skipped")
		return keys["production/kept"] && keys["production/last"] && keys["production/shop/second"]
	})
	again := start(t, []string{"relay", "retry", "3"}, "DATABASE_URL="+p.databaseURL)
	assert.Equal(t, 1, again.awaitEnd(t))
	assert.Contains(t, again.log.String(), "signalbox relay status")
}

// TestMissingTopic has no topic for flags: they wait alone, and go out when there is one.
func TestMissingTopic(t *testing.T) {
	t.Parallel()
	k := newKafka(harness.FakeKafka(t).ListenAddrs())
	s := boot(t, freshSQLite(t), append(k.environ(), "KAFKA_CREATE_TOPICS=false")...)
	c, admin := s.admin(t), k.admin(t)
	_, err := admin.CreateTopics(t.Context(), 1, 1, nil, k.configurations, k.services)
	require.NoError(t, err)
	c.createConfig(t, "a", "1")
	c.post(t, "/api/v1/feature-flags", object{"name": "f", "environment": "production"}).want(t, http.StatusCreated)
	assert.Contains(t, s.log.await(t, "topic publishing paused", nil), k.flags)
	c.createConfig(t, "b", "1")
	harness.Consume(t, k.brokers, []string{k.configurations}, func(r []*kgo.Record) bool { return len(r) == 2 })
	require.Eventually(t, func() bool { return c.health(t).Feed.Pending == 1 }, patience, leaseStep)
	h := c.health(t)
	assert.Equal(t, "degraded", h.Status)
	assert.Equal(t, int64(1), h.Feed.Published)
	assert.Zero(t, h.Feed.Parked)
	require.Len(t, h.Conditions, 1)
	assert.Equal(t, "topics_not_writable", h.Conditions[0].Name)
	assert.Contains(t, h.Conditions[0].Message, k.flags)
	_, err = admin.CreateTopics(t.Context(), 1, 1, nil, k.flags)
	require.NoError(t, err)
	c.awaitPublished(t, 3)
	s.log.await(t, "topic publishing resumed", nil)
	assert.Empty(t, c.health(t).Conditions)
	assert.Len(t, k.until(t, 3), 3)
}

// TestPythonConsumer rebuilds what exists with a client of another language.
func TestPythonConsumer(t *testing.T) {
	t.Parallel()
	k := newKafka(harness.Kafka(t))
	c := boot(t, freshSQLite(t), k.environ()...).admin(t)
	kept, gone := c.createConfig(t, "kept", "1"), c.createConfig(t, "gone", "1")
	c.put(t, fmt.Sprintf("/api/v1/config/%d", kept), object{"value": "2"}).want(t, http.StatusOK)
	c.delete(t, fmt.Sprintf("/api/v1/config/%d", gone)).want(t, http.StatusNoContent)
	back := c.createConfig(t, "back", "1")
	c.delete(t, fmt.Sprintf("/api/v1/config/%d", back)).want(t, http.StatusNoContent)
	c.post(t, fmt.Sprintf("/api/v1/config/%d/rollback", back), object{"version": 1}).want(t, http.StatusOK)
	c.post(t, "/api/v1/feature-flags", object{"name": "f", "environment": "production"}).want(t, http.StatusCreated)
	c.enrol(t, "shop", "i")
	c.enrol(t, "cart", "i")
	c.delete(t, registryPath+"cart").want(t, http.StatusNoContent)
	c.createConfig(t, "last", "1")
	c.awaitPublished(t, 12)
	revision := c.health(t).Feed.Revision
	out := python(t, "kafka, zstandard", "consumer.py", "", "BROKERS="+strings.Join(k.brokers, ","),
		"TOPICS="+strings.Join(k.topics(), ","), "UNTIL="+strconv.FormatInt(revision, 10))
	var exists map[string]int64
	require.NoError(t, json.Unmarshal([]byte(out), &exists))
	want := map[string]int64{
		k.configurations + ":production/shop/kept": 2, k.configurations + ":production/shop/back": 3,
		k.configurations + ":production/shop/last": 1, k.flags + ":production/f": 1,
		k.services + ":shop": c.service(t, "shop").Version,
	}
	assert.Equal(t, want, exists)
}

// TestFaultStoppedPublisher stops the replica that publishes, as a machine that hangs does,
// and lets it go on: the other one takes over, and no version comes before its time. That
// also holds where the stopped one has the lock of the sequencer.
func TestFaultStoppedPublisher(t *testing.T) {
	t.Parallel()
	for _, failpoints := range []string{"", "SIGNALBOX_FAILPOINTS=inside-sequencer=stop@2"} {
		t.Run(failpoints, func(t *testing.T) {
			t.Parallel()
			stopPublisher(t, failpoints)
		})
	}
}

func stopPublisher(t *testing.T, failpoints string) {
	t.Helper()
	k := newKafka(harness.FakeKafka(t).ListenAddrs())
	databaseURL := freshPostgres(t)
	environ := append(k.environ(), "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
	first := serve(t, databaseURL, slices.Concat(environ, strings.Fields(failpoints))...)
	t.Cleanup(func() { _ = first.cmd.Process.Signal(syscall.SIGCONT) })
	id := first.admin(t).createConfig(t, "k", "0")
	first.admin(t).awaitPublished(t, 1) // so that it is the one
	other := serve(t, databaseURL, environ...)
	update := func(c client, from, to int) {
		t.Helper()
		for v := from; v < to; v++ {
			c.put(t, fmt.Sprintf("/api/v1/config/%d", id), object{"value": strconv.Itoa(v)}).want(t, http.StatusOK)
		}
	}
	update(other.admin(t), 1, 20)
	if failpoints == "" {
		require.NoError(t, first.cmd.Process.Signal(syscall.SIGSTOP))
	}
	require.Eventually(t, func() bool { return stopped(first) }, patience, leaseStep)
	began := time.Now()
	update(other.admin(t), 20, 60)
	other.admin(t).awaitPublished(t, 60)
	t.Logf("the other one publishes after %s", time.Since(began))
	elapse(time.Until(began.Add(harness.Scale(30*time.Second, 0))))
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGCONT))
	update(first.admin(t), 60, 80)
	first.admin(t).awaitPublished(t, 80)
	var last int64
	harness.Consume(t, k.brokers, []string{k.configurations}, func(records []*kgo.Record) bool {
		last = 0
		for _, r := range records {
			var m announced
			require.NoError(t, json.Unmarshal(r.Value, &m))
			require.LessOrEqual(t, m.Data.Version, last+1)
			last = max(last, m.Data.Version)
		}
		return last == 80
	})
}
