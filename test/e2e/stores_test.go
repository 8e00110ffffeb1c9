package e2e_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun/driver/pgdriver"
	// The driver registers itself as "sqlite".
	_ "modernc.org/sqlite"

	"github.com/signalbox-hq/signalbox/test/harness"
)

// store is a kind of database.
type store struct {
	name string
	// fresh returns the URL of an empty database.
	fresh func(t *testing.T) string
}

// stores returns every kind of database.
func stores() []store {
	return []store{
		{name: "SQLite", fresh: freshSQLite},
		{name: "PostgreSQL", fresh: freshPostgres},
	}
}

func freshSQLite(t *testing.T) string {
	t.Helper()
	return "sqlite://" + filepath.Join(t.TempDir(), "signalbox.db")
}

func freshPostgres(t *testing.T) string {
	t.Helper()
	return harness.Postgres(t, func(context.Context, string) error { return nil })
}

// openDatabase looks into a database past the service.
func openDatabase(tb testing.TB, databaseURL string) *sql.DB {
	tb.Helper()
	var db *sql.DB
	if path, ok := strings.CutPrefix(databaseURL, "sqlite://"); ok {
		var err error
		db, err = sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(5000)")
		require.NoError(tb, err)
	} else {
		db = sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(databaseURL), pgdriver.WithApplicationName("look")))
	}
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	return db
}

// allEvents is all events of a service, with their revision or without one yet.
const allEvents = `(SELECT 1 AS stage, revision AS id, event_type, aggregate_type, aggregate_id, aggregate_version, data,
  actor_name FROM changes
UNION ALL SELECT 2, id, event_type, aggregate_type, aggregate_id, aggregate_version, data, actor_name FROM outbox) AS events`

// dump returns every row of a table, each as one text of all its columns.
func dump(tb testing.TB, db *sql.DB, table string) []string {
	tb.Helper()
	rows, err := db.QueryContext(tb.Context(), "SELECT * FROM "+table+" ORDER BY id")
	require.NoError(tb, err)
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	require.NoError(tb, err)
	var list []string
	for rows.Next() {
		list = append(list, scanText(tb, rows, columns))
	}
	require.NoError(tb, rows.Err())
	return list
}

func scanText(tb testing.TB, rows *sql.Rows, columns []string) string {
	tb.Helper()
	cells, places := make([]any, len(columns)), make([]any, len(columns))
	for i := range cells {
		places[i] = &cells[i]
	}
	require.NoError(tb, rows.Scan(places...))
	var b strings.Builder
	for i, cell := range cells {
		if raw, ok := cell.([]byte); ok {
			cell = string(raw)
		}
		fmt.Fprintf(&b, "%s=%v ", columns[i], cell)
	}
	return b.String()
}
