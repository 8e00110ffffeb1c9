package bunstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// TestTopicsMigration takes the one position of all topics over to each, and back.
func TestTopicsMigration(t *testing.T) {
	t.Parallel()
	for name, open := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			require.NoError(t, store.DownForTest(t.Context(), 12))
			require.NoError(t, store.ExecForTest(t.Context(), `UPDATE relay SET revision = 7, edition = 3`))
			migrated(t, store)
			at, err := store.Deliveries().Delivered(t.Context())
			require.NoError(t, err)
			assert.Equal(t, ports.Delivered{Edition: 3, Streams: []ports.Stream{
				{AggregateType: "configuration", Revision: 7},
				{AggregateType: "flag", Revision: 7},
				{AggregateType: "service", Revision: 7},
			}}, at)
			moved := []ports.Stream{{AggregateType: "configuration", Revision: 9}}
			require.NoError(t, store.Deliveries().Advance(t.Context(), at, moved))
			require.NoError(t, store.DownForTest(t.Context(), 12))
			require.NoError(t, store.ExecForTest(t.Context(),
				`UPDATE relay SET edition = 1 / (CASE WHEN revision = 7 THEN 1 ELSE NULL END)`))
			migrated(t, store)
			at, err = store.Deliveries().Delivered(t.Context())
			require.NoError(t, err)
			assert.Equal(t, int64(7), at.Of("configuration").Revision, "the lowest")
			assert.Equal(t, int64(1), at.Edition)
		})
	}
}

// TestClockAhead has two replicas whose machines are forty days ahead of the database.
func TestClockAhead(t *testing.T) {
	t.Parallel()
	const fortyDays = 40 * 24 * time.Hour
	url := harness.Postgres(t, migrate)
	var list []*bunstore.Store
	var clocks []*system.StoreClock
	for range 2 {
		local := fixture.NewClock()
		local.Move(time.Until(fixture.Noon()) * -1)
		local.Move(fortyDays)
		clock := system.NewStoreClock(local, system.NewStopwatch())
		o := options()
		o.Asked = clock.Asked
		store, err := bunstore.OpenPostgres(t.Context(), url, o)
		require.NoError(t, err)
		closeAfter(t, store)
		require.NoError(t, store.LearnTime(t.Context()))
		list, clocks = append(list, store), append(clocks, clock)
	}
	for i, clock := range clocks {
		assert.WithinDuration(t, time.Now(), clock.Now(), time.Minute, "the database's clock is this machine's")
		assert.Greater(t, clock.Skew(), fortyDays-time.Hour)
		stamp := fixture.Stamp()
		stamp.At = clock.Now()
		c := fixture.Configuration(t, fixture.Key(fmt.Sprint("k", i)), fixture.Stamped(stamp))
		require.NoError(t, list[i].Configurations().Save(t.Context(), c))
	}
	_, err := list[0].Feed().Sequence(t.Context(), 10)
	require.NoError(t, err)
	for i, store := range list {
		r := relay.New(relay.Dependencies{
			Feed: store.Feed(), Deliveries: store.Deliveries(), Clock: clocks[i], Stopwatch: system.NewStopwatch(),
			Publisher: fixture.NewBroker(), Modules: fixture.Modules(),
		})
		_, err := r.Drain(t.Context())
		require.NoError(t, err)
		n, err := r.Purge(t.Context(), relay.Retention{Age: 7 * 24 * time.Hour, Rows: 1000})
		require.NoError(t, err)
		assert.Zero(t, n, "nothing is forgotten early")
		n, err = r.Purge(t.Context(), relay.Retention{Age: 0, Rows: 1000})
		require.NoError(t, err)
		assert.Equal(t, 2-2*i, n)
	}
}

// TestSelectivePlans holds PostgreSQL to the indexes for parts of the feed that are
// selective.
func TestSelectivePlans(t *testing.T) {
	t.Parallel()
	store := postgresStore(t)
	for from := 0; from < 30_000; from += 5000 {
		require.NoError(t, store.ExecForTest(t.Context(), fmt.Sprintf(`INSERT INTO changes (revision, event_id, event_type,
 aggregate_type, aggregate_id, aggregate_version, environment, service_name, data, actor_key, actor_name, request_id,
 occurred_at)
SELECT n, gen_random_uuid(), 'configuration.updated', 'configuration', n %% 100, n, 'production',
 CASE WHEN n %% 5000 = 0 THEN 'rare' ELSE 'shop' END, '{}', '', '', '', now() FROM generate_series(%d, %d) AS n`, from+1, from+5000)))
	}
	require.NoError(t, store.ExecForTest(t.Context(), `ANALYZE changes`))
	for q, index := range map[*ports.ChangeQuery]string{
		{UpTo: 30_000, Limit: 1000, ServiceName: "rare"}:              "changes_by_service",
		{UpTo: 30_000, Limit: 1000, Environment: "mars"}:              "changes_by_environment",
		{UpTo: 30_000, Limit: 1000, AggregateTypes: []string{"flag"}}: "changes_by_type",
	} {
		plan, err := store.PlanForTest(t.Context(), *q)
		require.NoError(t, err)
		assert.Contains(t, plan, index)
	}
}
