package registry_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestRegistryWithoutRedis makes Redis unavailable for longer than the leases.
func TestRegistryWithoutRedis(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	shared, between := e2etest.NewRedis(t).Behind(t)
	s := e2etest.Boot(t, databaseURL, shared.Environ(t)...)
	c := s.Admin(t)
	c.RegisterInstance(t, "shop", "a", e2etest.Object{"ttl_seconds": 2})
	c.RegisterInstance(t, "shop", "b", e2etest.Object{"ttl_seconds": 2})
	c.AwaitFresh(t)

	between.Close()
	c.AwaitStale(t, 2, "a", "b")
	register := e2etest.Object{"service_name": "shop", "instance_id": "late", "service_url": "http://h"}
	beat := e2etest.Object{"service_name": "shop", "instance_id": "a", "lease_epoch": 1}
	for _, a := range []e2etest.Response{
		c.Heartbeat(t, "shop", "a", 1),
		c.Post(t, e2etest.RegistryPath+"heartbeats", e2etest.Object{"heartbeats": []e2etest.Object{beat}}),
		c.Post(t, e2etest.RegistryPath+"register", register),
	} {
		a.Problem(t, http.StatusServiceUnavailable, "leases_unavailable")
		require.NotEmpty(t, a.Header.Get("Retry-After"))
	}
	c.Register(t, http.StatusCreated, e2etest.Object{"service_name": "plain", "service_url": "http://h"})
	require.Equal(t, "healthy", c.Service(t, "shop").Status)
	require.Equal(t, []string{"shop"}, c.Services(t, "healthy").Names())
	h := e2etest.Decode[e2etest.Object](t, c.Get(t, "/health").Want(t, http.StatusOK))
	require.Equal(t, []any{"degraded", "unhealthy", "healthy"}, []any{h["status"], h["redis"], h["database"]})
	c.AwaitStale(t, 4, "a", "b")

	between.Open(t)
	require.Eventually(t, func() bool { return c.Heartbeat(t, "shop", "a", 1).Status == http.StatusOK }, e2etest.Timeout, e2etest.PollInterval)
	c.AwaitFresh(t)
	for _, one := range c.Transitions(t, "shop/health-history") {
		require.Equal(t, "registered", one.Reason, "no lease has expired, and rejected requests had no effect")
	}
	require.Equal(t, []string{"a", "b"}, e2etest.InstanceIDs(c.Discover(t, "shop?ready=true")))
	require.Equal(t, 1, strings.Count(s.Log.String(), "lease expiry paused"), "it is logged once")

	// Leases without heartbeats expire again.
	outlives(t, c, 1)
	require.Equal(t, int64(3), *c.RegisterInstance(t, "shop", "late").Epoch)
}

// TestRegistryWithoutDatabase makes the database unavailable for longer than the leases.
func TestRegistryWithoutDatabase(t *testing.T) {
	t.Parallel()
	between := e2etest.NewGate(t, e2etest.NewPostgres(t))
	c := e2etest.Boot(t, between.URL, "AUTH_ENABLED=false").Anonymous()
	c.RegisterInstance(t, "shop", "a", e2etest.Object{"ttl_seconds": 2})
	c.RegisterInstance(t, "shop", "b", e2etest.Object{"ttl_seconds": 2})
	c.Register(t, http.StatusOK, e2etest.Object{"service_name": "shop", "instance_id": "a"})
	c.Register(t, http.StatusCreated, e2etest.Object{"service_name": "plain", "service_url": "http://h"})

	between.Close()
	c.AwaitStale(t, 2, "a", "b")
	c.Heartbeat(t, "shop", "a", 3).Want(t, http.StatusOK)
	c.Heartbeat(t, "shop", "a", 1).Problem(t, http.StatusConflict, "lease_lost")
	for _, body := range []e2etest.Object{
		{"service_name": "shop", "instance_id": "late", "service_url": "http://h"},
		{"service_name": "other", "service_url": "http://h"},
	} {
		a := c.Post(t, e2etest.RegistryPath+"register", body)
		a.Problem(t, http.StatusServiceUnavailable, "unavailable")
		require.NotEmpty(t, a.Header.Get("Retry-After"))
	}
	c.Put(t, e2etest.RegistryPath+"health", e2etest.Object{"service_name": "plain", "status": "healthy"}).
		Problem(t, http.StatusServiceUnavailable, "unavailable")
	require.Equal(t, []string{"a", "b"}, e2etest.InstanceIDs(c.Service(t, "shop").Instances), "the service is read from memory")
	require.Equal(t, []string{"plain", "shop"}, c.Services(t, "").Names())
	c.AwaitStale(t, 4, "a", "b")

	between.Open(t)
	c.AwaitFresh(t)
	c.Heartbeat(t, "shop", "a", 3).Want(t, http.StatusOK)
	require.Equal(t, []string{"a", "b"}, e2etest.InstanceIDs(c.Discover(t, "shop?ready=true")))
	require.Len(t, c.Transitions(t, "shop/health-history"), 2, "no lease has expired")
	outlives(t, c, 3)
	c.Get(t, e2etest.RegistryPath+"other").Problem(t, http.StatusNotFound, "service_not_found")
}
