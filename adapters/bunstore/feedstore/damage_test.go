package feedstore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/auditstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestDamagedChangeDoesNotStopReaders(t *testing.T) {
	t.Parallel()
	for column, value := range map[string]string{
		"aggregate_version": "'x'", "aggregate_id": "'x'", "occurred_at": "'yesterday'",
	} {
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			store, d := storetest.Reporting(t)
			c := fixture.Configuration(t)
			require.NoError(t, configstore.New(store).Save(t.Context(), c, fixture.Configuration(t, fixture.Key("other")),
				fixture.Configuration(t, fixture.Key("third"))))
			_, err := feedstore.NewFeed(store).Sequence(t.Context(), 10)
			require.NoError(t, err)
			require.NoError(t, storetest.Execf(t.Context(), store, "UPDATE changes SET %s = %s WHERE revision = 2", column, value))
			for range 2 {
				list, err := feedstore.NewFeed(store).Changes(t.Context(), ports.ChangeQuery{Limit: 10})
				require.NoError(t, err)
				require.Len(t, list, 3)
				for i, found := range list {
					assert.Equal(t, int64(i+1), found.Revision)
					assert.Equal(t, configuration.AggregateType, found.AggregateType)
					assert.Contains(t, string(found.Data), `"key"`)
				}
				assert.Equal(t, []int64{1, 1}, []int64{list[0].AggregateVersion, list[2].AggregateVersion})
				assert.Equal(t, column == "aggregate_version", list[1].AggregateVersion == 0)
			}
			require.Len(t, d.All(), 1)
			assert.Equal(t, []string{"changes", "2"}, []string{d.All()[0].Table, d.All()[0].ID})
			assert.Equal(t, int64(1), store.DamagedRows())

			sealed, err := auditstore.New(store).Seal(t.Context(), ports.Sealing{Limit: 10, Describe: func(c ports.Change) (audit.Record, bool) {
				return audit.Record{Action: c.EventType, Count: 1}, true
			}})
			require.NoError(t, err)
			assert.Equal(t, 3, sealed, "it does not stop the audit log, either")

			all := ports.Retention{Published: map[string]int64{configuration.AggregateType: 3}}
			n, err := feedstore.NewFeed(store).Purge(t.Context(), all, 10)
			require.NoError(t, err)
			assert.Equal(t, 3, n)
			assert.Zero(t, store.DamagedRows(), "a purged row is not damaged")
		})
	}
}
