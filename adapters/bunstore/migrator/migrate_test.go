package migrator_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Unmigrated() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			t.Run("of four processes one migrates, and none fails", func(t *testing.T) {
				t.Parallel()
				stores := open(t, slices.Repeat([]bunstore.Options{storetest.Options()}, 4)...)
				applied, errs := make([]int, len(stores)), make([]error, len(stores))
				var all sync.WaitGroup
				for i, s := range stores {
					all.Go(func() { applied[i], errs[i] = s.Migrate(t.Context()) })
				}
				all.Wait()
				total := 0
				for i := range stores {
					require.NoError(t, errs[i])
					total += applied[i]
				}
				status, err := stores[0].MigrationStatus(t.Context())
				require.NoError(t, err)
				assert.Len(t, status, total)
				for _, m := range status {
					assert.True(t, m.Applied, m.Name)
					assert.False(t, m.AppliedAt.IsZero())
				}
			})

			t.Run("an unmigrated database is rejected", func(t *testing.T) {
				t.Parallel()
				store := open(t, storetest.Options())[0]
				require.ErrorContains(t, store.CheckSchema(t.Context()), "signalbox migrate up")
				storetest.Migrated(t, store)
				require.NoError(t, store.CheckSchema(t.Context()))
				repeated, err := store.Migrate(t.Context())
				require.NoError(t, err)
				assert.Zero(t, repeated)
			})

			t.Run("reading the status writes nothing", func(t *testing.T) {
				t.Parallel()
				store := open(t, storetest.Options())[0]
				require.Error(t, store.CheckSchema(t.Context()))
				status, err := store.MigrationStatus(t.Context())
				require.NoError(t, err)
				assert.NotEmpty(t, status)
				tables, err := storetest.Tables(t.Context(), store)
				require.NoError(t, err)
				assert.Empty(t, tables)
			})

			t.Run("a database of another program is rejected before anything is written", func(t *testing.T) {
				t.Parallel()
				store := open(t, storetest.Options())[0]
				require.NoError(t, storetest.Exec(t.Context(), store, `CREATE TABLE configurations (id integer)`))
				_, err := store.Migrate(t.Context())
				require.ErrorContains(t, err, "tables of another program (configurations)")
				require.ErrorContains(t, store.CheckSchema(t.Context()), "tables of another program")
				_, err = store.MigrationStatus(t.Context())
				require.ErrorContains(t, err, "tables of another program")
				tables, err := storetest.Tables(t.Context(), store)
				require.NoError(t, err)
				assert.Equal(t, []string{"configurations"}, tables)
			})

			t.Run("the version table of another program stays unchanged", func(t *testing.T) {
				t.Parallel()
				store := open(t, storetest.Options())[0]
				require.NoError(t, storetest.Exec(t.Context(), store,
					`CREATE TABLE goose_db_version (version_id bigint, is_applied boolean)`))
				require.NoError(t, storetest.Exec(t.Context(), store, `INSERT INTO goose_db_version VALUES (777, true)`))
				storetest.Migrated(t, store)
				require.NoError(t, store.CheckSchema(t.Context()))
				tables, err := storetest.Tables(t.Context(), store)
				require.NoError(t, err)
				assert.Contains(t, tables, "goose_db_version")
			})

			t.Run("the version table of an earlier build is adopted", func(t *testing.T) {
				t.Parallel()
				stores := open(t, storetest.Options(), storetest.Options())
				storetest.Migrated(t, stores[0])
				require.NoError(t, storetest.Exec(t.Context(), stores[0],
					`ALTER TABLE signalbox_migrations RENAME TO goose_db_version`))
				require.ErrorContains(t, stores[0].CheckSchema(t.Context()), "signalbox migrate up")
				errs := make([]error, len(stores))
				var all sync.WaitGroup
				for i, s := range stores {
					all.Go(func() { _, errs[i] = s.Migrate(t.Context()) })
				}
				all.Wait()
				require.NoError(t, errors.Join(errs...))
				require.NoError(t, stores[1].CheckSchema(t.Context()))
			})

			t.Run("a database newer than the binary is rejected", func(t *testing.T) {
				t.Parallel()
				store := storetest.Migrated(t, open(t, storetest.Options())[0])
				require.NoError(t, storetest.Exec(t.Context(), store,
					`INSERT INTO signalbox_migrations (version_id, is_applied) VALUES (999, true)`))
				_, err := store.Migrate(t.Context())
				require.ErrorContains(t, err, "the database is at version 999")
				require.ErrorContains(t, store.CheckSchema(t.Context()), "start a newer signalbox")
			})
		})
	}
}
