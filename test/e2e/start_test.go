package e2e_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFirstStart(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			first := serve(t, databaseURL)
			line := first.out.await(t, "admin key: sbx_", first.ended)
			_, key, _ := strings.Cut(line, "admin key: ")
			c := client{url: first.url, key: key}
			c.create(t, "kept", "v")
			first.terminate(t)
			require.Zero(t, first.awaitEnd(t))
			require.Equal(t, 1, strings.Count(first.out.String(), "sbx_"), "it is printed once")
			require.NotContains(t, first.log.String(), key)

			second := serve(t, databaseURL)
			c.url = second.url
			require.Equal(t, "v", c.read(t, "kept").value())
			second.terminate(t)
			require.Zero(t, second.awaitEnd(t))
			require.Empty(t, second.out.String(), "only an empty database gets a first key")

			third := serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
			third.admin(t).get(t, at("kept")).problem(t, http.StatusUnauthorized, "api_key_invalid")
		})
	}
}

func TestReplicasThatStartTogether(t *testing.T) {
	t.Parallel()
	databaseURL := freshPostgres(t)
	replicas := make([]*process, 4)
	for i := range replicas {
		replicas[i] = begin(t, databaseURL)
	}
	for _, p := range replicas {
		p.awaitReady(t)
	}
	key := awaitKey(t, replicas)
	made := client{url: replicas[0].url, key: key}.create(t, "shared", "0")
	versions := inParallel(16, func(i int) int64 {
		c := client{url: replicas[i%len(replicas)].url, key: key}
		a := c.put(t, made.path(), map[string]any{"value": strings.Repeat("x", i+1)})
		return decode[configuration](t, a).Version
	})
	for v := range int64(16) {
		require.Equal(t, 1, occurrences(versions, v+2), "every writer has a version of its own: %v", versions)
	}

	var out, log string
	for _, p := range replicas {
		p.terminate(t)
		require.Zero(t, p.awaitEnd(t))
		out, log = out+p.out.String(), log+p.log.String()
	}
	require.Equal(t, 1, strings.Count(log, "database migrated"), "one migrates:\n%s", log)
	require.Equal(t, 1, strings.Count(out, "admin key: sbx_"), "one makes the first key:\n%s", out)
}

func TestServicesThatStartTogetherOnSQLite(t *testing.T) {
	t.Parallel()
	databaseURL := freshSQLite(t)
	replicas := make([]*process, 4)
	for i := range replicas {
		replicas[i] = begin(t, databaseURL)
	}
	started := 0
	for _, p := range replicas {
		if p.startsOrEnds(t) {
			started++
			continue
		}
		require.Equal(t, 1, p.awaitEnd(t))
		require.Contains(t, p.log.String(), "another 'signalbox serve' has")
		require.Empty(t, p.out.String())
	}
	require.Equal(t, 1, started)
}

// awaitKey returns the first admin key, which one of the replicas prints.
func awaitKey(t *testing.T, replicas []*process) (key string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, p := range replicas {
			if _, found, ok := strings.Cut(p.out.find("admin key: sbx_"), "admin key: "); ok {
				key = found
			}
		}
		return key != ""
	}, patience, 5*time.Millisecond)
	return key
}

func TestRefusedStarts(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, code int, environ ...string) string {
		t.Helper()
		p := start(t, []string{"serve"}, append([]string{"SERVICE_PORT=0"}, environ...)...)
		require.Equal(t, code, p.awaitEnd(t), "%s", p.log)
		require.Empty(t, p.out.String())
		return p.log.String()
	}

	t.Run("a malformed ENCRYPTION_KEY stops the start with a sentence that does not show it", func(t *testing.T) {
		t.Parallel()
		for _, key := range []string{"much-too-short", strings.Repeat("!", 44), strings.Repeat("A", 64)} {
			text := refused(t, 2, "DATABASE_URL="+freshSQLite(t), "ENABLE_ENCRYPTION=true", "ENCRYPTION_KEY="+key)
			require.Contains(t, text, "ENCRYPTION_KEY")
			require.Contains(t, text, "base64 of 32 bytes")
			require.NotContains(t, text, key)
		}
	})

	t.Run("every wrong setting is named in one go", func(t *testing.T) {
		t.Parallel()
		text := refused(t, 2, "SERVICE_PORT=x", "LOG_LEVEL=loud", "DATABASE_URL=mysql://u:hush@h/d", "AUTH_ENABLED=maybe",
			"BOOTSTRAP_ADMIN_KEY=hush")
		for _, name := range []string{"SERVICE_PORT", "LOG_LEVEL", "DATABASE_URL", "AUTH_ENABLED", "BOOTSTRAP_ADMIN_KEY"} {
			require.Contains(t, text, name)
		}
		require.NotContains(t, text, "hush")
	})

	t.Run("a port that is taken is named", func(t *testing.T) {
		t.Parallel()
		taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", ":0")
		require.NoError(t, err)
		defer func() { _ = taken.Close() }()
		port := taken.Addr().String()[strings.LastIndexByte(taken.Addr().String(), ':')+1:]
		p := start(t, []string{"serve"}, "DATABASE_URL="+freshSQLite(t), "SERVICE_PORT="+port)
		require.Equal(t, 1, p.awaitEnd(t))
		require.Contains(t, p.log.String(), "listen on port "+port)
	})

	for _, s := range stores() {
		t.Run("a database newer than the binary is refused with a sentence: "+s.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := s.fresh(t)
			p := start(t, []string{"migrate", "up"}, "DATABASE_URL="+databaseURL)
			require.Zero(t, p.awaitEnd(t))
			_, err := openDatabase(t, databaseURL).ExecContext(t.Context(),
				"INSERT INTO signalbox_migrations (version_id, is_applied) VALUES (99999, true)")
			require.NoError(t, err)
			for _, migrate := range []string{"true", "false"} {
				text := refused(t, 1, "DATABASE_URL="+databaseURL, "MIGRATE_ON_START="+migrate)
				require.Contains(t, text, "start a newer signalbox")
			}
		})

		t.Run("a database without its tables is refused where it is not migrated: "+s.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := s.fresh(t)
			text := refused(t, 1, "DATABASE_URL="+databaseURL, "MIGRATE_ON_START=false")
			require.Contains(t, text, "signalbox migrate up")

			p := start(t, []string{"migrate", "status"}, "DATABASE_URL="+databaseURL)
			require.Zero(t, p.awaitEnd(t))
			require.Contains(t, p.out.String(), "pending")
			require.Zero(t, start(t, []string{"migrate", "up"}, "DATABASE_URL="+databaseURL).awaitEnd(t))
			serve(t, databaseURL, "MIGRATE_ON_START=false")
		})
	}
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	p := serve(t, freshSQLite(t))
	port := "SERVICE_PORT=" + p.url[strings.LastIndexByte(p.url, ':')+1:]
	require.Zero(t, start(t, []string{"healthcheck"}, port).awaitEnd(t))
	p.kill(t)
	require.Equal(t, 1, start(t, []string{"healthcheck"}, port).awaitEnd(t))
}
