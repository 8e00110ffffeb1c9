package e2e_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRegistryAfterRestart kills the service and starts it again on the same
// database, after a time in which every lease would have ended.
func TestRegistryAfterRestart(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			p := serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
			c := p.admin(t)
			for _, id := range []string{"a", "b"} {
				c.enrol(t, "shop", id, object{"ttl_seconds": 2, "metadata": object{"is": id}})
			}
			c.registers(t, http.StatusCreated, object{"service_name": "plain", "service_url": "http://plain"})
			c.reports(t, object{"service_name": "plain", "status": "healthy"})
			c.enrol(t, "kept", "x", object{"ttl_seconds": 60})
			before := c.service(t, "shop")
			p.kill(t)
			// Meanwhile as long a lease ends elsewhere: these would all be over.
			elsewhere := boot(t, freshSQLite(t)).admin(t)
			elsewhere.enrol(t, "shop", "a", object{"ttl_seconds": 2})
			elsewhere.awaitListed(t, patience, "shop")

			p = serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
			c = p.admin(t)
			a := c.get(t, discoveryPath+"shop?ready=true").want(t, http.StatusOK)
			require.Equal(t, []string{"a", "b"}, ids(decode[[]instanceShown](t, a)), "leases begin anew")
			require.Empty(t, a.header.Get("Signalbox-Registry-Mode"))
			require.Equal(t, before, c.service(t, "shop"), "nothing is lost, and nothing is new")
			require.Equal(t, []string{"kept", "plain", "shop"}, c.services(t, "healthy").names())

			// Who lived on goes on with its epoch; the one that did not leaves.
			outlives(t, c, 1)
			c.beat(t, "kept", "x", 1).want(t, http.StatusOK)
		})
	}
}

// outlives lets instance a of the shop beat under an epoch until b, which does not
// beat, has left.
func outlives(t *testing.T, c client, epoch int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		c.beat(t, "shop", "a", epoch).want(t, http.StatusOK)
		return !slices.Contains(ids(c.discovers(t, "shop")), "b")
	}, patience, 50*time.Millisecond, "b has a lease that does not end")
	require.Contains(t, ids(c.discovers(t, "shop?ready=true")), "a")
}
