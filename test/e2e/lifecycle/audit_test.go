package lifecycle_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

type entry struct {
	Action  string
	Outcome string
	Count   int64
}

// TestAuditBacklog denies requests and fails changes while the database is away, stops, and finds them in the
// audit log after the next start.
func TestAuditBacklog(t *testing.T) {
	t.Parallel()
	between := e2etest.NewGate(t, e2etest.NewPostgres(t))
	file := filepath.Join(t.TempDir(), "audit-backlog")
	environ := []string{"BOOTSTRAP_ADMIN_KEY=" + e2etest.AdminKey(t), "AUDIT_BUFFER_FILE=" + file}
	p := e2etest.Serve(t, between.URL, environ...)
	made := e2etest.Decode[struct{ ID, Key string }](t, p.Admin(t).Post(t, "/api/v1/access/keys/", e2etest.Object{
		"name": "reader", "grants": []e2etest.Object{{"role": "reader"}},
	}).Want(t, http.StatusCreated))
	reader := p.Admin(t)
	reader.Key = made.Key
	reader.Get(t, "/api/v1/config/").Want(t, http.StatusOK)

	between.Close()
	p.Admin(t).Post(t, "/api/v1/config/", e2etest.Draft{Key: "k", Environment: "production", ServiceName: "shop"}).
		Problem(t, http.StatusServiceUnavailable, "unavailable")
	for range 3 {
		reader.Post(t, "/api/v1/config/", e2etest.Object{}).Problem(t, http.StatusForbidden, "forbidden")
	}
	p.Terminate(t)
	p.AwaitExit(t) // the exit code says that the replica could not take its leave
	p.Log.Await(t, "audit records left in AUDIT_BUFFER_FILE for the next start", p.Exited)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "configuration.write")
	require.NotContains(t, string(text), made.Key)

	between.Open(t)
	p = e2etest.Serve(t, between.URL, environ...)
	var found []entry
	require.Eventually(t, func() bool {
		a := p.Admin(t).Get(t, "/api/v1/audit/?outcome=denied&actor_key_id="+made.ID).Want(t, http.StatusOK)
		found = e2etest.Decode[struct{ Entries []entry }](t, a).Entries
		return len(found) > 0
	}, e2etest.Timeout, e2etest.PollInterval)
	assert.Equal(t, []entry{{Action: "configuration.write", Outcome: "denied", Count: 3}}, found)
	a := p.Admin(t).Get(t, "/api/v1/audit/?outcome=failed").Want(t, http.StatusOK)
	assert.Equal(t, []entry{{Action: "configuration.write", Outcome: "failed", Count: 1}},
		e2etest.Decode[struct{ Entries []entry }](t, a).Entries)
	require.Eventually(t, func() bool {
		info, err := os.Stat(file)
		return err == nil && info.Size() == 0
	}, e2etest.Timeout, e2etest.PollInterval)
}

// TestAuditHeads reads the heads of the log from Kafka.
func TestAuditHeads(t *testing.T) {
	t.Parallel()
	for name, fresh := range e2etest.Kafkas() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, topic := fresh(t), "heads-"+uuid.NewString()
			c := e2etest.Boot(t, e2etest.NewSQLite(t), append(k.Environ(),
				"KAFKA_TOPIC_AUDIT_HEADS="+topic, "AUDIT_HEAD_INTERVAL=100ms", "SERVICE_NAME=heads")...).Admin(t)
			c.Create(t, "k", "v")
			type head struct {
				Sequence int64
				Hash     string
				Source   string
			}
			var heads []head
			harness.Consume(t, k.Brokers, []string{topic}, func(records []*kgo.Record) bool {
				heads = nil
				for _, r := range records {
					var h head
					require.NoError(t, json.Unmarshal(r.Value, &h))
					heads = append(heads, h)
				}
				return slices.ContainsFunc(heads, func(h head) bool { return h.Sequence > 0 })
			})
			last := heads[len(heads)-1]
			assert.Equal(t, "/signalbox/heads", last.Source)
			exported := e2etest.Decode[struct {
				Entries []struct {
					Sequence int64
					Hash     string
				}
			}](t, c.Get(t, "/api/v1/audit/?limit=1000").Want(t, http.StatusOK)).Entries
			assert.True(t, slices.ContainsFunc(exported, func(e struct {
				Sequence int64
				Hash     string
			},
			) bool {
				return e.Sequence == last.Sequence && e.Hash == last.Hash
			}), "the head is that of an entry")
		})
	}
}
