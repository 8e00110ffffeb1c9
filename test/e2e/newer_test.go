package e2e_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/signalbox-hq/signalbox/test/harness"
)

// aQuota is a change that only a newer version makes.
const aQuota = `INSERT INTO outbox (event_id, event_type, aggregate_type, aggregate_id, aggregate_version, environment,
 service_name, data, actor_key, actor_name, request_id, occurred_at)
VALUES ('0191d7a2-0000-7000-8000-000000000001', 'quota.created', 'quota', 7, 1, 'production', 'shop', '{"most":9}', '',
 'newer', '', '2026-11-26T12:00:00.000000Z')`

// TestNewerReplica has a replica of a newer version beside this one, with a module more.
func TestNewerReplica(t *testing.T) {
	t.Parallel()
	for _, s := range stores() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := newKafka(harness.FakeKafka(t).ListenAddrs())
			databaseURL := s.fresh(t)
			c := boot(t, databaseURL, k.environ()...).admin(t)
			c.createConfig(t, "a", "1")
			_, err := openDatabase(t, databaseURL).ExecContext(t.Context(), aQuota)
			require.NoError(t, err)
			c.createConfig(t, "b", "1")
			c.awaitPublished(t, 3)
			harness.Consume(t, k.brokers, []string{k.configurations}, func(r []*kgo.Record) bool { return len(r) == 2 })
			h := c.health(t)
			require.Len(t, h.Conditions, 1)
			assert.Equal(t, "unknown_event_types", h.Conditions[0].Name)
			assert.Contains(t, h.Conditions[0].Message, "quota")
			c.get(t, "/readyz").want(t, http.StatusOK)
			changes := decode[struct {
				Revision int64
				Changes  []object
			}](t, c.get(t, "/api/v1/changes?since=0&environment=production").want(t, http.StatusOK))
			require.Len(t, changes.Changes, 3)
			assert.Equal(t, "quota", changes.Changes[1]["resource_type"])
			assert.Equal(t, int64(3), changes.Revision)
			assert.Empty(t, c.get(t, at("b")).want(t, http.StatusOK).header.Get("Signalbox-Stale"))
		})
	}
}
