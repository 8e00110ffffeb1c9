package bunstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/auditstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// TestTopicsMigration copies the one position of all topics to each, and back.
func TestTopicsMigration(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			require.NoError(t, store.DownForTest(t.Context(), 12))
			require.NoError(t, store.ExecForTest(t.Context(), `UPDATE relay SET revision = 7, edition = 3`))
			storetest.Migrated(t, store)
			at, err := feedstore.NewDeliveries(store).Delivered(t.Context())
			require.NoError(t, err)
			assert.Equal(t, ports.Delivered{Edition: 3, Streams: []ports.Stream{
				{AggregateType: "configuration", Revision: 7},
				{AggregateType: "flag", Revision: 7},
				{AggregateType: "service", Revision: 7},
			}}, at)
			moved := []ports.Stream{{AggregateType: "configuration", Revision: 9}}
			require.NoError(t, feedstore.NewDeliveries(store).Advance(t.Context(), at, moved))
			require.NoError(t, store.DownForTest(t.Context(), 12))
			require.NoError(t, store.ExecForTest(t.Context(),
				`UPDATE relay SET edition = 1 / (CASE WHEN revision = 7 THEN 1 ELSE NULL END)`))
			storetest.Migrated(t, store)
			at, err = feedstore.NewDeliveries(store).Delivered(t.Context())
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
	url := storetest.PostgresURL(t)
	var list []*bunstore.Store
	var clocks []*system.StoreClock
	for range 2 {
		local := fixture.NewClock()
		local.Move(time.Until(fixture.Noon()) * -1)
		local.Move(fortyDays)
		clock := system.NewStoreClock(local, system.NewStopwatch())
		o := storetest.Options()
		o.TimeQuery = clock.TimeQuery
		store := storetest.OpenPostgres(t, url, o)
		require.NoError(t, feedstore.LearnTime(t.Context(), store))
		list, clocks = append(list, store), append(clocks, clock)
	}
	for i, clock := range clocks {
		assert.WithinDuration(t, time.Now(), clock.Now(), time.Minute, "the database's clock is this machine's")
		assert.Greater(t, clock.Skew(), fortyDays-time.Hour)
		stamp := fixture.Stamp()
		stamp.At = clock.Now()
		c := fixture.Configuration(t, fixture.Key(fmt.Sprint("k", i)), fixture.Stamped(stamp))
		require.NoError(t, configstore.New(list[i]).Save(t.Context(), c))
	}
	_, err := feedstore.NewFeed(list[0]).Sequence(t.Context(), 10)
	require.NoError(t, err)
	_, err = auditstore.New(list[0]).Seal(t.Context(), contract.SealNothing(10))
	require.NoError(t, err)
	for i, store := range list {
		r := relay.New(relay.Dependencies{
			Feed: feedstore.NewFeed(store), Deliveries: feedstore.NewDeliveries(store), Clock: clocks[i], Stopwatch: system.NewStopwatch(),
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
