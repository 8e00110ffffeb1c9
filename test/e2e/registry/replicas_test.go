package registry_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// replicas runs two replicas in this process, on one database and one Redis.
func replicas(t *testing.T) (one, other e2etest.Client, shared e2etest.Redis) {
	t.Helper()
	databaseURL, shared := e2etest.NewPostgres(t), e2etest.NewRedis(t)
	one = e2etest.Boot(t, databaseURL, shared.Environ(t)...).Admin(t)
	other = e2etest.Boot(t, databaseURL, shared.Environ(t)...).Admin(t)
	return one, other, shared
}

func TestRegistryOfReplicas(t *testing.T) {
	t.Parallel()
	one, other, shared := replicas(t)

	began := time.Now()
	one.RegisterInstance(t, "shop", "a")
	other.AwaitDiscovered(t, time.Second+slack, "shop?ready=true", "a")
	t.Logf("registered on one, and discovered on the other after %s", time.Since(began))
	require.Equal(t, int64(1), *other.Service(t, "shop").Instances[0].Epoch)

	// Heartbeats, reports, overrides and registrations go to either replica.
	one.Heartbeat(t, "shop", "a", 1).Want(t, http.StatusOK)
	other.Heartbeat(t, "shop", "a", 1, e2etest.Object{"status": "critical"}).Want(t, http.StatusOK)
	one.AwaitDiscovered(t, time.Second+slack, "shop?ready=true")
	one.Heartbeat(t, "shop", "a", 1, e2etest.Object{"status": "passing"}).Want(t, http.StatusOK)
	other.AwaitDiscovered(t, time.Second+slack, "shop?ready=true", "a")
	again := other.Register(t, http.StatusOK, e2etest.Object{"service_name": "shop", "instance_id": "a"})
	require.Equal(t, int64(2), *again.Epoch)
	one.Heartbeat(t, "shop", "a", 1).Problem(t, http.StatusConflict, "lease_lost")
	one.Heartbeat(t, "shop", "a", 2).Want(t, http.StatusOK)

	// Readers of Redis see the same state.
	require.Eventually(t, func() bool {
		return shared.Client.Get(t.Context(), "service:shop:active").Val() == "1" &&
			shared.Client.HExists(t.Context(), "service:shop:instances", "a").Val() &&
			shared.Client.SIsMember(t.Context(), "healthy_services", "shop").Val()
	}, e2etest.Timeout, e2etest.PollInterval)

	// A lease expires once for both.
	one.RegisterInstance(t, "brief", "x", e2etest.ShortLease())
	other.AwaitDiscovered(t, time.Second+slack, "brief", "x")
	for _, c := range []e2etest.Client{one, other} {
		c.AwaitDiscovered(t, e2etest.Timeout, "brief")
		require.Equal(t, "lease_expired", c.Service(t, "brief").Instances[0].Reason)
	}
	require.Len(t, one.Transitions(t, "brief/health-history"), 2)
	other.Heartbeat(t, "brief", "x", 1).Want(t, http.StatusOK)
	one.AwaitDiscovered(t, time.Second+slack, "brief", "x")

	other.Delete(t, e2etest.RegistryPath+"shop/instances/a").Want(t, http.StatusNoContent)
	one.AwaitDiscovered(t, time.Second+slack, "shop")
	one.Heartbeat(t, "shop", "a", 2).Problem(t, http.StatusNotFound, "instance_not_found")
}

// TestRegistryAfterLossOfReplica kills one of two replicas, also the one that expires
// leases: leases are renewed and expire on the other.
func TestRegistryAfterLossOfReplica(t *testing.T) {
	t.Parallel()
	for n, name := range []string{"the first is killed", "the second is killed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databaseURL, shared := e2etest.NewPostgres(t), e2etest.NewRedis(t)
			environ := append(shared.Environ(t), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
			both := []*e2etest.Process{e2etest.Serve(t, databaseURL, environ...), e2etest.Serve(t, databaseURL, environ...)}
			lost, left := both[n], both[1-n].Admin(t)

			lost.Admin(t).RegisterInstance(t, "shop", "a", e2etest.ShortLease())
			lost.Admin(t).RegisterInstance(t, "lonely", "b", e2etest.ShortLease())
			left.AwaitDiscovered(t, time.Second+slack, "lonely", "b")
			lost.Kill(t)
			began := time.Now()
			require.Eventually(t, func() bool {
				left.Heartbeat(t, "shop", "a", 1).Want(t, http.StatusOK)
				return len(left.Discover(t, "lonely")) == 0
			}, e2etest.Timeout, 50*time.Millisecond)
			// The lock is free after a second; the pause adds a grace period of one TTL.
			const ttl, turn = time.Second, time.Second
			require.Less(t, time.Since(began), turn+ttl+ttl+time.Second+slack)
			require.Equal(t, []string{"a"}, e2etest.InstanceIDs(left.Discover(t, "shop?ready=true")))
			require.Len(t, left.Transitions(t, "shop/health-history"), 1, "it has never expired")
			left.RegisterInstance(t, "new", "c")
		})
	}
}

// TestRegistryAfterLossOfLeases empties Redis, as its restart does.
func TestRegistryAfterLossOfLeases(t *testing.T) {
	t.Parallel()
	one, other, shared := replicas(t)
	for _, id := range []string{"a", "b"} {
		one.RegisterInstance(t, "shop", id, e2etest.Object{"ttl_seconds": 2})
	}
	one.RegisterInstance(t, "slow", "c", e2etest.Object{"ttl_seconds": 3600})
	other.AwaitDiscovered(t, time.Second+slack, "shop", "a", "b")
	require.NoError(t, shared.Client.FlushDB(t.Context()).Err())
	for n, id := range []string{"a", "b"} {
		other.Heartbeat(t, "shop", id, int64(n+1)).Want(t, http.StatusOK)
	}
	other.Heartbeat(t, "slow", "c", 2).Problem(t, http.StatusConflict, "lease_lost")
	one.Heartbeat(t, "slow", "c", 1).Want(t, http.StatusOK)
	outlives(t, one, 1)
	for _, c := range []e2etest.Client{one, other} {
		c.AwaitDiscovered(t, time.Second+slack, "shop", "a")
		c.AwaitDiscovered(t, time.Second+slack, "slow", "c")
	}
}
