package e2e_test

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWriteHealth(t *testing.T) {
	t.Parallel()
	databaseURL := freshPostgres(t)
	s := boot(t, databaseURL)
	c := s.admin(t)
	c.create(t, "before", "v")
	require.Empty(t, conditionsOf(t, c))

	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	name := strings.TrimPrefix(u.Path, "/")
	db := openDatabase(t, databaseURL)
	readOnly := func(on string) {
		t.Helper()
		for _, statement := range []string{
			"ALTER DATABASE " + name + " SET default_transaction_read_only = " + on,
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "' AND pid <> pg_backend_pid()",
		} {
			_, err := db.ExecContext(t.Context(), "SET default_transaction_read_only = off; "+statement)
			require.NoError(t, err)
		}
	}
	write := func() int {
		return c.post(t, "/api/v1/config/", draft{
			Key: "k" + time.Now().Format("150405.000000000"), Environment: "production", ServiceName: "shop",
		}).status
	}
	readOnly("on")
	require.Eventually(t, func() bool {
		require.NotEqual(t, http.StatusCreated, write())
		a := c.get(t, "/health")
		h := decode[object](t, a)
		return a.status == http.StatusOK && h["status"] == "degraded" && h["database"] == "degraded"
	}, patience, 100*time.Millisecond, "every write fails, and reads are answered")
	require.Contains(t, conditionsOf(t, c), "database_writes_failing")
	require.NotContains(t, decode[object](t, s.anonymous().get(t, "/health")), "conditions")

	readOnly("off")
	require.Eventually(t, func() bool { return write() == http.StatusCreated }, patience, 100*time.Millisecond)
	require.Eventually(t, func() bool { return len(conditionsOf(t, c)) == 0 }, patience, 100*time.Millisecond)
}

func TestEnvironmentsDiffer(t *testing.T) {
	t.Parallel()
	databaseURL := freshPostgres(t)
	one := boot(t, databaseURL, "SUPPORTED_ENVIRONMENTS=production,staging")
	_, stop := run(t, databaseURL, "SUPPORTED_ENVIRONMENTS=staging,production")
	other, stopOther := run(t, databaseURL, "SUPPORTED_ENVIRONMENTS=production")
	require.Eventually(t, func() bool { return len(conditionsOf(t, other.admin(t))) == 1 }, patience, 100*time.Millisecond)
	a := other.admin(t).get(t, "/health")
	require.Contains(t, string(a.body), "environments_differ")
	require.Contains(t, string(a.body), "production,staging")
	require.Eventually(t, func() bool { return len(conditionsOf(t, one.admin(t))) == 1 }, patience, 100*time.Millisecond)
	stopOther()
	require.Eventually(t, func() bool { return len(conditionsOf(t, one.admin(t))) == 0 }, patience, 100*time.Millisecond)
	stop()
}

func TestUnreachableKafkaIsLogged(t *testing.T) {
	t.Parallel()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, silent.Close())
	s := boot(t, freshSQLite(t), "KAFKA_BOOTSTRAP_SERVERS="+silent.Addr().String())
	require.Eventually(t, func() bool { return strings.Contains(s.log.String(), "kafka unreachable") },
		patience, 20*time.Millisecond)
}
