package storetest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/flagstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// Options are the options of a store with all modules.
func Options() bunstore.Options {
	return bunstore.Options{IDs: system.NewIDs(), Modules: []bunstore.Module{
		configstore.Module(), flagstore.Module(), registrystore.Module(), keystore.Module(),
	}}
}

// Stores are what opens an empty store, by name.
func Stores() map[string]func(testing.TB) *bunstore.Store {
	return map[string]func(testing.TB) *bunstore.Store{
		"SQLite": SQLite, "SQLite in memory": Memory, "PostgreSQL": Postgres,
	}
}

// SQLite returns an empty store on a SQLite file.
func SQLite(tb testing.TB) *bunstore.Store {
	tb.Helper()
	return Migrated(tb, OpenSQLite(tb, filepath.Join(tb.TempDir(), "signalbox.db"), Options()))
}

// Memory returns an empty store on a SQLite database in memory.
func Memory(tb testing.TB) *bunstore.Store {
	tb.Helper()
	return Migrated(tb, OpenSQLite(tb, bunstore.Memory, Options()))
}

// Postgres returns an empty store on a database of PostgreSQL.
func Postgres(tb testing.TB) *bunstore.Store {
	tb.Helper()
	return OpenPostgres(tb, PostgresURL(tb), Options())
}

// PostgresURL returns the URL of a migrated database.
func PostgresURL(tb testing.TB) string {
	tb.Helper()
	return harness.Postgres(tb, migrate)
}

// OpenSQLite opens a store, and closes it at the end of the test.
func OpenSQLite(tb testing.TB, path string, o bunstore.Options) *bunstore.Store {
	tb.Helper()
	store, err := bunstore.OpenSQLite(tb.Context(), path, o)
	require.NoError(tb, err)
	return closed(tb, store)
}

// OpenPostgres opens a store, and closes it at the end of the test.
func OpenPostgres(tb testing.TB, url string, o bunstore.Options) *bunstore.Store {
	tb.Helper()
	store, err := bunstore.OpenPostgres(tb.Context(), url, o)
	require.NoError(tb, err)
	return closed(tb, store)
}

func closed(tb testing.TB, store *bunstore.Store) *bunstore.Store {
	tb.Helper()
	tb.Cleanup(func() { require.NoError(tb, store.Close()) })
	return store
}

// Migrated returns a store after its migration.
func Migrated(tb testing.TB, store *bunstore.Store) *bunstore.Store {
	tb.Helper()
	_, err := store.Migrate(tb.Context())
	require.NoError(tb, err)
	return store
}

// migrate prepares the template of PostgreSQL's databases.
func migrate(ctx context.Context, url string) error {
	store, err := bunstore.OpenPostgres(ctx, url, Options())
	if err != nil {
		return err
	}
	if _, err := store.Migrate(ctx); err != nil {
		return err
	}
	return store.Close()
}
