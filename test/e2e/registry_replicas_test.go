package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// replicas runs two replicas in this process, on one database and one Redis.
func replicas(t *testing.T) (one, other client, shared ownRedis) {
	t.Helper()
	databaseURL, shared := freshPostgres(t), freshRedis(t)
	one = boot(t, databaseURL, shared.environ(t)...).admin(t)
	other = boot(t, databaseURL, shared.environ(t)...).admin(t)
	return one, other, shared
}

// quick is an instance whose lease is of one second, so long as it is there.
func quick() object { return object{"ttl_seconds": 1, "deregister_after_seconds": 3600} }

func TestRegistryOfReplicas(t *testing.T) {
	t.Parallel()
	one, other, shared := replicas(t)

	began := time.Now()
	one.enrol(t, "shop", "a")
	other.awaitListed(t, time.Second+slack, "shop?ready=true", "a")
	t.Logf("registered on one, and discovered on the other after %s", time.Since(began))
	require.Equal(t, int64(1), *other.service(t, "shop").Instances[0].Epoch)

	// Heartbeats go to either, and so do reports, wishes and registrations.
	one.beat(t, "shop", "a", 1).want(t, http.StatusOK)
	other.beat(t, "shop", "a", 1, object{"status": "critical"}).want(t, http.StatusOK)
	one.awaitListed(t, time.Second+slack, "shop?ready=true")
	one.beat(t, "shop", "a", 1, object{"status": "passing"}).want(t, http.StatusOK)
	other.awaitListed(t, time.Second+slack, "shop?ready=true", "a")
	again := other.registers(t, http.StatusOK, object{"service_name": "shop", "instance_id": "a"})
	require.Equal(t, int64(2), *again.Epoch)
	one.beat(t, "shop", "a", 1).problem(t, http.StatusConflict, "lease_lost")
	one.beat(t, "shop", "a", 2).want(t, http.StatusOK)

	// Others read in Redis what is so.
	require.Eventually(t, func() bool {
		return shared.client.Get(t.Context(), "service:shop:active").Val() == "1" &&
			shared.client.HExists(t.Context(), "service:shop:instances", "a").Val() &&
			shared.client.SIsMember(t.Context(), "healthy_services", "shop").Val()
	}, patience, leaseStep)

	// A lease ends on both, once.
	one.enrol(t, "brief", "x", quick())
	other.awaitListed(t, time.Second+slack, "brief", "x")
	for _, c := range []client{one, other} {
		c.awaitListed(t, patience, "brief")
		require.Equal(t, "lease_expired", c.service(t, "brief").Instances[0].Reason)
	}
	require.Len(t, one.transitions(t, "brief/health-history"), 2)
	other.beat(t, "brief", "x", 1).want(t, http.StatusOK)
	one.awaitListed(t, time.Second+slack, "brief", "x")

	other.delete(t, registryPath+"shop/instances/a").want(t, http.StatusNoContent)
	one.awaitListed(t, time.Second+slack, "shop")
	one.beat(t, "shop", "a", 2).problem(t, http.StatusNotFound, "instance_not_found")
}

// TestRegistryAfterLossOfReplica kills one of two replicas: leases go on, and end,
// on the other. One of the two had been ending them.
func TestRegistryAfterLossOfReplica(t *testing.T) {
	t.Parallel()
	for n, name := range []string{"the first is killed", "the second is killed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databaseURL, shared := freshPostgres(t), freshRedis(t)
			environ := append(shared.environ(t), "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
			both := []*process{serve(t, databaseURL, environ...), serve(t, databaseURL, environ...)}
			lost, left := both[n], both[1-n].admin(t)

			lost.admin(t).enrol(t, "shop", "a", quick())
			lost.admin(t).enrol(t, "lonely", "b", quick())
			left.awaitListed(t, time.Second+slack, "lonely", "b")
			lost.kill(t)
			began := time.Now()
			require.Eventually(t, func() bool {
				left.beat(t, "shop", "a", 1).want(t, http.StatusOK)
				return len(left.discovers(t, "lonely")) == 0
			}, patience, 50*time.Millisecond)
			// The turn is free after a second; the pause is a grace, of one TTL.
			const ttl, turn = time.Second, time.Second
			require.Less(t, time.Since(began), turn+ttl+ttl+time.Second+slack)
			require.Equal(t, []string{"a"}, ids(left.discovers(t, "shop?ready=true")))
			require.Len(t, left.transitions(t, "shop/health-history"), 1, "it has never left")
			left.enrol(t, "new", "c")
		})
	}
}

// TestRegistryAfterLossOfLeases empties Redis, as a restart of it does.
func TestRegistryAfterLossOfLeases(t *testing.T) {
	t.Parallel()
	one, other, shared := replicas(t)
	for _, id := range []string{"a", "b"} {
		one.enrol(t, "shop", id, object{"ttl_seconds": 2})
	}
	one.enrol(t, "slow", "c", object{"ttl_seconds": 3600})
	other.awaitListed(t, time.Second+slack, "shop", "a", "b")
	require.NoError(t, shared.client.FlushDB(t.Context()).Err())
	for n, id := range []string{"a", "b"} {
		other.beat(t, "shop", id, int64(n+1)).want(t, http.StatusOK)
	}
	other.beat(t, "slow", "c", 2).problem(t, http.StatusConflict, "lease_lost")
	one.beat(t, "slow", "c", 1).want(t, http.StatusOK)
	outlives(t, one, 1)
	for _, c := range []client{one, other} {
		c.awaitListed(t, time.Second+slack, "shop", "a")
		c.awaitListed(t, time.Second+slack, "slow", "c")
	}
}
