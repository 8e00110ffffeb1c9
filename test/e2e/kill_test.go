package e2e_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/signalbox-hq/signalbox/test/harness"
)

// killWriters write at the same time.
const killWriters = 16

// killPlaces are where a failpoint ends the service; "" is anywhere.
func killPlaces() []string {
	return []string{"before-commit", "after-commit", "before-reply", "after-publish", "inside-sequencer", ""}
}

// killHits is how often a place is come by, more or less, before a round is over.
func killHits(place string) int {
	if place == "after-publish" || place == "inside-sequencer" {
		return 5
	}
	return 40
}

// TestFaultKill kills the service at named places of its work, again and again. What it
// acknowledged is there, what is there is whole, the feed is the history, versions and
// revisions have no gap, who reads and writes one key sees one order, and Kafka has
// every event.
func TestFaultKill(t *testing.T) {
	t.Parallel()
	rounds := harness.Scale(100, 12)
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			dice := harness.Dice(t)
			databaseURL := store.fresh(t)
			k := newKafka(harness.FakeKafka(t).ListenAddrs())
			environ := append(k.environ(), "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
			l := &ledger{acknowledged: map[revision]string{}}
			p := serve(t, databaseURL, environ...)
			l.shared = p.admin(t).create(t, "shared", "first")
			p.kill(t)
			at, ordered := map[string]int{}, 0
			for round := range rounds {
				place := killPlaces()[round%len(killPlaces())]
				settings := append([]string{fmt.Sprintf("SIGNALBOX_FAILPOINTS=%s=kill@%d", place, 1+dice.IntN(killHits(place)))}, environ...)
				before := look(t, databaseURL)
				o := observe(l.shared, before)
				l.observed = o
				// What is left of the last round may bring it there before it is ready.
				if p = begin(t, databaseURL, settings...); p.startsOrEnds(t) {
					p.awaitReady(t)
					l.writeUntil(t, p, 50+dice.IntN(250), fmt.Sprintf("round-%d", round), func(tb testing.TB) {
						tb.Helper()
						if place == "after-publish" { // which is first come by when Kafka was reached
							p.awaitEnd(tb)
						}
						select {
						case <-p.ended:
						default:
							place = "anywhere"
							p.kill(tb)
						}
					})
				}
				at[place]++
				if strings.HasPrefix(databaseURL, "postgres") {
					awaitSilence(t, databaseURL)
				}
				found := look(t, databaseURL)
				found.requireWhole(t)
				l.requireKept(t, found)
				o.requireLinearizable(t, found)
				ordered += o.checked
			}
			p = serve(t, databaseURL, environ...)
			p.admin(t).awaitPublished(t, 1)
			found := look(t, databaseURL)
			require.Equal(t, found.values[revision{l.shared.ID, found.versions[l.shared.ID]}],
				p.admin(t).read(t, "shared").value())
			requirePublished(t, k, found)
			t.Logf("%d rounds of %d writers, killed %v: %d writes acknowledged and all there, %d without an answer; "+
				"%d versions of %d configurations, without a gap; %d operations of one have an order", rounds, killWriters, at,
				len(l.acknowledged), l.unknown, len(found.values), len(found.versions), ordered)
		})
	}
}

// awaitSilence waits until the statements of a dead service have ended, too.
func awaitSilence(t *testing.T, databaseURL string) {
	t.Helper()
	db := openDatabase(t, databaseURL)
	defer func() { _ = db.Close() }() // there are many rounds
	require.Eventually(t, func() bool {
		var others int
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'look'`).Scan(&others)
		return err == nil && others == 0
	}, patience, leaseStep)
}

// requirePublished checks that Kafka has every event, and that of each key the first
// deliveries are in the order of versions.
func requirePublished(t *testing.T, k kafka, s snapshot) {
	t.Helper()
	told := map[string]bool{}
	last := map[string]int64{}
	done := 0
	harness.Consume(t, k.brokers, []string{k.configurations}, func(records []*kgo.Record) bool {
		for _, r := range records[done:] {
			var m announced
			require.NoError(t, json.Unmarshal(r.Value, &m))
			require.LessOrEqual(t, m.Data.Version, last[string(r.Key)]+1, "%s", r.Key)
			last[string(r.Key)] = max(last[string(r.Key)], m.Data.Version)
			for _, h := range r.Headers {
				if h.Key == "ce_id" {
					told[string(h.Value)] = true
				}
			}
		}
		done = len(records)
		return len(told) >= len(s.ids)
	})
	for _, id := range s.ids {
		require.True(t, told[id], "event %s was told", id)
	}
	t.Logf("%d events in %d messages", len(told), done)
}

// revision is one version of one configuration.
type revision struct{ id, version int64 }

// ledger is what the service has acknowledged.
type ledger struct {
	shared configuration
	// observed is what writers of the shared one saw, where somebody wants to know.
	observed *observations

	mu           sync.Mutex
	acknowledged map[revision]string
	unknown      int
}

// writeUntil lets the writers write, ends the service once it has acknowledged so
// many, and returns when every writer has noticed.
func (l *ledger) writeUntil(t *testing.T, p *process, many int, name string, end func(testing.TB)) {
	t.Helper()
	enough := make(chan struct{}, 1)
	least := len(l.acknowledged) + many
	c := p.admin(t)
	var writers sync.WaitGroup
	failures := make(chan error, killWriters)
	for w := range killWriters {
		writers.Go(func() {
			failures <- l.write(c, w, fmt.Sprintf("%s.writer-%d", name, w), func(so int) {
				if so >= least {
					trySend(enough)
				}
			})
		})
	}
	if l.observed != nil {
		for reader := range observers {
			writers.Go(func() { l.observed.read(c, killWriters+reader) })
		}
	}
	select {
	case <-enough:
	case <-p.ended:
	case err := <-failures:
		require.NoError(t, err)
		p.awaitEnd(t)
	}
	end(t)
	writers.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
}

// write creates configurations and updates them and the shared one, until the
// service does not answer any more. An answer that is no success is an error.
func (l *ledger) write(c client, writer int, name string, tell func(acknowledged int)) error {
	for n := 0; ; n++ {
		value := fmt.Sprintf("%s.%d", name, n)
		made, err := l.acknowledge(c, http.MethodPost, "/api/v1/config/", draft{
			Key: value, Value: value, Environment: "production", ServiceName: "shop",
		}, tell)
		if made == nil {
			return err
		}
		for _, path := range []string{made.path(), l.shared.path(), made.path()} {
			value += "+"
			var seen func(*configuration)
			if path == l.shared.path() && l.observed != nil {
				seen = l.observed.wrote(writer, value)
			}
			changed, err := l.acknowledge(c, http.MethodPut, path, map[string]any{"value": value}, tell)
			if seen != nil && err == nil {
				seen(changed)
			}
			if changed == nil {
				return err
			}
		}
	}
}

// acknowledge makes one write and notes what came of it. The result is nil where
// no answer came, or one that is no success.
func (l *ledger) acknowledge(
	c client, method, path string, body any, tell func(int),
) (*configuration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a, err := c.try(ctx, method, path, body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.unknown++
		return nil, nil
	}
	if a.status != http.StatusOK && a.status != http.StatusCreated {
		return nil, fmt.Errorf("%s %s: answered %d: %s", method, path, a.status, a.body)
	}
	changed, err := parse[configuration](a)
	if err != nil {
		return nil, err
	}
	l.acknowledged[revision{changed.ID, changed.Version}] = changed.value()
	tell(len(l.acknowledged))
	return &changed, nil
}

func trySend(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// requireKept checks that every acknowledged write is there.
func (l *ledger) requireKept(t *testing.T, s snapshot) {
	t.Helper()
	for r, value := range l.acknowledged {
		found, ok := s.values[r]
		require.True(t, ok, "configuration %d version %d was acknowledged and is not there", r.id, r.version)
		require.Equal(t, value, found)
	}
}

// snapshot is what the three tables hold at one moment.
type snapshot struct {
	versions map[int64]int64
	values   map[revision]string
	events   map[revision]int
	// last is the feed's last revision, ids are its events'.
	last int64
	ids  []string
}

// look reads the tables past the service. What a killed service's last statement
// does meanwhile is in all of them or in none: they are read in one transaction.
func look(t *testing.T, databaseURL string) snapshot {
	t.Helper()
	var options sql.TxOptions
	if !strings.HasPrefix(databaseURL, "sqlite:") {
		options = sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	db := openDatabase(t, databaseURL)
	defer func() { _ = db.Close() }() // there are many rounds
	tx, err := db.BeginTx(t.Context(), &options)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	s := snapshot{versions: map[int64]int64{}, values: map[revision]string{}, events: map[revision]int{}}
	each(t, tx, "SELECT id, version FROM configurations", func(scan func(...any)) {
		var r revision
		scan(&r.id, &r.version)
		s.versions[r.id] = r.version
	})
	each(t, tx, "SELECT configuration_id, version, new_value FROM configuration_history", func(scan func(...any)) {
		var r revision
		var value string
		scan(&r.id, &r.version, &value)
		_, twice := s.values[r]
		require.False(t, twice, "configuration %d version %d is in the history twice", r.id, r.version)
		s.values[r] = value
	})
	each(t, tx, "SELECT aggregate_id, aggregate_version FROM "+allEvents, func(scan func(...any)) {
		var r revision
		scan(&r.id, &r.version)
		s.events[r]++
	})
	each(t, tx, "SELECT revision, event_id FROM changes ORDER BY revision", func(scan func(...any)) {
		var revision int64
		var id string
		scan(&revision, &id)
		s.ids = append(s.ids, id)
		s.last++
		require.Equal(t, s.last, revision, "revisions have no gap")
	})
	each(t, tx, "SELECT revision FROM feed_head", func(scan func(...any)) {
		var head int64
		scan(&head)
		require.Equal(t, head, s.last)
	})
	return s
}

func each(t *testing.T, tx *sql.Tx, query string, row func(scan func(...any))) {
	t.Helper()
	rows, err := tx.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		row(func(places ...any) { require.NoError(t, rows.Scan(places...)) })
	}
	require.NoError(t, rows.Err())
}

// requireWhole checks that versions have no gap, that the history holds all of
// them and nothing else, and that each has one event.
func (s snapshot) requireWhole(t *testing.T) {
	t.Helper()
	all := 0
	for id, last := range s.versions {
		for v := int64(1); v <= last; v++ {
			_, ok := s.values[revision{id, v}]
			require.True(t, ok, "configuration %d version %d is not in the history", id, v)
			require.Equal(t, 1, s.events[revision{id, v}], "configuration %d version %d has one event", id, v)
			all++
		}
	}
	require.Len(t, s.values, all, "the history has nothing but the versions")
	require.Len(t, s.events, all, "the feed has nothing but the versions")
}
