package bunstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/flagstore"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestDamagedRowIsReportedOnceAndCounted(t *testing.T) {
	t.Parallel()
	store, d := storetest.Reporting(t)
	c := fixture.Configuration(t)
	require.NoError(t, configstore.New(store).Save(t.Context(), c, fixture.Configuration(t, fixture.Key("other"))))
	require.NoError(t, storetest.Execf(t.Context(), store, "UPDATE configurations SET environment = 'A secret' WHERE id = %d", c.ID()))
	require.NoError(t, store.Inspect(t.Context()))
	for range 3 {
		found, err := configstore.New(store).Find(t.Context(), c.ID())
		require.NoError(t, err)
		require.Error(t, found.Damage())
	}
	require.Len(t, d.All(), 1)
	assert.Equal(t, "configurations", d.All()[0].Table)
	assert.Equal(t, fmt.Sprint(c.ID()), d.All()[0].ID)
	assert.Contains(t, d.All()[0].Why, "environment must be")
	assert.NotContains(t, d.All()[0].Why, "secret")
	assert.Equal(t, int64(1), store.DamagedRows())

	// A deleted row is not counted; a repaired one is found by the inspection.
	found, err := configstore.New(store).Find(t.Context(), c.ID())
	require.NoError(t, err)
	require.NoError(t, found.Delete(fixture.Stamp()))
	require.NoError(t, configstore.New(store).Save(t.Context(), found))
	assert.Zero(t, store.DamagedRows())
	require.NoError(t, storetest.Execf(t.Context(), store, "UPDATE configurations SET created_at = 'yesterday'"))
	require.NoError(t, store.Inspect(t.Context()))
	assert.Equal(t, int64(1), store.DamagedRows())
	require.NoError(t, storetest.Execf(t.Context(), store,
		"UPDATE configurations SET created_at = '2026-01-01T00:00:00.000000Z', environment = 'production'"))
	require.NoError(t, store.Inspect(t.Context()))
	assert.Zero(t, store.DamagedRows())
}

func TestColumnOfAnotherTypeDamagesItsRowOnly(t *testing.T) {
	t.Parallel()
	for column, table := range map[string]string{
		"is_deleted": "configurations", "version": "configurations", "description": "configurations",
	} {
		t.Run(table+" "+column, func(t *testing.T) {
			t.Parallel()
			store, d := storetest.Reporting(t)
			one, other := fixture.Configuration(t, fixture.Key("a")), fixture.Configuration(t, fixture.Key("b"))
			require.NoError(t, configstore.New(store).Save(t.Context(), one, other))
			value := "'neither'"
			if column == "description" {
				value = "x'ff'"
			}
			require.NoError(t, storetest.Execf(t.Context(), store, "UPDATE %s SET %s = %s WHERE id = %d", table, column, value, one.ID()))
			found, err := configstore.New(store).Find(t.Context(), one.ID())
			require.NoError(t, err)
			require.Error(t, found.Damage())
			assert.Equal(t, one.ID(), found.ID())
			undamaged, err := configstore.New(store).Find(t.Context(), other.ID())
			require.NoError(t, err)
			require.NoError(t, undamaged.Damage())
			page, err := configstore.New(store).List(t.Context(), configuration.Query{Window: scope.Window{Limit: 10}})
			require.NoError(t, err)
			assert.Equal(t, len(page.Items), page.Total)
			assert.Len(t, d.All(), 1)
		})
	}
}

func TestRowWithUnreadableVersionIsDeletedAndRolledBack(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"'x'", "1.5", "0", "x'ff'"} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			store, _ := storetest.Reporting(t)
			c, f := fixture.Configuration(t), fixture.Flag(t, `{"is_enabled":true}`)
			require.NoError(t, configstore.New(store).Save(t.Context(), c))
			_, err := c.Update(fixture.Draft(t, "second"), fixture.Stamp())
			require.NoError(t, err)
			require.NoError(t, configstore.New(store).Save(t.Context(), c))
			require.NoError(t, flagstore.New(store).Save(t.Context(), f))
			require.NoError(t, storetest.Execf(t.Context(), store, "UPDATE configurations SET version = %s", value))
			require.NoError(t, storetest.Execf(t.Context(), store, "UPDATE feature_flags SET version = %s", value))
			require.NoError(t, store.Inspect(t.Context()))
			assert.Equal(t, int64(2), store.DamagedRows())

			found, err := configstore.New(store).Find(t.Context(), c.ID())
			require.NoError(t, err)
			require.Error(t, found.Damage())
			assert.Equal(t, configuration.Version(2), found.Version(), "the history goes on")
			require.NoError(t, found.Delete(fixture.Stamp()))
			require.NoError(t, configstore.New(store).Save(t.Context(), found))
			found, err = configstore.New(store).FindByIdentity(t.Context(), c.Identity())
			require.NoError(t, err)
			require.NoError(t, found.Damage())
			assert.Equal(t, []any{true, configuration.Version(3)}, []any{found.Deleted(), found.Version()})

			repaired, err := flagstore.New(store).Find(t.Context(), f.ID())
			require.NoError(t, err)
			first, err := flagstore.New(store).Entry(t.Context(), f.ID(), 1)
			require.NoError(t, err)
			_, err = repaired.RollBack(first, fixture.Stamp())
			require.NoError(t, err)
			require.NoError(t, flagstore.New(store).Save(t.Context(), repaired))
			require.NoError(t, storetest.Execf(t.Context(), store, "UPDATE feature_flags SET version = %s", value))
			deleted, err := flagstore.New(store).Find(t.Context(), f.ID())
			require.NoError(t, err)
			require.NoError(t, deleted.Delete(fixture.Stamp()))
			require.NoError(t, flagstore.New(store).Save(t.Context(), deleted))
			deleted, err = flagstore.New(store).Find(t.Context(), f.ID())
			require.NoError(t, err)
			assert.Equal(t, []any{true, scope.Version(3)}, []any{deleted.Deleted(), deleted.Version()})
			assert.Zero(t, store.DamagedRows())
		})
	}
}
