package e2e_test

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestWriteHealth(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	s := e2etest.Boot(t, databaseURL)
	c := s.Admin(t)
	c.Create(t, "before", "v")
	require.Empty(t, e2etest.ConditionNames(t, c))

	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	name := strings.TrimPrefix(u.Path, "/")
	db := e2etest.OpenDatabase(t, databaseURL)
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
		return c.Post(t, "/api/v1/config/", e2etest.Draft{
			Key: "k" + time.Now().Format("150405.000000000"), Environment: "production", ServiceName: "shop",
		}).Status
	}
	readOnly("on")
	require.Eventually(t, func() bool {
		require.NotEqual(t, http.StatusCreated, write())
		a := c.Get(t, "/health")
		h := e2etest.Decode[e2etest.Object](t, a)
		return a.Status == http.StatusOK && h["status"] == "degraded" && h["database"] == "degraded"
	}, e2etest.Timeout, 100*time.Millisecond, "every write fails, and reads are answered")
	require.Contains(t, e2etest.ConditionNames(t, c), "database_writes_failing")
	require.NotContains(t, e2etest.Decode[e2etest.Object](t, s.Anonymous().Get(t, "/health")), "conditions")

	readOnly("off")
	require.Eventually(t, func() bool { return write() == http.StatusCreated }, e2etest.Timeout, 100*time.Millisecond)
	require.Eventually(t, func() bool { return len(e2etest.ConditionNames(t, c)) == 0 }, e2etest.Timeout, 100*time.Millisecond)
}

func TestEnvironmentsDiffer(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	one := e2etest.Boot(t, databaseURL, "SUPPORTED_ENVIRONMENTS=production,staging")
	_, stop := e2etest.Run(t, databaseURL, "SUPPORTED_ENVIRONMENTS=staging,production")
	other, stopOther := e2etest.Run(t, databaseURL, "SUPPORTED_ENVIRONMENTS=production")
	require.Eventually(t, func() bool { return len(e2etest.ConditionNames(t, other.Admin(t))) == 1 }, e2etest.Timeout, 100*time.Millisecond)
	a := other.Admin(t).Get(t, "/health")
	require.Contains(t, string(a.Body), "environments_differ")
	require.Contains(t, string(a.Body), "production,staging")
	require.Eventually(t, func() bool { return len(e2etest.ConditionNames(t, one.Admin(t))) == 1 }, e2etest.Timeout, 100*time.Millisecond)
	stopOther()
	require.Eventually(t, func() bool { return len(e2etest.ConditionNames(t, one.Admin(t))) == 0 }, e2etest.Timeout, 100*time.Millisecond)
	stop()
}

func TestUnreachableKafkaIsLogged(t *testing.T) {
	t.Parallel()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, silent.Close())
	s := e2etest.Boot(t, e2etest.NewSQLite(t), "KAFKA_BOOTSTRAP_SERVERS="+silent.Addr().String())
	require.Eventually(t, func() bool { return strings.Contains(s.Log.String(), "kafka unreachable") },
		e2etest.Timeout, 20*time.Millisecond)
}
