package migrator_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/migrator"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// experiments are the migrations of a module from outside, each a file's text.
func experiments(migrations ...string) *migrator.Source {
	files := fstest.MapFS{}
	for i, text := range migrations {
		for _, folder := range []string{"postgres", "sqlite"} {
			files[folder+"/0000"+string(rune('1'+i))+"_step.sql"] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return &migrator.Source{Name: "experiment", Table: "experiment_migrations", Files: files}
}

const (
	createExperiments = "-- +goose Up\nCREATE TABLE experiments (id integer PRIMARY KEY);\n\n" +
		"-- +goose Down\nDROP TABLE experiments;\n"
	addName = "-- +goose Up\nALTER TABLE experiments ADD COLUMN name text;\n\n" +
		"-- +goose Down\nALTER TABLE experiments DROP COLUMN name;\n"
)

func withModule(source *migrator.Source) bunstore.Options {
	o := storetest.Options()
	o.Modules = append(o.Modules, bunstore.Module{Migrations: source})
	return o
}

func TestMigrateModules(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Unmigrated() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			t.Run("the migrations of a module are applied and recorded in its version table", func(t *testing.T) {
				t.Parallel()
				store := storetest.Migrated(t, open(t, withModule(experiments(createExperiments)))[0])
				require.NoError(t, store.CheckSchema(t.Context()))
				tables, err := storetest.Tables(t.Context(), store)
				require.NoError(t, err)
				assert.Subset(t, tables, []string{"configurations", "experiments", "experiment_migrations", "signalbox_migrations"})
				status, err := store.MigrationStatus(t.Context())
				require.NoError(t, err)
				last := status[len(status)-1]
				assert.Equal(t, "experiment/00001_step.sql", last.Name)
				assert.Equal(t, int64(1), last.Version)
				assert.True(t, last.Applied)
			})

			t.Run("a module is added to a database in use, and grows", func(t *testing.T) {
				t.Parallel()
				stores := open(t, storetest.Options(), withModule(experiments(createExperiments)),
					withModule(experiments(createExperiments, addName)))
				storetest.Migrated(t, stores[0])
				for _, store := range stores[1:] {
					require.ErrorContains(t, store.CheckSchema(t.Context()), "older than this binary")
					applied, err := store.Migrate(t.Context())
					require.NoError(t, err)
					assert.Equal(t, 1, applied)
					require.NoError(t, store.CheckSchema(t.Context()))
				}
				require.NoError(t, stores[0].CheckSchema(t.Context()), "a binary without the module goes on")
			})

			t.Run("a module newer than the binary is rejected", func(t *testing.T) {
				t.Parallel()
				stores := open(t, withModule(experiments(createExperiments, addName)),
					withModule(experiments(createExperiments)))
				storetest.Migrated(t, stores[0])
				older := stores[1]
				require.ErrorContains(t, older.CheckSchema(t.Context()), "version 2 of experiment, this binary knows 1")
				_, err := older.Migrate(t.Context())
				require.ErrorContains(t, err, "start a newer signalbox")
			})

			t.Run("a table of another program under a module's name is rejected before anything is written", func(t *testing.T) {
				t.Parallel()
				store := open(t, withModule(experiments(createExperiments)))[0]
				require.NoError(t, storetest.Exec(t.Context(), store, `CREATE TABLE experiments (id integer)`))
				_, err := store.Migrate(t.Context())
				require.ErrorContains(t, err, "tables of another program (experiments)")
				_, err = store.MigrationStatus(t.Context())
				require.ErrorContains(t, err, "tables of another program")
				tables, err := storetest.Tables(t.Context(), store)
				require.NoError(t, err)
				assert.Equal(t, []string{"experiments"}, tables)
			})

			t.Run("two modules do not share a version table", func(t *testing.T) {
				t.Parallel()
				o := withModule(experiments(createExperiments))
				o.Modules = append(o.Modules, o.Modules[len(o.Modules)-1])
				_, err := open(t, o)[0].Migrate(t.Context())
				require.ErrorContains(t, err, "experiment_migrations belongs to another module")
			})
		})
	}
}
