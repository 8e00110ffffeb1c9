package lifecycle_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// runCommand runs the binary until it exits and returns its exit code and output.
func runCommand(t *testing.T, args []string, environ ...string) (code int, text string) {
	t.Helper()
	p := e2etest.Start(t, args, environ...)
	code = p.AwaitExit(t)
	return code, p.Out.String() + p.Log.String()
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
	t.Run("nothing is created on an empty PostgreSQL", func(t *testing.T) {
		t.Parallel()
		databaseURL := e2etest.NewPostgres(t)
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
		require.NoError(t, e2etest.OpenDatabase(t, databaseURL).QueryRowContext(t.Context(),
			"SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables))
		require.Zero(t, tables)
	})
}

// TestCommandsDoNotMigrate runs commands of a newer binary beside running servers.
func TestCommandsDoNotMigrate(t *testing.T) {
	t.Parallel()
	for _, s := range e2etest.Stores() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := s.New(t)
			code, text := runCommand(t, []string{"migrate", "up"}, "DATABASE_URL="+databaseURL)
			require.Zero(t, code, "%s", text)
			db := e2etest.OpenDatabase(t, databaseURL)
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
	for _, s := range e2etest.Stores() {
		t.Run("a database of the original service is rejected unchanged: "+s.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := s.New(t)
			db := e2etest.OpenDatabase(t, databaseURL)
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
			if s.Name == "PostgreSQL" {
				query = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'configurations'"
			}
			require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&columns))
			require.Equal(t, 2, columns)
		})
	}
}

func TestStartsWithoutDatabase(t *testing.T) {
	t.Parallel()

	t.Run("a wrong password is reported at once", func(t *testing.T) {
		t.Parallel()
		wrong := strings.Replace(e2etest.NewPostgres(t), "signalbox:signalbox@", "signalbox:wrong-secret@", 1)
		began := time.Now()
		code, text := runCommand(t, []string{"serve"}, "DATABASE_URL="+wrong, "SERVICE_PORT=0")
		require.Equal(t, 3, code, "%s", text)
		require.Less(t, time.Since(began), 15*time.Second, "the login is not retried")
		require.Contains(t, text, "password authentication failed")
		require.NotContains(t, text, "wrong-secret")
	})

	t.Run("a missing database is reported at once", func(t *testing.T) {
		t.Parallel()
		databaseURL := e2etest.NewPostgres(t)
		missing := databaseURL[:strings.LastIndexByte(databaseURL, '/')] + "/no_such_database"
		code, text := runCommand(t, []string{"serve"}, "DATABASE_URL="+missing, "SERVICE_PORT=0")
		require.Equal(t, 3, code, "%s", text)
		require.Contains(t, text, "no_such_database")
	})

	t.Run("a start without a response of the database exits with 3 and one sentence", func(t *testing.T) {
		t.Parallel()
		silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, silent.Close())
		p := e2etest.Start(t, []string{"serve"}, "DATABASE_URL=postgres://u:hush@"+silent.Addr().String()+"/d", "SERVICE_PORT=0")
		require.Equal(t, 3, p.AwaitExitWithin(t, 60*time.Second), "%s", p.Log)
		require.Contains(t, p.Log.String(), "The database cannot be reached")
		require.Contains(t, p.Log.String(), "PostgreSQL database d at "+silent.Addr().String())
		require.NotContains(t, p.Log.String(), "context deadline exceeded\n")
		require.NotContains(t, p.Log.String(), "hush")
	})

	t.Run("a second service on a SQLite file is rejected, commands are not", func(t *testing.T) {
		t.Parallel()
		databaseURL := e2etest.NewSQLite(t)
		e2etest.Serve(t, databaseURL)
		code, text := runCommand(t, []string{"serve"}, "DATABASE_URL="+databaseURL, "SERVICE_PORT=0")
		require.Equal(t, 1, code, "%s", text)
		require.Contains(t, text, "another 'signalbox serve' has")
		code, text = runCommand(t, []string{"key", "list"}, "DATABASE_URL="+databaseURL)
		require.Zero(t, code, "%s", text)
	})
}

func TestDeletedDatabaseFile(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewSQLite(t)
	s := e2etest.Boot(t, databaseURL)
	c := s.Admin(t)
	c.Create(t, "before", "v")
	require.NoError(t, os.Remove(strings.TrimPrefix(databaseURL, "sqlite://")))
	a := c.Post(t, "/api/v1/config/", e2etest.Draft{Key: "after", Value: "v", Environment: "production", ServiceName: "shop"})
	require.Equal(t, 503, a.Status, "%s", a.Body)
	require.Equal(t, 503, s.Anonymous().Get(t, "/health").Status)
	require.Contains(t, s.Log.String(), "was deleted while it was open")
}
