package bunstore_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/migrator"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// experimentOptions are the options of a store with the module of experiments, which
// brings its own migrations.
func experimentOptions() bunstore.Options {
	o := storetest.Options()
	o.Modules = append(o.Modules, bunstore.Module{
		Migrations: &migrator.Source{
			Name: "experiment", Table: "experiment_migrations", Files: os.DirFS("testdata/experiment"),
		},
		Inspect: []bunstore.Inspection{bunstore.InspectByID("experiments", currentExperiments,
			func(r experimentRow) any { return r.ID })},
	})
	return o
}

func experimentStores() map[string]func(testing.TB) *bunstore.Store {
	return map[string]func(testing.TB) *bunstore.Store{
		"SQLite": func(tb testing.TB) *bunstore.Store {
			tb.Helper()
			return storetest.Migrated(tb, storetest.OpenSQLite(tb, bunstore.Memory, experimentOptions()))
		},
		"PostgreSQL": func(tb testing.TB) *bunstore.Store {
			tb.Helper()
			return storetest.Migrated(tb, storetest.OpenPostgres(tb, storetest.PostgresURL(tb), experimentOptions()))
		},
	}
}

func TestVersionedContract(t *testing.T) {
	t.Parallel()
	for name, open := range experimentStores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Versioned(t, func(t *testing.T) contract.VersionedStore[*experiment] {
				store := open(t)
				e := newExperiments(store)
				v := contract.StoreOf(e, e, func(e experimentEntry) versioned.Entry[experimentID] { return e.Entry })
				v.AggregateType, v.NotFound = "experiment", errNoExperiment
				v.Outbox, v.FailCommits = storetest.Outbox(store), storetest.FailCommits(store, "outbox")
				v.State = func(e *experiment) any { return []any{e.ID(), e.name, e.goal, e.Lifecycle()} }
				v.New = func(_ *testing.T, name string, stamp scope.Stamp) *experiment {
					return newExperiment(name, "first", stamp)
				}
				v.Change = func(e *experiment, text string, stamp scope.Stamp) error {
					e.change(scope.ActionUpdate, text, stamp)
					return nil
				}
				v.Delete = func(e *experiment, stamp scope.Stamp) error {
					e.change(scope.ActionDelete, e.goal, stamp)
					return nil
				}
				v.Recreate = func(_ *testing.T, e *experiment, stamp scope.Stamp) {
					e.change(scope.ActionCreate, e.goal, stamp)
				}
				return v
			}, nil)
		})
	}
}

func TestVersioned(t *testing.T) {
	t.Parallel()
	for name, open := range experimentStores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			t.Run("a list has the aggregates of its page, and the number of all", func(t *testing.T) {
				t.Parallel()
				e := newExperiments(open(t))
				require.NoError(t, e.Save(t.Context(),
					newExperiment("a", "x", fixture.Stamp()), newExperiment("b", "y", fixture.Stamp())))
				page, err := e.List(t.Context(), experimentQuery{Window: scope.Window{Limit: 1}})
				require.NoError(t, err)
				assert.Equal(t, 2, page.Total)
				require.Len(t, page.Items, 1)
				assert.Equal(t, "a", page.Items[0].Identity())
			})

			t.Run("an unreadable row is inspected, and only its lifecycle is written", func(t *testing.T) {
				t.Parallel()
				store := open(t)
				e := newExperiments(store)
				a := newExperiment("a", "x", fixture.Stamp())
				require.NoError(t, e.Save(t.Context(), a))
				require.NoError(t, storetest.Exec(t.Context(), store, `UPDATE experiments SET version = -1, goal = 'stays'`))
				require.NoError(t, store.Inspect(t.Context()))
				assert.Equal(t, int64(1), store.DamagedRows())
				damaged, err := e.Find(t.Context(), a.ID())
				require.NoError(t, err)
				require.True(t, damaged.Damaged())
				assert.Equal(t, scope.Version(1), damaged.Version(), "the last of the history")
				damaged.change(scope.ActionDelete, "not written", fixture.Stamp())
				require.NoError(t, e.Save(t.Context(), damaged))
				assert.Zero(t, store.DamagedRows())
				deleted, err := e.Find(t.Context(), a.ID())
				require.NoError(t, err)
				assert.Equal(t, []any{true, scope.Version(2), "stays"}, []any{deleted.Deleted(), deleted.Version(), deleted.goal})
			})
		})
	}
}
