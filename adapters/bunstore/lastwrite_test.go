package bunstore_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestWriteConditions(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (store *bunstore.Store, save func(key, description string) error) {
		t.Helper()
		store = storetest.Migrated(t, storetest.OpenSQLite(t, filepath.Join(t.TempDir(), "signalbox.db"), storetest.Options()))
		return store, func(key, description string) error {
			return configstore.New(store).Save(t.Context(),
				fixture.Configuration(t, fixture.Key(key), fixture.Described(t, description)))
		}
	}

	t.Run("a full disk is a condition until a write succeeds", func(t *testing.T) {
		t.Parallel()
		store, save := setup(t)
		require.NoError(t, save("before", ""))
		require.Empty(t, store.Conditions())
		require.NoError(t, store.ExecForTest(t.Context(), "PRAGMA max_page_count = 1"))
		var err error
		for n := 0; err == nil && n < 1000; n++ {
			err = save("k"+strings.Repeat("x", n%200), strings.Repeat("d", 900))
		}
		require.ErrorIs(t, err, fault.ErrUnavailable)
		require.Len(t, store.Conditions(), 1)
		condition := store.Conditions()[0]
		assert.Equal(t, "database_writes_failing", condition.Name)
		assert.Equal(t, "database", condition.Part)
		assert.Contains(t, condition.Message, "database or disk is full")

		require.NoError(t, store.ExecForTest(t.Context(), "PRAGMA max_page_count = 100000"))
		require.NotEmpty(t, store.Conditions(), "there was no write yet")
		require.NoError(t, save("after", ""))
		require.Empty(t, store.Conditions())
	})

	t.Run("an unknown failure of the store is a condition, too", func(t *testing.T) {
		t.Parallel()
		store, save := setup(t)
		require.NoError(t, store.ExecForTest(t.Context(), `CREATE TRIGGER refuse BEFORE INSERT ON outbox
BEGIN SELECT RAISE(ABORT, 'refused by a trigger'); END`))
		require.Error(t, save("refused", ""))
		require.Len(t, store.Conditions(), 1)
		require.NoError(t, store.ExecForTest(t.Context(), "DROP TRIGGER refuse"))
		require.NoError(t, save("written.later", ""))
		require.Empty(t, store.Conditions())
	})

	t.Run("a write conflict is no condition", func(t *testing.T) {
		t.Parallel()
		store, save := setup(t)
		require.NoError(t, save("exists", ""))
		require.ErrorIs(t, save("exists", ""), scope.ErrAlreadyExists)
		require.Empty(t, store.Conditions())
	})
}
