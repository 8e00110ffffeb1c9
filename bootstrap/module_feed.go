package bootstrap

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/watermillbus"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/bootstrap/loop"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/ports"
)

// Intervals of the feed's loops. Events get their revisions right after the commit; the
// interval finds those of replicas that died in between. Each replica applies changes, and
// the leader publishes them.
const (
	syncEvery      = 25 * time.Millisecond
	syncMaxWait    = time.Second
	syncTimeout    = 3 * time.Second
	listenEvery    = time.Second
	listenTimeout  = time.Hour
	listenSettled  = 2 * time.Second
	publishEvery   = 25 * time.Millisecond
	publishMaxWait = time.Second
	publishTimeout = 10 * time.Second
	feedPurgeEvery = time.Minute
	purgeTimeout   = time.Minute
)

func feedModule() fx.Option {
	return fx.Module("feed",
		fx.Provide(
			fx.Annotate(feedstore.NewFeed, fx.As(new(ports.Feed))),
			fx.Annotate(feedstore.NewDeliveries, fx.As(new(ports.Deliveries))),
			fx.Annotate(feedstore.NewLeadership, fx.As(new(ports.Leadership))),
			newBroker, newRelay, newModules, changefeed.NewTailer,
		),
		conditions(func(t *changefeed.Tailer) ports.Conditions { return t.Conditions }),
		conditions(func(r *relay.Service) ports.Conditions { return r.Conditions }),
		fx.Invoke(runFeed),
	)
}

// topicPartitions is the number of partitions of topics that are created.
const topicPartitions = 12

// commits is notified of each commit on this replica.
type commits struct{ loop.Signal }

func newCommits() commits { return commits{loop.NewSignal()} }

// broker is what changes are published to.
type broker struct {
	fx.Out

	Publisher ports.Publisher
	// Kafka is nil if changes are published in process.
	Kafka      ginapi.Pinger    `name:"kafka"`
	Conditions ports.Conditions `group:"conditions"`
}

// Interval and timeout of pings of Kafka, so that an unreachable Kafka is logged even if
// there is nothing to publish.
const (
	kafkaEvery   = 10 * time.Second
	kafkaTimeout = 5 * time.Second
)

// newBroker publishes to Kafka, or in process if there is none.
func newBroker(
	lc fx.Lifecycle, s settings.Settings, stores storeTLS, modules ports.Modules, reporter *loop.Reporter,
) broker {
	if len(s.KafkaServers) == 0 {
		local := watermillbus.OpenLocal()
		lc.Append(fx.StopHook(local.Close))
		return broker{Publisher: local, Conditions: local.Conditions}
	}
	bus := watermillbus.OpenKafka(watermillbus.KafkaOptions{
		Brokers: s.KafkaServers, Compression: s.KafkaCompression,
		Security: watermillbus.Security{
			TLS: stores.Kafka, Mechanism: s.KafkaMechanism, Username: s.KafkaUsername, Password: s.KafkaPassword,
		},
		Topics: slices.Sorted(maps.Values(topicsOf(s, modules))),
		Create: s.KafkaCreateTopics, Partitions: topicPartitions, Replication: int16(s.KafkaReplication),
	})
	lc.Append(fx.StopHook(bus.Close))
	runLoops(lc, reporter, nil, loop.Loop{
		Every: kafkaEvery, Timeout: kafkaTimeout, Immediate: true, Step: loop.Once(bus.Ping),
		Failing:   "kafka unreachable; changes queued in the database (KAFKA_BOOTSTRAP_SERVERS)",
		Recovered: "kafka reachable",
	})
	return broker{Publisher: bus, Kafka: bus, Conditions: bus.Conditions}
}

// relayParts are the dependencies of the relay.
type relayParts struct {
	fx.In

	Settings   settings.Settings
	Feed       ports.Feed
	Deliveries ports.Deliveries
	Publisher  ports.Publisher
	Modules    ports.Modules
	Clock      ports.Clock
	Stopwatch  ports.Stopwatch
	Log        *zap.Logger
}

func newRelay(p relayParts) *relay.Service {
	return relay.New(relay.Dependencies{
		Feed: p.Feed, Deliveries: p.Deliveries, Publisher: p.Publisher, Modules: p.Modules,
		Clock: p.Clock, Stopwatch: p.Stopwatch,
		Source: sourceOf(p.Settings), Topics: topicsOf(p.Settings, p.Modules),
		TopicChanged: func(topic string, err error) {
			if err != nil {
				p.Log.Warn("topic publishing paused", zap.String("topic", topic), zap.Error(err))
				return
			}
			p.Log.Info("topic publishing resumed", zap.String("topic", topic))
		},
	})
}

// sourceOf identifies the service in messages.
func sourceOf(s settings.Settings) string { return "/signalbox/" + string(s.ServiceName) }

// topicsOf returns the topics by aggregate type.
func topicsOf(s settings.Settings, modules ports.Modules) map[string]string {
	topics := map[string]string{}
	for _, m := range modules {
		topics[m.AggregateType] = cmp.Or(string(s.KafkaTopics[m.Topic.Name]), m.Topic.Default)
	}
	return topics
}

// feedParts are the dependencies of the feed's loops.
type feedParts struct {
	fx.In

	Settings   settings.Settings
	Relay      *relay.Service
	Tail       *changefeed.Tailer
	Feed       ports.Feed
	Leadership ports.Leadership
	Stopwatch  ports.Stopwatch
	Commits    commits
	Reporter   *loop.Reporter
	// Subscribers are the values of the group "subscribers".
	Subscribers []changefeed.Subscriber `group:"subscribers"`
}

// runFeed subscribes the modules, assigns revisions and applies changes, first at the
// start, and publishes and purges changes until the stop.
func runFeed(lc fx.Lifecycle, p feedParts) {
	lc.Append(fx.StopHook(p.Leadership.Resign))
	p.Tail.Subscribe(p.Subscribers...)
	sequenced := loop.NewSignal()
	load := func(ctx context.Context) error {
		if _, err := p.sync(ctx); err != nil {
			return fmt.Errorf("load the caches: %w", err)
		}
		return nil
	}
	runLoops(lc, p.Reporter, load,
		loop.Loop{
			Every: syncEvery, MaxWait: syncMaxWait, Timeout: syncTimeout, Wake: p.Commits.Signal, Eager: true,
			Step: func(ctx context.Context) (bool, error) {
				n, err := p.sync(ctx)
				if n > 0 {
					sequenced.Notify()
				}
				return n == changefeed.SequenceBatch, err
			},
			Failing:   "change feed sync failed; serving stale cache",
			Recovered: "change feed sync recovered",
		},
		loop.Loop{
			Every: listenEvery, Timeout: listenTimeout, Settled: listenSettled,
			Step:      loop.Once(func(ctx context.Context) error { return p.Feed.Listen(ctx, p.Commits.Notify) }),
			Failing:   "change feed notifications failed; polling",
			Recovered: "change feed notifications recovered",
		},
		loop.Loop{
			Every: publishEvery, MaxWait: publishMaxWait, Timeout: publishTimeout, Wake: sequenced, Eager: true,
			Step:      relay.NewLeader(p.Relay, p.Leadership, p.Stopwatch).Step,
			Failing:   "change publishing failed; changes queued in the database",
			Recovered: "change publishing recovered",
		},
		loop.Loop{
			Every: feedPurgeEvery, Timeout: purgeTimeout, Step: p.purge,
			Failing: "change feed purge failed", Recovered: "change feed purge recovered",
		},
	)
}

// sync assigns revisions to events and applies the changes. It returns the larger number
// of the two, which is SequenceBatch if there may be more.
func (p feedParts) sync(ctx context.Context) (int, error) {
	sequenced, err := p.Tail.Sequence(ctx)
	if err != nil {
		return 0, err
	}
	applied, err := p.Tail.Step(ctx)
	return max(sequenced, applied), err
}

// purge deletes changes that are older than the retention.
func (p feedParts) purge(ctx context.Context) (bool, error) {
	n, err := p.Relay.Purge(ctx, relay.Retention{
		Age: time.Duration(p.Settings.FeedRetention), Rows: int64(p.Settings.FeedRetentionRows),
	})
	return n == relay.PurgeBatch, err
}
