package lifecycle_test

import (
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestFirstStart(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			first := e2etest.Serve(t, databaseURL)
			key := e2etest.FirstKey(t, databaseURL)
			if store.Name == "PostgreSQL" {
				require.Contains(t, first.Log.String(), "signalbox key create --role admin")
				key = first.Command(t, "key", "create", "--role", "admin")
			}
			c := e2etest.Client{URL: first.URL, Key: key}
			c.Create(t, "kept", "v")
			first.Terminate(t)
			require.Zero(t, first.AwaitExit(t))
			require.Empty(t, first.Out.String(), "a key is not written to what may be a log")
			require.NotContains(t, first.Log.String(), key)

			second := e2etest.Serve(t, databaseURL)
			c.URL = second.URL
			require.Equal(t, "v", c.Read(t, "kept").ShownValue())
			second.Terminate(t)
			require.Zero(t, second.AwaitExit(t))
			require.NotContains(t, second.Log.String(), "admin key", "only an empty database gets a first key")

			third := e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
			require.Contains(t, third.Log.String(), "BOOTSTRAP_ADMIN_KEY ignored")
			third.Admin(t).Get(t, e2etest.ReadPath("kept")).Problem(t, http.StatusUnauthorized, "api_key_invalid")
		})
	}
}

func TestReplicasThatStartTogether(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	replicas := make([]*e2etest.Process, 4)
	key := e2etest.AdminKey(t)
	for i := range replicas {
		replicas[i] = e2etest.StartServer(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+key)
	}
	for _, p := range replicas {
		p.AwaitReady(t)
	}
	made := e2etest.Client{URL: replicas[0].URL, Key: key}.Create(t, "shared", "0")
	versions := e2etest.InParallel(16, func(i int) int64 {
		c := e2etest.Client{URL: replicas[i%len(replicas)].URL, Key: key}
		a := c.Put(t, made.Path(), map[string]any{"value": strings.Repeat("x", i+1)})
		return e2etest.Decode[e2etest.Configuration](t, a).Version
	})
	for v := range int64(16) {
		require.Equal(t, 1, e2etest.Count(versions, v+2), "every writer has its own version: %v", versions)
	}

	logs := make([]string, 0, len(replicas))
	for _, p := range replicas {
		p.Terminate(t)
		require.Zero(t, p.AwaitExit(t))
		logs = append(logs, p.Log.String())
	}
	log := strings.Join(logs, "")
	require.Equal(t, 1, strings.Count(log, "database migrated"), "one migrates:\n%s", log)
	require.Equal(t, 3, strings.Count(log, "BOOTSTRAP_ADMIN_KEY ignored"), "one replica creates the first key:\n%s", log)
}

func TestServicesThatStartTogetherOnSQLite(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewSQLite(t)
	replicas := make([]*e2etest.Process, 4)
	for i := range replicas {
		replicas[i] = e2etest.StartServer(t, databaseURL)
	}
	started := 0
	for _, p := range replicas {
		if p.AwaitReadyOrExit(t) {
			started++
			continue
		}
		require.Equal(t, 1, p.AwaitExit(t))
		require.Contains(t, p.Log.String(), "another 'signalbox serve' has")
		require.Empty(t, p.Out.String())
	}
	require.Equal(t, 1, started)
}

func TestRefusedStarts(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, code int, environ ...string) string {
		t.Helper()
		p := e2etest.Start(t, []string{"serve"}, append([]string{"SERVICE_PORT=0"}, environ...)...)
		require.Equal(t, code, p.AwaitExit(t), "%s", p.Log)
		require.Empty(t, p.Out.String())
		return p.Log.String()
	}

	t.Run("an invalid ENCRYPTION_KEY fails the start and is not shown", func(t *testing.T) {
		t.Parallel()
		for _, key := range []string{"much-too-short", strings.Repeat("!", 44), strings.Repeat("A", 64)} {
			text := refused(t, 2, "DATABASE_URL="+e2etest.NewSQLite(t), "ENABLE_ENCRYPTION=true", "ENCRYPTION_KEY="+key)
			require.Contains(t, text, "ENCRYPTION_KEY")
			require.Contains(t, text, "base64 of 32 bytes")
			require.NotContains(t, text, key)
		}
	})

	t.Run("all invalid settings are named at once", func(t *testing.T) {
		t.Parallel()
		text := refused(t, 2, "SERVICE_PORT=x", "LOG_LEVEL=loud", "DATABASE_URL=mysql://u:hush@h/d", "AUTH_ENABLED=maybe",
			"BOOTSTRAP_ADMIN_KEY=hush")
		for _, name := range []string{"SERVICE_PORT", "LOG_LEVEL", "DATABASE_URL", "AUTH_ENABLED", "BOOTSTRAP_ADMIN_KEY"} {
			require.Contains(t, text, name)
		}
		require.NotContains(t, text, "hush")
	})

	t.Run("an occupied port is named", func(t *testing.T) {
		t.Parallel()
		occupied, err := new(net.ListenConfig).Listen(t.Context(), "tcp", ":0")
		require.NoError(t, err)
		defer func() { _ = occupied.Close() }()
		port := occupied.Addr().String()[strings.LastIndexByte(occupied.Addr().String(), ':')+1:]
		p := e2etest.Start(t, []string{"serve"}, "DATABASE_URL="+e2etest.NewSQLite(t), "SERVICE_PORT="+port)
		require.Equal(t, 1, p.AwaitExit(t))
		require.Contains(t, p.Log.String(), "listen on port "+port)
	})

	for _, s := range e2etest.Stores() {
		t.Run("a database newer than the binary is rejected: "+s.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := s.New(t)
			p := e2etest.Start(t, []string{"migrate", "up"}, "DATABASE_URL="+databaseURL)
			require.Zero(t, p.AwaitExit(t))
			_, err := e2etest.OpenDatabase(t, databaseURL).ExecContext(t.Context(),
				"INSERT INTO signalbox_migrations (version_id, is_applied) VALUES (99999, true)")
			require.NoError(t, err)
			for _, migrate := range []string{"true", "false"} {
				text := refused(t, 1, "DATABASE_URL="+databaseURL, "MIGRATE_ON_START="+migrate)
				require.Contains(t, text, "start a newer signalbox")
			}
		})

		t.Run("an empty database without a migration is rejected: "+s.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := s.New(t)
			text := refused(t, 1, "DATABASE_URL="+databaseURL, "MIGRATE_ON_START=false")
			require.Contains(t, text, "signalbox migrate up")

			p := e2etest.Start(t, []string{"migrate", "status"}, "DATABASE_URL="+databaseURL)
			require.Zero(t, p.AwaitExit(t))
			require.Contains(t, p.Out.String(), "pending")
			require.Zero(t, e2etest.Start(t, []string{"migrate", "up"}, "DATABASE_URL="+databaseURL).AwaitExit(t))
			e2etest.Serve(t, databaseURL, "MIGRATE_ON_START=false")
		})
	}
}

func TestHangupStopsGracefully(t *testing.T) {
	t.Parallel()
	// A program that is run by nohup inherits that the signal is ignored. One that is handled
	// here is at its default there.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(hangup) })
	p := e2etest.Serve(t, e2etest.NewSQLite(t))
	require.NoError(t, p.Cmd.Process.Signal(syscall.SIGHUP))
	require.Zero(t, p.AwaitExit(t))
	require.Contains(t, p.Log.String(), `"msg":"stopping"`)
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	p := e2etest.Serve(t, e2etest.NewSQLite(t))
	port := "SERVICE_PORT=" + p.URL[strings.LastIndexByte(p.URL, ':')+1:]
	require.Zero(t, e2etest.Start(t, []string{"healthcheck"}, port).AwaitExit(t))
	p.Kill(t)
	require.Equal(t, 1, e2etest.Start(t, []string{"healthcheck"}, port).AwaitExit(t))
}
