package lifecycle_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// newerChange inserts a change that only a newer version knows.
const newerChange = `INSERT INTO outbox (event_id, event_type, aggregate_type, aggregate_id, aggregate_version, environment,
 service_name, data, actor_key, actor_name, request_id, occurred_at)
VALUES ('0191d7a2-0000-7000-8000-000000000001', 'quota.created', 'quota', 7, 1, 'production', 'shop', '{"most":9}', '',
 'newer', '', '2026-11-26T12:00:00.000000Z')`

// TestNewerReplica runs beside a replica of a newer version with a further module.
func TestNewerReplica(t *testing.T) {
	t.Parallel()
	for _, s := range e2etest.Stores() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			k := e2etest.NewKafka(harness.FakeKafka(t).ListenAddrs())
			databaseURL := s.New(t)
			c := e2etest.Boot(t, databaseURL, k.Environ()...).Admin(t)
			c.CreateID(t, "a", "1")
			_, err := e2etest.OpenDatabase(t, databaseURL).ExecContext(t.Context(), newerChange)
			require.NoError(t, err)
			c.CreateID(t, "b", "1")
			c.AwaitPublished(t, 3)
			harness.Consume(t, k.Brokers, []string{k.Configurations}, func(r []*kgo.Record) bool { return len(r) == 2 })
			h := c.Health(t)
			require.Len(t, h.Conditions, 1)
			assert.Equal(t, "unknown_event_types", h.Conditions[0].Name)
			assert.Contains(t, h.Conditions[0].Message, "quota")
			c.Get(t, "/readyz").Want(t, http.StatusOK)
			changes := e2etest.Decode[struct {
				Revision int64
				Changes  []e2etest.Object
			}](t, c.Get(t, "/api/v1/changes?since=0&environment=production").Want(t, http.StatusOK))
			require.Len(t, changes.Changes, 3)
			assert.Equal(t, "quota", changes.Changes[1]["resource_type"])
			assert.Equal(t, int64(3), changes.Revision)
			assert.Empty(t, c.Get(t, e2etest.ReadPath("b")).Want(t, http.StatusOK).Header.Get("Signalbox-Stale"))
		})
	}
}
