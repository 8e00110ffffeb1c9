package lifecycle_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestOutage makes the database of a running service unavailable, and available again.
func TestOutage(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	between := e2etest.NewGate(t, databaseURL)
	s := e2etest.Boot(t, between.URL)
	c := s.Admin(t)
	made := c.Create(t, "known", "v")

	between.Close()
	require.Equal(t, made, c.Read(t, "known"), "cached values are read")
	require.Eventually(t, func() bool {
		a := c.Get(t, e2etest.ReadPath("known")).Want(t, http.StatusOK)
		return a.Header.Get("Signalbox-Stale") != ""
	}, e2etest.Timeout, 20*time.Millisecond, "and are marked as stale")
	for _, a := range []e2etest.Response{
		c.Get(t, e2etest.ReadPath("never.read")), c.Put(t, made.Path(), map[string]any{"value": "w"}),
		c.Post(t, "/api/v1/config/", e2etest.Draft{Key: "new", Environment: "production", ServiceName: "shop"}),
	} {
		a.Problem(t, http.StatusServiceUnavailable, "unavailable")
		require.NotEmpty(t, a.Header.Get("Retry-After"))
	}
	h := e2etest.Decode[e2etest.Object](t, c.Get(t, "/health").Want(t, http.StatusServiceUnavailable))
	require.Equal(t, "unhealthy", h["status"])
	require.Equal(t, "unhealthy", h["database"])
	c.Get(t, "/readyz").Want(t, http.StatusOK)
	c.Get(t, "/livez").Want(t, http.StatusOK)

	between.Open(t)
	require.Eventually(t, func() bool {
		return c.Get(t, e2etest.ReadPath("known")).Want(t, http.StatusOK).Header.Get("Signalbox-Stale") == ""
	}, e2etest.Timeout, 20*time.Millisecond)
	require.Equal(t, made, c.Read(t, "known"), "rejected writes had no effect")
	c.Get(t, e2etest.ReadPath("new")).Problem(t, http.StatusNotFound, "configuration_not_found")
	c.Put(t, made.Path(), map[string]any{"value": "w"}).Want(t, http.StatusOK)
	require.Eventually(t, func() bool { return c.Get(t, "/health").Status == http.StatusOK }, e2etest.Timeout, 100*time.Millisecond)
}

// TestStartWithoutDatabase starts the service before its database.
func TestStartWithoutDatabase(t *testing.T) {
	t.Parallel()
	between := e2etest.NewGate(t, e2etest.NewPostgres(t))
	between.Close()
	p := e2etest.StartServer(t, between.URL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	p.Log.Await(t, "database unreachable; retrying", p.Exited)
	between.Open(t)
	p.AwaitReady(t)
	p.Admin(t).Create(t, "late", "v")
}

// TestStopBeforeDatabase stops a service that waits for its database.
func TestStopBeforeDatabase(t *testing.T) {
	t.Parallel()
	between := e2etest.NewGate(t, e2etest.NewPostgres(t))
	between.Close()
	p := e2etest.StartServer(t, between.URL)
	p.Log.Await(t, "database unreachable; retrying", p.Exited)
	p.Terminate(t)
	require.Zero(t, p.AwaitExit(t))
	require.Empty(t, p.Out.String())
}
