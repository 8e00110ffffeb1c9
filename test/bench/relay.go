package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/uptrace/bun/driver/pgdriver"
	"golang.org/x/sync/errgroup"
)

// kafkaVariable names brokers on which topics may be created.
const kafkaVariable = "TEST_KAFKA_BROKERS"

// broker is the broker of a row.
type broker struct {
	addresses string
	topic     string
	close     func()
}

// openFake starts a broker in this process, which shares the processors.
func openFake() (broker, error) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		return broker{}, fmt.Errorf("start a broker: %w", err)
	}
	return broker{
		addresses: strings.Join(cluster.ListenAddrs(), ","), topic: "bench-" + uuid.NewString(), close: cluster.Close,
	}, nil
}

// openKafka returns the real broker.
func openKafka() (broker, error) {
	addresses := os.Getenv(kafkaVariable)
	if addresses == "" {
		return broker{}, &missingError{"set " + kafkaVariable + " to brokers on which topics may be created"}
	}
	return broker{addresses: addresses, topic: "bench-" + uuid.NewString(), close: func() {}}, nil
}

// settings returns the settings of a service that publishes to the broker.
func (k broker) settings() []string {
	return []string{
		"KAFKA_BOOTSTRAP_SERVERS=" + k.addresses, "KAFKA_TOPIC_CONFIG_UPDATES=" + k.topic,
		"KAFKA_TOPIC_FEATURE_FLAG_UPDATES=" + k.topic, "KAFKA_TOPIC_SERVICE_REGISTRY_UPDATES=" + k.topic,
	}
}

// outboxRows is the number of pending events when the relay starts.
const outboxRows = 50_000

// relayTo measures the rate of events from a full outbox in PostgreSQL to their
// acknowledgement.
func relayTo(open func() (broker, error)) func(context.Context, *bench) (outcome, error) {
	return func(ctx context.Context, b *bench) (outcome, error) {
		var figures []float64
		for range b.rounds {
			rate, err := b.relayOnce(ctx, open)
			if err != nil {
				return outcome{}, err
			}
			figures = append(figures, rate)
		}
		return outcome{value: median(figures)}, nil
	}
}

func (b *bench) relayOnce(ctx context.Context, open func() (broker, error)) (float64, error) {
	k, err := open()
	if err != nil {
		return 0, err
	}
	defer k.close()
	url, drop, err := createDatabase(ctx, b, "relay")
	if err != nil {
		return 0, err
	}
	defer drop()
	migrate := b.signalbox(ctx, []string{"migrate", "up"}, "DATABASE_URL="+url)
	if err := migrate.Run(); err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	db := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(url)))
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, `INSERT INTO outbox (event_id, event_type, aggregate_type, aggregate_id,
		aggregate_version, environment, service_name, data, actor_key, actor_name, request_id, occurred_at)
		SELECT gen_random_uuid(), 'configuration.created', 'configuration', n, 1, 'production', 'shop',
		jsonb_build_object('key', 'k' || n, 'environment', 'production', 'service_name', 'shop', 'is_encrypted', false),
		'abcdefgh', 'bench', 'request', now() FROM generate_series(1, $1) AS n`, outboxRows); err != nil {
		return 0, fmt.Errorf("fill the outbox: %w", err)
	}
	s, err := b.serve(ctx, url, k.settings()...)
	if err != nil {
		return 0, err
	}
	rate, err := published(ctx, db)
	return rate, errors.Join(err, s.stop())
}

// published returns the rate at which the relay published changes, from its first observed
// progress to the end.
func published(ctx context.Context, db *sql.DB) (float64, error) {
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(2 * time.Minute)
	var began time.Time
	var first int64
	for {
		var at int64
		if err := db.QueryRowContext(ctx, "SELECT min(revision) FROM relay_topics").Scan(&at); err != nil {
			return 0, fmt.Errorf("look how far the relay is: %w", err)
		}
		if at > 0 && began.IsZero() {
			began, first = time.Now(), at
		}
		if at >= outboxRows {
			return float64(at-first) / time.Since(began).Seconds(), nil
		}
		select {
		case <-look.C:
		case <-deadline:
			return 0, fmt.Errorf("the relay came to %d of %d in two minutes", at, outboxRows)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// The pace of writes whose delivery to Kafka is measured.
const (
	ackWriters = 10
	ackPause   = 20 * time.Millisecond // of each: 500 a second in all
)

// commitToAck measures the time from the response to a write until its message is readable
// from a broker in this process: the 99th percentile at 500 writes per second.
func commitToAck(ctx context.Context, b *bench) (outcome, error) {
	k, err := openFake()
	if err != nil {
		return outcome{}, err
	}
	defer k.close()
	url, drop, err := createDatabase(ctx, b, "ack")
	if err != nil {
		return outcome{}, err
	}
	defer drop()
	s, err := b.serve(ctx, url, k.settings()...)
	if err != nil {
		return outcome{}, err
	}
	arrivals, err := b.arrivals(ctx, s, k)
	if err != nil {
		return outcome{}, err
	}
	return outcome{value: percentile(arrivals, 99)}, s.stop()
}

// percentile returns a percentile of durations, in milliseconds.
func percentile(times []time.Duration, p int) float64 {
	sorted := slices.Sorted(slices.Values(times))
	return float64(sorted[min(len(sorted)*p/100, len(sorted)-1)].Microseconds()) / 1000
}

// arrivals writes at the pace, and returns the delivery times.
func (b *bench) arrivals(ctx context.Context, s *service, k broker) ([]time.Duration, error) {
	var mu sync.Mutex
	answered := map[string]time.Time{}
	group, working := errgroup.WithContext(ctx)
	began := time.Now()
	for w := range ackWriters {
		group.Go(func() error {
			pace := time.NewTicker(ackPause)
			defer pace.Stop()
			for n := 0; time.Since(began) < 3*b.duration; n++ {
				key := fmt.Sprintf("k%d.%d", w, n)
				body := fmt.Sprintf(`{"key":%q,"value":"v","environment":"production","service_name":"shop"}`, key)
				if _, err := s.call(working, http.MethodPost, "/api/v1/config/", body, http.StatusCreated); err != nil {
					return err
				}
				mu.Lock()
				answered["production/shop/"+key] = time.Now()
				mu.Unlock()
				<-pace.C
			}
			return nil
		})
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(k.addresses), kgo.ConsumeTopics(k.topic), kgo.FetchMaxWait(10*time.Millisecond))
	if err != nil {
		return nil, fmt.Errorf("read the broker: %w", err)
	}
	defer client.Close()
	arrived := map[string]time.Time{}
	writing := make(chan error, 1)
	go func() { writing <- group.Wait() }()
	for total := -1; total < 0 || len(arrived) < total; {
		select {
		case err := <-writing:
			if err != nil {
				return nil, err
			}
			total = len(answered)
		default:
		}
		polling, cancel := context.WithTimeout(ctx, time.Second)
		client.PollFetches(polling).EachRecord(func(r *kgo.Record) { arrived[string(r.Key)] = time.Now() })
		cancel()
		if time.Since(began) > 3*b.duration+processTimeout {
			return nil, fmt.Errorf("%d of %d messages arrived", len(arrived), total)
		}
	}
	times := make([]time.Duration, 0, len(arrived))
	for key, at := range arrived {
		times = append(times, max(0, at.Sub(answered[key])))
	}
	return times, nil
}

// visibleWrites is the number of writes that are read on another replica.
const visibleWrites = 500

// writeToVisible measures the time from the response to a write until another replica
// returns it: the 99th percentile, one write at a time.
func writeToVisible(ctx context.Context, b *bench) (outcome, error) {
	url, drop, err := createDatabase(ctx, b, "visible")
	if err != nil {
		return outcome{}, err
	}
	defer drop()
	one, err := b.serve(ctx, url)
	if err != nil {
		return outcome{}, err
	}
	other, err := b.serve(ctx, url)
	if err != nil {
		return outcome{}, err
	}
	other.key = one.key
	if _, err := prepareRead(ctx, one); err != nil {
		return outcome{}, err
	}
	var times []time.Duration
	for n := range visibleWrites {
		body := fmt.Sprintf(`{"value":"value %d"}`, n)
		if _, err := one.call(ctx, http.MethodPut, "/api/v1/config/1", body, http.StatusOK); err != nil {
			return outcome{}, err
		}
		answered := time.Now()
		for {
			a, err := other.call(ctx, http.MethodGet, readPath, "", http.StatusOK)
			if err != nil {
				return outcome{}, err
			}
			if strings.Contains(string(a.Body), fmt.Sprintf(`"value %d"`, n)) {
				break
			}
			if time.Since(answered) > processTimeout {
				return outcome{}, errors.New("the other replica does not see a write")
			}
		}
		times = append(times, time.Since(answered))
	}
	return outcome{value: percentile(times, 99)}, errors.Join(one.stop(), other.stop())
}
