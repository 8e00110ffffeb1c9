package storetest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
)

// Unmigrated are what opens a store for each of the options, all on one database without
// tables, by name.
func Unmigrated() map[string]func(testing.TB, ...bunstore.Options) []*bunstore.Store {
	return map[string]func(testing.TB, ...bunstore.Options) []*bunstore.Store{
		"SQLite": func(tb testing.TB, options ...bunstore.Options) []*bunstore.Store {
			tb.Helper()
			path := filepath.Join(tb.TempDir(), "a file with spaces & ?marks#.db")
			return each(options, func(o bunstore.Options) *bunstore.Store { return OpenSQLite(tb, path, o) })
		},
		"PostgreSQL": func(tb testing.TB, options ...bunstore.Options) []*bunstore.Store {
			tb.Helper()
			url := PostgresURL(tb)
			stores := each(options, func(o bunstore.Options) *bunstore.Store { return OpenPostgres(tb, url, o) })
			require.NoError(tb, Exec(tb.Context(), stores[0], `DROP SCHEMA public CASCADE; CREATE SCHEMA public`))
			return stores
		},
	}
}

func each(options []bunstore.Options, open func(bunstore.Options) *bunstore.Store) []*bunstore.Store {
	list := make([]*bunstore.Store, len(options))
	for i, o := range options {
		list[i] = open(o)
	}
	return list
}

// maxTables bounds what Tables reads.
const maxTables = 1000

// Tables returns the names of the tables, in order.
func Tables(ctx context.Context, store *bunstore.Store) (names []string, err error) {
	if store.Dialect() == bunstore.Postgres {
		err = store.NewSelect().TableExpr("pg_tables").Column("tablename").
			Where("schemaname = current_schema()").Order("tablename").Limit(maxTables).Scan(ctx, &names)
		return names, err
	}
	err = store.NewSelect().TableExpr("sqlite_master").Column("name").
		Where("type = 'table'").Order("name").Limit(maxTables).Scan(ctx, &names)
	return names, err
}
