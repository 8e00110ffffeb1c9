package fault_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// killWriters is the number of concurrent writers.
const killWriters = 16

// killPlaces are the failpoints at which the service is killed; "" is any moment.
func killPlaces() []string {
	return []string{"before-commit", "after-commit", "before-reply", "after-publish", "inside-sequencer", ""}
}

// killHits is about how often a failpoint is hit before a round ends.
func killHits(place string) int {
	if place == "after-publish" || place == "inside-sequencer" {
		return 5
	}
	return 40
}

// TestFaultKill kills the service repeatedly at failpoints. Acknowledged writes are stored
// and complete, the feed matches the history, versions and revisions have no gap, reads and
// writes of one key are linearizable, and Kafka has every event.
func TestFaultKill(t *testing.T) {
	t.Parallel()
	rounds := harness.Scale(100, 12)
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			random := harness.Rand(t)
			databaseURL := store.New(t)
			k := e2etest.NewKafka(harness.FakeKafka(t).ListenAddrs())
			environ := append(k.Environ(), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
			l := &ledger{acknowledged: map[revision]string{}}
			p := e2etest.Serve(t, databaseURL, environ...)
			l.shared = p.Admin(t).Create(t, "shared", "first")
			p.Kill(t)
			at, ordered := map[string]int{}, 0
			for round := range rounds {
				place := killPlaces()[round%len(killPlaces())]
				settings := append([]string{fmt.Sprintf("SIGNALBOX_FAILPOINTS=%s=kill@%d", place, 1+random.IntN(killHits(place)))}, environ...)
				before := readSnapshot(t, databaseURL)
				o := observe(l.shared, before)
				l.observed = o
				// Work left by the last round may reach the failpoint before the service is ready.
				if p = e2etest.StartServer(t, databaseURL, settings...); p.AwaitReadyOrExit(t) {
					p.AwaitReady(t)
					l.writeUntil(t, p, 50+random.IntN(250), fmt.Sprintf("round-%d", round), func(tb testing.TB) {
						tb.Helper()
						if place == "after-publish" { // which is first come by when Kafka was reached
							p.AwaitExit(tb)
						}
						select {
						case <-p.Exited:
						default:
							place = "anywhere"
							p.Kill(tb)
						}
					})
				}
				at[place]++
				if strings.HasPrefix(databaseURL, "postgres") {
					awaitSilence(t, databaseURL)
				}
				found := readSnapshot(t, databaseURL)
				found.requireComplete(t)
				l.requireKept(t, found)
				o.requireLinearizable(t, found)
				ordered += o.checked
			}
			p = e2etest.Serve(t, databaseURL, environ...)
			p.Admin(t).AwaitPublished(t, 1)
			found := readSnapshot(t, databaseURL)
			require.Equal(t, found.values[revision{l.shared.ID, found.versions[l.shared.ID]}],
				p.Admin(t).Read(t, "shared").ShownValue())
			requirePublished(t, k, found)
			t.Logf("%d rounds of %d writers, killed %v: %d writes acknowledged and stored, %d without a response; "+
				"%d versions of %d configurations, without a gap; %d operations of one have an order", rounds, killWriters, at,
				len(l.acknowledged), l.unknown, len(found.values), len(found.versions), ordered)
		})
	}
}

// awaitSilence waits until the statements of a killed service have ended.
func awaitSilence(t *testing.T, databaseURL string) {
	t.Helper()
	db := e2etest.OpenDatabase(t, databaseURL)
	defer func() { _ = db.Close() }() // there are many rounds
	require.Eventually(t, func() bool {
		var others int
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'test'`).Scan(&others)
		return err == nil && others == 0
	}, e2etest.Timeout, e2etest.PollInterval)
}

// requirePublished checks that Kafka has every event, and that the first deliveries of
// each key are in the order of versions.
func requirePublished(t *testing.T, k e2etest.Kafka, s snapshot) {
	t.Helper()
	delivered := map[string]bool{}
	last := map[string]int64{}
	done := 0
	harness.Consume(t, k.Brokers, []string{k.Configurations}, func(records []*kgo.Record) bool {
		for _, r := range records[done:] {
			var m e2etest.Message
			require.NoError(t, json.Unmarshal(r.Value, &m))
			require.LessOrEqual(t, m.Data.Version, last[string(r.Key)]+1, "%s", r.Key)
			last[string(r.Key)] = max(last[string(r.Key)], m.Data.Version)
			for _, h := range r.Headers {
				if h.Key == "ce_id" {
					delivered[string(h.Value)] = true
				}
			}
		}
		done = len(records)
		return len(delivered) >= len(s.ids)
	})
	for _, id := range s.ids {
		require.True(t, delivered[id], "event %s was delivered", id)
	}
	t.Logf("%d events in %d messages", len(delivered), done)
}
