package bunstore

import (
	"context"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/migrations"
)

// ExecForTest runs a statement on the writing connection.
func (s *Store) ExecForTest(ctx context.Context, statement string) error {
	_, err := s.write.ExecContext(ctx, statement)
	return err
}

// UncheckedTimesForTest returns the columns of PostgreSQL that hold times and that no
// constraint bounds.
func (s *Store) UncheckedTimesForTest(ctx context.Context) (columns []string, err error) {
	err = s.read.NewSelect().TableExpr("information_schema.columns AS c").
		ColumnExpr("c.table_name || '.' || c.column_name").
		Where("c.table_schema = current_schema() AND c.data_type = 'timestamp with time zone'").
		Where(`NOT EXISTS (SELECT 1 FROM information_schema.check_constraints AS k
WHERE k.constraint_schema = c.table_schema AND k.constraint_name = c.table_name || '_finite_times'
 AND strpos(k.check_clause, c.column_name) > 0)`).Scan(ctx, &columns)
	return columns, err
}

// QueuedForTest returns how many writes wait for SQLite's next commit.
func (s *Store) QueuedForTest() int { return len(s.commits.queue) }

// ShowForTest returns a parameter of a session.
func (s *Store) ShowForTest(ctx context.Context, name string) (text string, err error) {
	err = s.write.QueryRowContext(ctx, "SELECT current_setting(?)", name).Scan(&text)
	return text, err
}

// QueryForTest runs a query and returns its error as the store translates it.
func (s *Store) QueryForTest(ctx context.Context, query string) error {
	var rows [][]byte
	return dberror.Translate(s.read.NewRaw(query).Scan(ctx, &rows), "query", nil)
}

// CountForTest returns the number of rows of a table, which a condition may follow.
func (s *Store) CountForTest(ctx context.Context, table string) (n int, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n)
	return n, err
}

// ColumnTypesForTest returns the columns of a table with their types.
func (s *Store) ColumnTypesForTest(ctx context.Context, table string) (map[string]string, error) {
	query := "SELECT name, type FROM pragma_table_info(?) AS t"
	if s.dialect == Postgres {
		query = `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped`
	}
	var rows []struct{ Name, Type string }
	err := s.read.NewRaw(query, table).Scan(ctx, &rows)
	types := map[string]string{}
	for _, r := range rows {
		types[r.Name] = r.Type
	}
	return types, err
}

// DownForTest migrates the schema down to a version.
func (s *Store) DownForTest(ctx context.Context, version int64) error {
	dialect, folder := goose.DialectSQLite3, "sqlite"
	if s.dialect == Postgres {
		dialect, folder = goose.DialectPostgres, "postgres"
	}
	files, err := fs.Sub(migrations.Files, folder)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, s.write.DB, files,
		goose.WithDisableGlobalRegistry(true), goose.WithTableName("signalbox_migrations"))
	if err != nil {
		return err
	}
	_, err = provider.DownTo(ctx, version)
	return err
}
