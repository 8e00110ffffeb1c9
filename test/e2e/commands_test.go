package e2e_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// runCommand runs the binary to its end and returns its exit code and all it wrote.
func runCommand(t *testing.T, args []string, environ ...string) (code int, text string) {
	t.Helper()
	p := start(t, args, environ...)
	code = p.awaitEnd(t)
	return code, p.out.String() + p.log.String()
}

func TestCommandsWithoutDatabase(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"key", "list"},
		{"key", "create", "--name", "x"},
		{"key", "revoke", "abcdefgh"},
		{"migrate", "status"},
		{"migrate", "epoch"},
		{"relay", "status"},
		{"relay", "retry", "--all"},
		{"relay", "skip", "1"},
	} {
		t.Run(strings.Join(args, " ")+" creates nothing and names the database", func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "signalbox.db")
			code, text := runCommand(t, args, "DATABASE_URL=sqlite://"+path)
			require.Equal(t, 3, code, "%s", text)
			require.Contains(t, text, "no database file "+path)
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
	t.Run("on an empty PostgreSQL nothing is created either", func(t *testing.T) {
		t.Parallel()
		databaseURL := freshPostgres(t)
		for _, args := range [][]string{{"key", "list"}, {"key", "create", "--name", "x"}, {"relay", "status"}} {
			code, text := runCommand(t, args, "DATABASE_URL="+databaseURL)
			require.Equal(t, 1, code, "%s", text)
			require.Contains(t, text, "signalbox migrate up")
			require.Contains(t, text, "PostgreSQL database test_")
			require.NotContains(t, text, "signalbox:signalbox@")
		}
		code, text := runCommand(t, []string{"migrate", "status"}, "DATABASE_URL="+databaseURL)
		require.Zero(t, code, "%s", text)
		require.Contains(t, text, "pending")
		var tables int
		require.NoError(t, openDatabase(t, databaseURL).QueryRowContext(t.Context(),
			"SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables))
		require.Zero(t, tables)
	})
}

// A newer binary's commands must leave the schema to the servers that run on it.
func TestCommandsDoNotMigrate(t *testing.T) {
	t.Parallel()
	for _, s := range stores() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := s.fresh(t)
			code, text := runCommand(t, []string{"migrate", "up"}, "DATABASE_URL="+databaseURL)
			require.Zero(t, code, "%s", text)
			db := openDatabase(t, databaseURL)
			_, err := db.ExecContext(t.Context(), `DELETE FROM signalbox_migrations WHERE version_id =
(SELECT max(version_id) FROM signalbox_migrations)`)
			require.NoError(t, err)
			for _, args := range [][]string{{"key", "list"}, {"key", "create", "--name", "x"}, {"key", "revoke", "abcdefgh"}} {
				code, text := runCommand(t, args, "DATABASE_URL="+databaseURL)
				require.Equal(t, 1, code, "%s", text)
				require.Contains(t, text, "the database is older than this binary: run 'signalbox migrate up'")
			}
			code, text = runCommand(t, []string{"migrate", "status"}, "DATABASE_URL="+databaseURL)
			require.Zero(t, code, "%s", text)
			require.Equal(t, 1, strings.Count(text, "pending"), text)
		})
	}
}

func TestForeignDatabase(t *testing.T) {
	t.Parallel()
	for _, s := range stores() {
		t.Run("a database of the original service is refused before anything is touched: "+s.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := s.fresh(t)
			db := openDatabase(t, databaseURL)
			for _, table := range []string{"configurations", "configuration_history", "feature_flags", "service_registry"} {
				_, err := db.ExecContext(t.Context(), "CREATE TABLE "+table+" (id integer, key varchar(255))")
				require.NoError(t, err)
			}
			for _, args := range [][]string{{"serve"}, {"migrate", "up"}} {
				code, text := runCommand(t, args, "DATABASE_URL="+databaseURL, "SERVICE_PORT=0")
				require.Equal(t, 1, code, "%s", text)
				require.Contains(t, text, "tables of another program")
				require.Contains(t, text, "point DATABASE_URL at an empty database")
			}
			var columns int
			query := "SELECT count(*) FROM pragma_table_info('configurations')"
			if s.name == "PostgreSQL" {
				query = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'configurations'"
			}
			require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&columns))
			require.Equal(t, 2, columns)
		})
	}
}

func TestStartsWithoutDatabase(t *testing.T) {
	t.Parallel()

	t.Run("a wrong password is said at once", func(t *testing.T) {
		t.Parallel()
		wrong := strings.Replace(freshPostgres(t), "signalbox:signalbox@", "signalbox:wrong-secret@", 1)
		began := time.Now()
		code, text := runCommand(t, []string{"serve"}, "DATABASE_URL="+wrong, "SERVICE_PORT=0")
		require.Equal(t, 3, code, "%s", text)
		require.Less(t, time.Since(began), 15*time.Second, "it is not retried until the start times out")
		require.Contains(t, text, "password authentication failed")
		require.NotContains(t, text, "wrong-secret")
	})

	t.Run("a missing database is said at once", func(t *testing.T) {
		t.Parallel()
		databaseURL := freshPostgres(t)
		missing := databaseURL[:strings.LastIndexByte(databaseURL, '/')] + "/no_such_database"
		code, text := runCommand(t, []string{"serve"}, "DATABASE_URL="+missing, "SERVICE_PORT=0")
		require.Equal(t, 3, code, "%s", text)
		require.Contains(t, text, "no_such_database")
	})

	t.Run("a database that does not answer ends the start with 3 and a sentence", func(t *testing.T) {
		t.Parallel()
		silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, silent.Close())
		p := start(t, []string{"serve"}, "DATABASE_URL=postgres://u:hush@"+silent.Addr().String()+"/d", "SERVICE_PORT=0")
		require.Equal(t, 3, p.awaitEndWithin(t, 60*time.Second), "%s", p.log)
		require.Contains(t, p.log.String(), "The database cannot be reached")
		require.Contains(t, p.log.String(), "PostgreSQL database d at "+silent.Addr().String())
		require.NotContains(t, p.log.String(), "context deadline exceeded\n")
		require.NotContains(t, p.log.String(), "hush")
	})

	t.Run("a second service on a SQLite file is refused, commands are not", func(t *testing.T) {
		t.Parallel()
		databaseURL := freshSQLite(t)
		serve(t, databaseURL)
		code, text := runCommand(t, []string{"serve"}, "DATABASE_URL="+databaseURL, "SERVICE_PORT=0")
		require.Equal(t, 1, code, "%s", text)
		require.Contains(t, text, "another 'signalbox serve' has")
		code, text = runCommand(t, []string{"key", "list"}, "DATABASE_URL="+databaseURL)
		require.Zero(t, code, "%s", text)
	})
}

func TestDeletedDatabaseFile(t *testing.T) {
	t.Parallel()
	databaseURL := freshSQLite(t)
	s := boot(t, databaseURL)
	c := s.admin(t)
	c.create(t, "before", "v")
	require.NoError(t, os.Remove(strings.TrimPrefix(databaseURL, "sqlite://")))
	a := c.post(t, "/api/v1/config/", draft{Key: "after", Value: "v", Environment: "production", ServiceName: "shop"})
	require.Equal(t, 503, a.status, "%s", a.body)
	require.Equal(t, 503, s.anonymous().get(t, "/health").status)
	require.Contains(t, s.log.String(), "was deleted while it was open")
}
