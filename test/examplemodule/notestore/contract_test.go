package notestore_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/examplemodule/notestore"
	"github.com/signalbox-hq/signalbox/test/examplemodule/notetest"
	"github.com/signalbox-hq/signalbox/test/harness"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestMain(m *testing.M) { os.Exit(harness.Run(m)) }

func TestNotesContract(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB, bunstore.Options) *bunstore.Store{
		"SQLite in memory": func(tb testing.TB, o bunstore.Options) *bunstore.Store {
			tb.Helper()
			return storetest.OpenSQLite(tb, bunstore.Memory, o)
		},
		"PostgreSQL": func(tb testing.TB, o bunstore.Options) *bunstore.Store {
			tb.Helper()
			return storetest.OpenPostgres(tb, storetest.PostgresURL(tb), o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notetest.Contract(t, func(t *testing.T) notetest.Stored {
				t.Helper()
				o := storetest.Options()
				o.Modules = append(o.Modules, notestore.Module())
				store := open(t, o)
				_, err := store.Migrate(t.Context())
				require.NoError(t, err)
				notes := notestore.New(store)
				return notetest.Stored{
					Repository: notes, History: notes, Outbox: storetest.Outbox(store),
					FailCommits: storetest.FailCommits(store, "outbox"),
				}
			}, contract.Without{})
		})
	}
}
