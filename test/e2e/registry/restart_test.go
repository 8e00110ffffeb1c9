package registry_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestRegistryAfterRestart kills the service and starts it again on the same
// database, after a time in which every lease would have ended.
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
			// Meanwhile as long a lease ends elsewhere: these would all be over.
			elsewhere := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)
			elsewhere.RegisterInstance(t, "shop", "a", e2etest.Object{"ttl_seconds": 2})
			elsewhere.AwaitDiscovered(t, e2etest.Timeout, "shop")

			p = e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
			c = p.Admin(t)
			a := c.Get(t, e2etest.DiscoveryPath+"shop?ready=true").Want(t, http.StatusOK)
			require.Equal(t, []string{"a", "b"}, e2etest.InstanceIDs(e2etest.Decode[[]e2etest.Instance](t, a)), "leases begin anew")
			require.Empty(t, a.Header.Get("Signalbox-Registry-Mode"))
			require.Equal(t, before, c.Service(t, "shop"), "nothing is lost, and nothing is new")
			require.Equal(t, []string{"kept", "plain", "shop"}, c.Services(t, "healthy").Names())

			// Who lived on goes on with its epoch; the one that did not leaves.
			outlives(t, c, 1)
			c.Heartbeat(t, "kept", "x", 1).Want(t, http.StatusOK)
		})
	}
}

// outlives lets instance a of the shop beat under an epoch until b, which does not
// beat, has left.
func outlives(t *testing.T, c e2etest.Client, epoch int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		c.Heartbeat(t, "shop", "a", epoch).Want(t, http.StatusOK)
		return !slices.Contains(e2etest.InstanceIDs(c.Discover(t, "shop")), "b")
	}, e2etest.Timeout, 50*time.Millisecond, "b has a lease that does not end")
	require.Contains(t, e2etest.InstanceIDs(c.Discover(t, "shop?ready=true")), "a")
}
