package feedstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// TestSelectivePlans checks that PostgreSQL uses the indexes for selective filters.
func TestSelectivePlans(t *testing.T) {
	t.Parallel()
	store := storetest.Postgres(t)
	for from := 0; from < 30_000; from += 5000 {
		require.NoError(t, storetest.Exec(t.Context(), store, fmt.Sprintf(`INSERT INTO changes (revision, event_id, event_type,
 aggregate_type, aggregate_id, aggregate_version, environment, service_name, data, actor_key, actor_name, request_id,
 occurred_at)
SELECT n, gen_random_uuid(), 'configuration.updated', 'configuration', n %% 100, n, 'production',
 CASE WHEN n %% 5000 = 0 THEN 'rare' ELSE 'shop' END, '{}', '', '', '', now() FROM generate_series(%d, %d) AS n`, from+1, from+5000)))
	}
	require.NoError(t, storetest.Exec(t.Context(), store, `ANALYZE changes`))
	for q, index := range map[*ports.ChangeQuery]string{
		{UpTo: 30_000, Limit: 1000, ServiceName: "rare"}:              "changes_by_service",
		{UpTo: 30_000, Limit: 1000, Environment: "mars"}:              "changes_by_environment",
		{UpTo: 30_000, Limit: 1000, AggregateTypes: []string{"flag"}}: "changes_by_type",
	} {
		plan, err := feedstore.NewFeed(store).PlanForTest(t.Context(), *q)
		require.NoError(t, err)
		assert.Contains(t, plan, index)
	}
}
