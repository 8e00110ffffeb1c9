package e2etest

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

// Store is a kind of database.
type Store struct {
	Name string
	// New returns the URL of an empty database.
	New func(t *testing.T) string
}

// Stores returns every kind of database.
func Stores() []Store {
	return []Store{
		{Name: "SQLite", New: NewSQLite},
		{Name: "PostgreSQL", New: NewPostgres},
	}
}

// NewSQLite returns the URL of an empty SQLite database.
func NewSQLite(t *testing.T) string {
	t.Helper()
	return "sqlite://" + filepath.Join(t.TempDir(), "signalbox.db")
}

// NewPostgres returns the URL of an empty PostgreSQL database.
func NewPostgres(t *testing.T) string {
	t.Helper()
	return harness.Postgres(t, func(context.Context, string) error { return nil })
}

// OpenDatabase opens a database beside the service.
func OpenDatabase(tb testing.TB, databaseURL string) *sql.DB {
	tb.Helper()
	var db *sql.DB
	if path, ok := strings.CutPrefix(databaseURL, "sqlite://"); ok {
		var err error
		db, err = sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(5000)")
		require.NoError(tb, err)
	} else {
		db = sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(databaseURL), pgdriver.WithApplicationName("test")))
	}
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	return db
}

// AllEvents are the events of a service, with a revision or still without one.
const AllEvents = `(SELECT 1 AS stage, revision AS id, event_type, aggregate_type, aggregate_id, aggregate_version, data,
  actor_name FROM changes
UNION ALL SELECT 2, id, event_type, aggregate_type, aggregate_id, aggregate_version, data, actor_name FROM outbox) AS events`

// EventTypes returns the types of a configuration's events, oldest first.
func (s *Server) EventTypes(tb testing.TB, of Configuration) []string {
	tb.Helper()
	db := OpenDatabase(tb, s.DatabaseURL)
	rows, err := db.QueryContext(tb.Context(), fmt.Sprintf(
		"SELECT event_type FROM %s WHERE aggregate_type = 'configuration' AND aggregate_id = %d ORDER BY stage, id",
		AllEvents, of.ID))
	require.NoError(tb, err)
	defer func() { _ = rows.Close() }()
	var list []string
	for rows.Next() {
		var one string
		require.NoError(tb, rows.Scan(&one))
		list = append(list, one)
	}
	require.NoError(tb, rows.Err())
	return list
}

// Dump returns every row of a table, each as one string of all its columns.
func Dump(tb testing.TB, db *sql.DB, table string) []string {
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
	cells, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range cells {
		targets[i] = &cells[i]
	}
	require.NoError(tb, rows.Scan(targets...))
	var b strings.Builder
	for i, cell := range cells {
		if raw, ok := cell.([]byte); ok {
			cell = string(raw)
		}
		fmt.Fprintf(&b, "%s=%v ", columns[i], cell)
	}
	return b.String()
}
