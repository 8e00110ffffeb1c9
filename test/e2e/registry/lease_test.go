package registry_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestLeaseEpochs(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			c := e2etest.Boot(t, store.New(t)).Admin(t)
			made := c.RegisterInstance(t, "shop", "a")
			require.Equal(t, "a", *made.InstanceID)
			require.Equal(t, int64(1), *made.Epoch)
			require.Equal(t, int64(30), *made.TTL, "the default TTL is 30 s")
			require.Equal(t, int64(300), *c.Service(t, "shop").Instances[0].Deregister)

			got := e2etest.Decode[e2etest.Heartbeat](t, c.Heartbeat(t, "shop", "a", 1).Want(t, http.StatusOK))
			require.Equal(t, e2etest.Heartbeat{Epoch: 1, ExpiresIn: 30_000}, got)
			c.Heartbeat(t, "shop", "a", 2).Problem(t, http.StatusConflict, "lease_lost")

			// A second registration replaces the first one.
			again := c.Register(t, http.StatusOK, e2etest.Object{"service_name": "shop", "instance_id": "a", "ttl_seconds": 5})
			require.Equal(t, int64(2), *again.Epoch)
			require.Equal(t, int64(5), *again.TTL)
			require.Equal(t, made.ID, again.ID)
			c.Heartbeat(t, "shop", "a", 1).Problem(t, http.StatusConflict, "lease_lost")
			got = e2etest.Decode[e2etest.Heartbeat](t, c.Heartbeat(t, "shop", "a", 2).Want(t, http.StatusOK))
			require.Equal(t, e2etest.Heartbeat{Epoch: 2, ExpiresIn: 5_000}, got)
			shown := c.Service(t, "shop").Instances[0]
			require.Equal(t, "http://10.0.4.7:8080", *shown.URL, "what is not named stays")
			require.Equal(t, int64(50), *shown.Deregister, "the default follows the TTL")
			require.Equal(t, int64(2), *shown.Epoch)

			// The epoch continues after the instance, and the service, were deregistered.
			c.Delete(t, e2etest.RegistryPath+"shop/instances/a").Want(t, http.StatusNoContent)
			c.Delete(t, e2etest.RegistryPath+"shop/instances/a").Problem(t, http.StatusNotFound, "instance_not_found")
			c.Heartbeat(t, "shop", "a", 2).Problem(t, http.StatusNotFound, "instance_not_found")
			require.Equal(t, int64(3), *c.RegisterInstance(t, "shop", "a").Epoch)
			c.Delete(t, e2etest.RegistryPath+"shop").Want(t, http.StatusNoContent)
			c.Heartbeat(t, "shop", "a", 3).Problem(t, http.StatusNotFound, "service_not_found")
			back := c.RegisterInstance(t, "shop", "a")
			require.Equal(t, int64(4), *back.Epoch)
			require.Equal(t, made.ID, back.ID)
			require.Greater(t, back.Version, again.Version)
			c.Heartbeat(t, "shop", "a", 3).Problem(t, http.StatusConflict, "lease_lost")
			c.Heartbeat(t, "shop", "a", 4).Want(t, http.StatusOK)
		})
	}
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			c := e2etest.Boot(t, store.New(t)).Admin(t)
			c.RegisterInstance(t, "shop", "a", e2etest.Object{"ttl_seconds": 60})
			c.RegisterInstance(t, "shop", "b:1.2_x-y")
			c.Register(t, http.StatusCreated, e2etest.Object{"service_name": "plain", "service_url": "http://plain"})

			c.Heartbeat(t, "nobody", "a", 1).Problem(t, http.StatusNotFound, "service_not_found")
			c.Heartbeat(t, "shop", "nobody", 1).Problem(t, http.StatusNotFound, "instance_not_found")
			c.Heartbeat(t, "plain", "default", 1).Problem(t, http.StatusConflict, "no_lease")
			c.Heartbeat(t, "shop", "b:1.2_x-y", 2).Want(t, http.StatusOK)

			// A heartbeat may report a state, which takes effect at once.
			c.Heartbeat(t, "shop", "a", 1, e2etest.Object{"status": "critical", "response_time": 7.5}).Want(t, http.StatusOK)
			require.Equal(t, []string{"b:1.2_x-y"}, e2etest.InstanceIDs(c.Discover(t, "shop?ready=true")))
			require.Equal(t, []string{"a", "b:1.2_x-y"}, e2etest.InstanceIDs(c.Discover(t, "shop")))
			require.Equal(t, "critical", c.Discover(t, "shop")[0].Observed)
			c.Heartbeat(t, "shop", "a", 1).Want(t, http.StatusOK)
			require.Equal(t, "critical", c.Discover(t, "shop")[0].Observed, "a heartbeat without a report changes nothing")
			c.Heartbeat(t, "shop", "a", 1, e2etest.Object{"status": "healthy"}).Want(t, http.StatusOK)
			require.Equal(t, "passing", c.Discover(t, "shop?ready=true")[0].Observed)

			// Each heartbeat of a batch has the result of a single one.
			of := func(service, id string, epoch int64) e2etest.Object {
				return e2etest.Object{"service_name": service, "instance_id": id, "lease_epoch": epoch}
			}
			worse := of("shop", "b:1.2_x-y", 2)
			worse["status"] = "warning"
			a := c.Post(t, e2etest.RegistryPath+"heartbeats", e2etest.Object{"heartbeats": []e2etest.Object{
				of("shop", "a", 1), of("shop", "a", 2), of("shop", "nobody", 1), of("nobody", "a", 1), of("shop", "a", 0),
				worse, of("plain", "default", 1),
			}}).Want(t, http.StatusOK)
			require.Equal(t, []e2etest.HeartbeatResult{
				{Service: "shop", Instance: "a", Status: 200, Epoch: 1, ExpiresIn: 60_000},
				{Service: "shop", Instance: "a", Status: 409, Code: "lease_lost"},
				{Service: "shop", Instance: "nobody", Status: 404, Code: "instance_not_found"},
				{Service: "nobody", Instance: "a", Status: 404, Code: "service_not_found"},
				{Service: "shop", Instance: "a", Status: 422, Code: "validation_failed"},
				{Service: "shop", Instance: "b:1.2_x-y", Status: 200, Epoch: 2, ExpiresIn: 30_000},
				{Service: "plain", Instance: "default", Status: 409, Code: "no_lease"},
			}, e2etest.Decode[e2etest.HeartbeatBatch](t, a).Results)
			require.Equal(t, "warning", c.Discover(t, "shop")[1].Observed)
			require.True(t, c.Discover(t, "shop")[1].Ready, "an instance with a warning is ready")
		})
	}
}

// TestLeaseEnd lets a lease expire, be renewed late, expire again, and be purged.
func TestLeaseEnd(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			c := e2etest.Boot(t, store.New(t)).Admin(t)
			const ttl = time.Second
			lease := e2etest.Object{"ttl_seconds": 1, "deregister_after_seconds": 3}
			began := time.Now()
			c.RegisterInstance(t, "shop", "a", lease)
			require.Equal(t, []string{"a"}, e2etest.InstanceIDs(c.Discover(t, "shop")))
			c.AwaitDiscovered(t, e2etest.Timeout, "shop")
			took := time.Since(began)
			t.Logf("a lease of %s left discovery after %s", ttl, took)
			require.GreaterOrEqual(t, took, ttl, "it does not expire early")
			require.Less(t, took, ttl+time.Second+slack, "discovery omits it within TTL + 1 s")
			a := c.Get(t, e2etest.DiscoveryPath+"shop").Want(t, http.StatusOK)
			require.JSONEq(t, `[]`, string(a.Body), "the list is empty and current")
			require.Empty(t, a.Header.Values("Signalbox-Registry-Mode"))
			whole := c.Service(t, "shop")
			require.Equal(t, "unhealthy", whole.Status)
			require.Equal(t, "critical", whole.Instances[0].Observed)
			require.Equal(t, "lease_expired", whole.Instances[0].Reason)
			require.False(t, whole.Instances[0].Held)

			// A late heartbeat renews the lease, which expires again.
			c.Heartbeat(t, "shop", "a", 1).Want(t, http.StatusOK)
			require.Equal(t, []string{"a"}, e2etest.InstanceIDs(c.Discover(t, "shop?ready=true")))
			require.Equal(t, "healthy", c.Service(t, "shop").Status)
			c.AwaitDiscovered(t, ttl+time.Second+slack, "shop")

			require.Eventually(t, func() bool { return len(c.Service(t, "shop").Instances) == 0 }, e2etest.Timeout, e2etest.PollInterval,
				"it is removed after deregister_after_seconds")
			c.Heartbeat(t, "shop", "a", 1).Problem(t, http.StatusNotFound, "instance_not_found")
			require.Equal(t, int64(2), *c.RegisterInstance(t, "shop", "a", lease).Epoch)

			var sent []e2etest.Transition
			for _, one := range c.Transitions(t, "shop/health-history") {
				require.WithinDuration(t, time.Now(), one.At, e2etest.Timeout)
				one.At = time.Time{}
				sent = append(sent, one)
			}
			require.Equal(t, []e2etest.Transition{
				{Instance: "a", From: "unknown", To: "passing", Reason: "registered"},
				{Instance: "a", From: "critical", To: "unknown", Reason: "lease_expired"},
				{Instance: "a", From: "passing", To: "critical", Reason: "lease_expired"},
				{Instance: "a", From: "critical", To: "passing", Reason: "lease_renewed"},
				{Instance: "a", From: "passing", To: "critical", Reason: "lease_expired"},
				{Instance: "a", From: "unknown", To: "passing", Reason: "registered"},
			}, sent)
		})
	}
}

// slack is the tolerance of a guaranteed time on a busy machine.
const slack = 2 * time.Second

// TestLeaseKept renews a lease of one second for three seconds: the instance stays listed.
func TestLeaseKept(t *testing.T) {
	t.Parallel()
	c := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)
	c.RegisterInstance(t, "shop", "a", e2etest.Object{"ttl_seconds": 1})
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for range 12 {
		<-tick.C
		c.Heartbeat(t, "shop", "a", 1).Want(t, http.StatusOK)
		require.Equal(t, []string{"a"}, e2etest.InstanceIDs(c.Discover(t, "shop?ready=true")))
	}
	require.Len(t, c.Transitions(t, "shop/health-history"), 1)
}

// TestPreservation lets the leases of four in five instances expire at once: they stay
// listed with their observed state, and recover with their heartbeats.
func TestPreservation(t *testing.T) {
	t.Parallel()
	c := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)
	all := []string{"a", "b", "c", "d", "e"}
	for _, id := range all {
		ttl := 1
		if id == "e" {
			ttl = 60
		}
		c.RegisterInstance(t, "shop", id, e2etest.Object{"ttl_seconds": ttl})
	}
	held := func() (n int) {
		for _, i := range c.Discover(t, "shop?ready=true") {
			if i.Held {
				require.Equal(t, "critical", i.Observed)
				require.False(t, i.Ready, "the observed state is unchanged")
				n++
			}
		}
		return n
	}
	require.Eventually(t, func() bool { return held() == 4 }, e2etest.Timeout, e2etest.PollInterval)
	a := c.Get(t, e2etest.DiscoveryPath+"shop?ready=true").Want(t, http.StatusOK)
	require.Equal(t, "protected", a.Header.Get("Signalbox-Registry-Mode"))
	require.Equal(t, all, e2etest.InstanceIDs(e2etest.Decode[[]e2etest.Instance](t, a)))
	require.Equal(t, "protected", c.Get(t, e2etest.RegistryPath+"shop").Header.Get("Signalbox-Registry-Mode"))

	for _, id := range all[:4] {
		c.Register(t, http.StatusOK, e2etest.Object{"service_name": "shop", "instance_id": id, "ttl_seconds": 60})
	}
	require.Zero(t, held())
	require.Eventually(t, func() bool {
		a := c.Get(t, e2etest.DiscoveryPath+"shop?ready=true").Want(t, http.StatusOK)
		return a.Header.Get("Signalbox-Registry-Mode") == ""
	}, e2etest.Timeout, e2etest.PollInterval, "it ends by itself")
	require.Equal(t, all, e2etest.InstanceIDs(c.Discover(t, "shop?ready=true")))
}
