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

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/adapters/watermillbus"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/ports"
)

// How the feed is kept: events get their revisions right after the commit, and are
// looked for now and then, because a replica may have died in between. Each replica
// takes them in when it hears of them, and the one that leads publishes them.
const (
	followPoll      = 25 * time.Millisecond
	followSlowest   = time.Second
	followTimeout   = 3 * time.Second
	listenPause     = time.Second
	listenTimeout   = time.Hour
	listenSettled   = 2 * time.Second
	drainPoll       = 25 * time.Millisecond
	drainSlowest    = time.Second
	drainTimeout    = 10 * time.Second
	feedPurge       = time.Minute
	topicPartitions = 12
)

// bell tells that something has happened here.
type bell chan struct{}

// ring says so, unless that is known already.
func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// commits tells that something was committed here.
type commits struct{ bell }

func newCommits() commits { return commits{make(bell, 1)} }

// broker is where changes are published.
type broker struct {
	fx.Out

	Publisher ports.Publisher
	// Kafka is nil where there is none.
	Kafka ginapi.Pinger `name:"kafka"`
}

// How often Kafka is asked whether it answers, so that the log tells of a Kafka that
// does not, also at the start and where nothing is to be published.
const (
	kafkaPoll    = 10 * time.Second
	kafkaTimeout = 5 * time.Second
)

// newBroker publishes to Kafka, or in this process where there is none.
func newBroker(lc fx.Lifecycle, s settings.Settings, modules ports.Modules, log *loopLog) broker {
	if len(s.KafkaServers) == 0 {
		local := watermillbus.OpenLocal()
		lc.Append(fx.StopHook(local.Close))
		return broker{Publisher: local}
	}
	bus := watermillbus.OpenKafka(watermillbus.KafkaOptions{
		Brokers: s.KafkaServers,
		Topics:  slices.Sorted(maps.Values(topicsOf(s, modules))),
		Create:  s.KafkaCreateTopics, Partitions: topicPartitions, Replication: int16(s.KafkaReplication),
	})
	lc.Append(fx.StopHook(bus.Close))
	runLoops(lc, log, nil, loop{
		every: kafkaPoll, timeout: kafkaTimeout, wake: rung(), step: once(bus.Ping),
		failing: "kafka unreachable: changes wait in the database (KAFKA_BOOTSTRAP_SERVERS)",
		working: "kafka reachable again",
	})
	return broker{Publisher: bus, Kafka: bus}
}

// relayParts is what the relay is made of.
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
		Feed: p.Feed, Deliveries: p.Deliveries, Publisher: p.Publisher, Modules: p.Modules, Clock: p.Clock, Stopwatch: p.Stopwatch,
		Source: "/signalbox/" + p.Settings.ServiceName, Topics: topicsOf(p.Settings, p.Modules),
		TopicChanged: func(topic string, err error) {
			if err != nil {
				p.Log.Warn("topic publishing paused", zap.String("topic", topic), zap.Error(err))
				return
			}
			p.Log.Info("topic publishing resumed", zap.String("topic", topic))
		},
	})
}

// topicsOf returns the topics by aggregate type.
func topicsOf(s settings.Settings, modules ports.Modules) map[string]string {
	topics := map[string]string{}
	for _, m := range modules {
		topics[m.AggregateType] = cmp.Or(string(s.KafkaTopics[m.Topic.Name]), m.Topic.Default)
	}
	return topics
}

// feedConditions are what an operator has to know of the feed.
type feedConditions struct {
	fx.Out

	Unknown ports.Conditions `group:"conditions"`
	Topics  ports.Conditions `group:"conditions"`
	Clock   ports.Conditions `group:"conditions"`
}

func newFeedConditions(t *changefeed.Tailer, r *relay.Service, c *system.StoreClock) feedConditions {
	return feedConditions{
		Unknown: t.Conditions, Topics: r.Conditions, Clock: func() []ports.Condition { return clockSkew(c.Skew()) },
	}
}

// mostSkew is by how much this machine's clock may differ from the store's.
const mostSkew = 5 * time.Second

// clockSkew names a clock that is wrong. Changes are stamped by the store's clock, so
// that only this machine's logs and certificates suffer.
func clockSkew(skew time.Duration) []ports.Condition {
	if skew.Abs() <= mostSkew {
		return nil
	}
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	return []ports.Condition{{
		Name: "clock_skew",
		Message: fmt.Sprintf("The clock of this replica's machine is %s %s the database's. Changes are stamped by the "+
			"database's clock; synchronize both with NTP.", skew.Abs().Round(time.Second), direction),
	}}
}

// feedParts is what the loops of the feed are made of.
type feedParts struct {
	fx.In

	Settings   settings.Settings
	Relay      *relay.Service
	Tail       *changefeed.Tailer
	Feed       ports.Feed
	Leadership ports.Leadership
	Stopwatch  ports.Stopwatch
	Commits    commits
	Log        *loopLog
	// Subscribers are provided by any module with the tag group:"subscribers".
	Subscribers []changefeed.Subscriber `group:"subscribers"`
}

// keepFeed gives events their revisions and brings what is in memory up to date,
// first at the start, publishes changes and forgets old ones until the stop.
func keepFeed(lc fx.Lifecycle, p feedParts) {
	lc.Append(fx.StopHook(p.Leadership.Resign))
	p.Tail.Subscribe(p.Subscribers...)
	leader := relay.NewLeader(p.Relay, p.Leadership, p.Stopwatch)
	sequenced := make(bell, 1)
	keep := relay.Retention{Age: time.Duration(p.Settings.FeedRetention), Rows: int64(p.Settings.FeedRetentionRows)}
	follow := func(ctx context.Context) (bool, error) {
		n, err := p.follow(ctx)
		if n > 0 {
			sequenced.ring()
		}
		return n == changefeed.SequenceBatch, err
	}
	first := func(ctx context.Context) error {
		if _, err := p.follow(ctx); err != nil {
			return fmt.Errorf("load what is kept in memory: %w", err)
		}
		return nil
	}
	runLoops(lc, p.Log, first,
		loop{
			every: followPoll, slowest: followSlowest, timeout: followTimeout, wake: p.Commits.bell, eager: true,
			step:    follow,
			failing: "what is in memory does not follow what is stored",
			working: "what is in memory follows what is stored again",
		},
		loop{
			every: listenPause, timeout: listenTimeout, settled: listenSettled,
			step:    once(func(ctx context.Context) error { return p.Feed.Listen(ctx, p.Commits.ring) }),
			failing: "feed notifications failed: changes of other replicas are polled for",
			working: "feed notifications recovered",
		},
		loop{
			every: drainPoll, slowest: drainSlowest, timeout: drainTimeout, wake: sequenced, eager: true,
			step:    leader.Step,
			failing: "changes are not published, and wait",
			working: "changes are published again",
		},
		loop{
			every: feedPurge, timeout: purgeTimeout,
			step: func(ctx context.Context) (bool, error) {
				n, err := p.Relay.Purge(ctx, keep)
				return n == relay.PurgeBatch, err
			},
			failing: "feed purge failed",
			working: "feed purge recovered",
		},
	)
}

// follow gives events their revisions and takes in what has one. It returns how
// many of either there were, and SequenceBatch where there may be more.
func (p feedParts) follow(ctx context.Context) (int, error) {
	sequenced, err := p.Tail.Sequence(ctx)
	if err != nil {
		return 0, err
	}
	followed, err := p.Tail.Step(ctx)
	return max(sequenced, followed), err
}
