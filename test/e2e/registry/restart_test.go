package registry_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestRegistryAfterRestart kills the service and restarts it on the same database after a
// time in which every lease would have expired.
func TestRegistryAfterRestart(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			p := e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
			c := p.Admin(t)
			for _, id := range []string{"a", "b"} {
				c.RegisterInstance(t, "shop", id, e2etest.Object{"ttl_seconds": 2, "metadata": e2etest.Object{"is": id}})
			}
			c.Register(t, http.StatusCreated, e2etest.Object{"service_name": "plain", "service_url": "http://plain"})
			c.ReportHealth(t, e2etest.Object{"service_name": "plain", "status": "healthy"})
			c.RegisterInstance(t, "kept", "x", e2etest.Object{"ttl_seconds": 60})
			before := c.Service(t, "shop")
			p.Kill(t)
			// A lease of the same length expires elsewhere meanwhile.
			elsewhere := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)
			elsewhere.RegisterInstance(t, "shop", "a", e2etest.Object{"ttl_seconds": 2})
			elsewhere.AwaitDiscovered(t, e2etest.Timeout, "shop")

			p = e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
			c = p.Admin(t)
			a := c.Get(t, e2etest.DiscoveryPath+"shop?ready=true").Want(t, http.StatusOK)
			require.Equal(t, []string{"a", "b"}, e2etest.InstanceIDs(e2etest.Decode[[]e2etest.Instance](t, a)), "leases have restarted")
			require.Empty(t, a.Header.Get("Signalbox-Registry-Mode"))
			require.Equal(t, before, c.Service(t, "shop"), "the service is unchanged")
			require.Equal(t, []string{"kept", "plain", "shop"}, c.Services(t, "healthy").Names())

			// The instance that sends heartbeats keeps its epoch; the other one expires.
			outlives(t, c, 1)
			c.Heartbeat(t, "kept", "x", 1).Want(t, http.StatusOK)
		})
	}
}

// outlives sends heartbeats for instance a of the shop until b, which has none, has
// expired.
func outlives(t *testing.T, c e2etest.Client, epoch int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		c.Heartbeat(t, "shop", "a", epoch).Want(t, http.StatusOK)
		return !slices.Contains(e2etest.InstanceIDs(c.Discover(t, "shop")), "b")
	}, e2etest.Timeout, 50*time.Millisecond, "b has a lease that does not end")
	require.Contains(t, e2etest.InstanceIDs(c.Discover(t, "shop?ready=true")), "a")
}
