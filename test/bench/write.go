package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// The written values: the same bytes through HTTP and by the bare statements.
const (
	keyPrefix   = "bench.database.url."
	keyDigits   = 12
	value       = "postgresql://bench@db-1.internal:5432/shop?sslmode=verify-full"
	environment = "production"
	serviceName = "bench-service"
	description = "Database connection URL"
)

// alone returns the settings of a service with a database alone, everything those of one
// with Kafka and Redis, too.
func alone() ([]string, error) { return nil, nil }

func everything() ([]string, error) {
	k, err := openKafka()
	if err != nil {
		return nil, err
	}
	redis, err := redisSettings()
	return append(redis, k.settings()...), err
}

// writeSQLite measures creations through HTTP on SQLite against transactions of three
// INSERTs on one connection.
func writeSQLite(with func() ([]string, error)) func(context.Context, *bench) (outcome, error) {
	return func(ctx context.Context, b *bench) (outcome, error) {
		dir, err := b.folder()
		if err != nil {
			return outcome{}, err
		}
		settings, err := with()
		if err != nil {
			return outcome{}, err
		}
		return b.measureWrites(ctx, writeTarget{
			ours: sqliteURL(filepath.Join(dir, "ours.db")), ceiling: sqliteURL(filepath.Join(dir, "ceiling.db")),
			loop: sqliteCeiling, settings: settings,
		})
	}
}

// writePostgres measures creations through HTTP on PostgreSQL against the bare
// statement.
func writePostgres(with func() ([]string, error)) func(context.Context, *bench) (outcome, error) {
	return func(ctx context.Context, b *bench) (outcome, error) {
		settings, err := with()
		if err != nil {
			return outcome{}, err
		}
		ours, dropOurs, err := createDatabase(ctx, b, "ours")
		if err != nil {
			return outcome{}, err
		}
		defer dropOurs()
		ceiling, dropCeiling, err := createDatabase(ctx, b, "ceiling")
		if err != nil {
			return outcome{}, err
		}
		defer dropCeiling()
		return b.measureWrites(ctx, writeTarget{ours: ours, ceiling: ceiling, loop: postgresCeiling, settings: settings})
	}
}

// writeTarget is the database of a write row, and the ceiling's name.
type writeTarget struct {
	ours     string
	ceiling  string
	loop     string
	settings []string
}

func (b *bench) measureWrites(ctx context.Context, at writeTarget) (outcome, error) {
	if err := b.migrate(ctx, at.ceiling); err != nil {
		return outcome{}, err
	}
	s, err := b.serve(ctx, at.ours, at.settings...)
	if err != nil {
		return outcome{}, err
	}
	var counter atomic.Int64
	creations := load{
		address: s.address, status: http.StatusCreated,
		request: func() func() []byte { return creation(s.key, &counter) },
	}
	o, err := contest{
		ours: func(ctx context.Context, _ int) (float64, error) {
			return throughput(b, func(d time.Duration) (tally, error) { return creations.run(ctx, d) })
		},
		ceiling: func(ctx context.Context, round int) (float64, error) {
			return b.runLoop(ctx, at.loop, at.ceiling, round)
		},
	}.run(ctx, b.rounds)
	if err != nil {
		return outcome{}, err
	}
	return o, s.stop()
}

// throughput returns the throughput after a warm-up.
func throughput(b *bench, run func(time.Duration) (tally, error)) (float64, error) {
	if _, err := run(b.warmUp()); err != nil {
		return 0, err
	}
	t, err := run(b.duration)
	return t.perSecond(), err
}

// creation returns a source of requests that create configurations with different keys of
// the same length, so that only the digits are rewritten.
func creation(apiKey string, counter *atomic.Int64) func() []byte {
	body := fmt.Sprintf(`{"key":%q,"value":%q,"environment":%q,"service_name":%q,"description":%q,"is_encrypted":false}`,
		key(0), value, environment, serviceName, description)
	request := []byte("POST /api/v1/config/ HTTP/1.1\r\nHost: bench\r\nAuthorization: ApiKey " + apiKey +
		"\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
	start := strings.Index(string(request), keyPrefix) + len(keyPrefix)
	digits := request[start : start+keyDigits]
	return func() []byte {
		writeDigits(digits, counter.Add(1))
		return request
	}
}

// key returns the n-th key.
func key(n int64) string {
	digits := make([]byte, keyDigits)
	writeDigits(digits, n)
	return keyPrefix + string(digits)
}

func writeDigits(digits []byte, n int64) {
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
}

// keysPerRound separates the keys of a ceiling's rounds, which are processes on one
// database.
const keysPerRound = 1_000_000_000

// runLoop runs the bare statements in a process of their own and returns the throughput.
func (b *bench) runLoop(ctx context.Context, loop, databaseURL string, round int) (float64, error) {
	cmd := b.ceiling(ctx, loop, databaseURL,
		strconv.Itoa(round*keysPerRound), b.warmUp().String(), b.duration.String())
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("run the ceiling %s: %w", loop, err)
	}
	var t tally
	if err := json.Unmarshal(out, &t); err != nil {
		return 0, fmt.Errorf("read the ceiling %s: %w", loop, err)
	}
	return t.perSecond(), nil
}

// migrate creates the tables and indexes of a ceiling's database.
func (b *bench) migrate(ctx context.Context, databaseURL string) error {
	if err := b.signalbox(ctx, []string{"migrate", "up"}, "DATABASE_URL="+databaseURL).Run(); err != nil {
		return fmt.Errorf("migrate the ceiling's database: %w", err)
	}
	return nil
}

func sqliteURL(path string) string { return "sqlite://" + path }
