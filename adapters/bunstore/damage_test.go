package bunstore_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/flagstore"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// told collects what a store tells of damaged rows.
type told struct {
	mu   sync.Mutex
	rows []bunstore.DamagedRow
}

func (d *told) note(r bunstore.DamagedRow) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rows = append(d.rows, r)
}

func tellingStore(t *testing.T) (*bunstore.Store, *told) {
	t.Helper()
	d := &told{}
	o := storetest.Options()
	o.Damaged = d.note
	store := storetest.OpenSQLite(t, bunstore.Memory, o)
	return storetest.Migrated(t, store), d
}

func TestDamagedRowIsToldOnceAndCounted(t *testing.T) {
	t.Parallel()
	store, d := tellingStore(t)
	c := fixture.Configuration(t)
	require.NoError(t, configstore.New(store).Save(t.Context(), c, fixture.Configuration(t, fixture.Key("other"))))
	require.NoError(t, storetest.Execf(t.Context(), store, "UPDATE configurations SET environment = 'A secret' WHERE id = %d", c.ID()))
	require.NoError(t, store.Inspect(t.Context()))
	for range 3 {
		found, err := configstore.New(store).Find(t.Context(), c.ID())
		require.NoError(t, err)
		require.Error(t, found.Damage())
	}
	require.Len(t, d.rows, 1)
	assert.Equal(t, "configurations", d.rows[0].Table)
	assert.Equal(t, fmt.Sprint(c.ID()), d.rows[0].ID)
	assert.Contains(t, d.rows[0].Why, "environment must be")
	assert.NotContains(t, d.rows[0].Why, "secret")
	assert.Equal(t, int64(1), store.DamagedRows())

	// What was deleted needs nobody to act; what was mended is found to be so.
	found, err := configstore.New(store).Find(t.Context(), c.ID())
	require.NoError(t, err)
	require.NoError(t, found.Delete(fixture.Stamp()))
	require.NoError(t, configstore.New(store).Save(t.Context(), found))
	assert.Zero(t, store.DamagedRows())
	require.NoError(t, storetest.Execf(t.Context(), store, "UPDATE configurations SET created_at = 'yesterday', is_deleted = false"))
	require.NoError(t, store.Inspect(t.Context()))
	assert.Equal(t, int64(2), store.DamagedRows())
	require.NoError(t, storetest.Execf(t.Context(), store,
		"UPDATE configurations SET created_at = '2026-01-01T00:00:00.000000Z', environment = 'production'"))
	require.NoError(t, store.Inspect(t.Context()))
	assert.Zero(t, store.DamagedRows())
}

func TestRowWithAColumnOfAnotherTypeCostsItselfAlone(t *testing.T) {
	t.Parallel()
	for column, table := range map[string]string{
		"is_deleted": "configurations", "version": "configurations", "description": "configurations",
	} {
		t.Run(table+" "+column, func(t *testing.T) {
			t.Parallel()
			store, d := tellingStore(t)
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
			whole, err := configstore.New(store).Find(t.Context(), other.ID())
			require.NoError(t, err)
			require.NoError(t, whole.Damage())
			page, err := configstore.New(store).List(t.Context(), configuration.Query{Limit: 10})
			require.NoError(t, err)
			assert.Equal(t, len(page.Items), page.Total)
			assert.Len(t, d.rows, 1)
		})
	}
}

func TestRowWithoutAVersionThatCanBeReadIsDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"'x'", "1.5", "0", "x'ff'"} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			store, _ := tellingStore(t)
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

			mended, err := flagstore.New(store).Find(t.Context(), f.ID())
			require.NoError(t, err)
			first, err := flagstore.New(store).Entry(t.Context(), f.ID(), 1)
			require.NoError(t, err)
			_, err = mended.RollBack(first, fixture.Stamp())
			require.NoError(t, err)
			require.NoError(t, flagstore.New(store).Save(t.Context(), mended))
			require.NoError(t, storetest.Execf(t.Context(), store, "UPDATE feature_flags SET version = %s", value))
			gone, err := flagstore.New(store).Find(t.Context(), f.ID())
			require.NoError(t, err)
			require.NoError(t, gone.Delete(fixture.Stamp()))
			require.NoError(t, flagstore.New(store).Save(t.Context(), gone))
			gone, err = flagstore.New(store).Find(t.Context(), f.ID())
			require.NoError(t, err)
			assert.Equal(t, []any{true, scope.Version(3)}, []any{gone.Deleted(), gone.Version()})
			assert.Zero(t, store.DamagedRows())
		})
	}
}
