package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// configurableRedis is a Redis that a test may configure.
func configurableRedis(t *testing.T) e2etest.Redis {
	t.Helper()
	own := e2etest.Redis{Address: harness.OwnRedis(t)}
	own.Client = redis.NewClient(&redis.Options{Addr: own.Address})
	t.Cleanup(func() { _ = own.Client.Close() })
	return own
}

// TestRedisThatRefusesWrites registers with a Redis that rejects writes.
func TestRedisThatRefusesWrites(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]struct{ begin, end []any }{
		"at its memory limit": {[]any{"config", "set", "maxmemory", "1"}, []any{"config", "set", "maxmemory", "0"}},
		"a read-only replica": {[]any{"replicaof", "127.0.0.1", "1"}, []any{"replicaof", "no", "one"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shared := configurableRedis(t)
			c := e2etest.Boot(t, e2etest.NewSQLite(t), shared.Environ(t)...).Admin(t)
			c.RegisterInstance(t, "shop", "before")
			require.NoError(t, shared.Client.Do(t.Context(), refusal.begin...).Err())
			for _, service := range []string{"shop", "new"} {
				c.Post(t, e2etest.RegistryPath+"register", e2etest.Object{
					"service_name": service, "instance_id": "refused", "service_url": "http://h",
				}).Problem(t, http.StatusServiceUnavailable, "leases_unavailable")
			}
			require.Equal(t, []string{"before"}, e2etest.InstanceIDs(c.Service(t, "shop").Instances), "nothing is stored")
			c.Get(t, e2etest.RegistryPath+"new").Problem(t, http.StatusNotFound, "service_not_found")
			require.EventuallyWithT(t, func(e *assert.CollectT) {
				assert.Contains(e, e2etest.ConditionNames(t, c), "redis_writes_failing")
			}, e2etest.Timeout, e2etest.PollInterval)
			require.Equal(t, "degraded", e2etest.Decode[e2etest.Object](t, c.Get(t, "/health"))["redis"])
			require.Len(t, c.Transitions(t, "shop/health-history"), 1)

			require.NoError(t, shared.Client.Do(t.Context(), refusal.end...).Err())
			require.Eventually(t, func() bool {
				return c.Heartbeat(t, "shop", "before", 1).Status == http.StatusOK
			}, e2etest.Timeout, e2etest.PollInterval)
			require.Equal(t, int64(2), *c.RegisterInstance(t, "shop", "refused").Epoch)
			c.Heartbeat(t, "shop", "refused", 2).Want(t, http.StatusOK)
		})
	}
}

// TestForeignValuesInRedis has another program that writes keys of the projection, as the
// README of the original does.
func TestForeignValuesInRedis(t *testing.T) {
	t.Parallel()
	shared := e2etest.NewRedis(t)
	s := e2etest.Boot(t, e2etest.NewPostgres(t), shared.Environ(t)...)
	c := s.Admin(t)
	foreign := []string{"healthy_services", "service:shop:instances", "service_info:shop", "service:shop:active"}
	for n, key := range foreign {
		if n < 2 {
			require.NoError(t, shared.Client.Set(t.Context(), key, "x", 0).Err())
		} else {
			require.NoError(t, shared.Client.RPush(t.Context(), key, "x").Err())
		}
	}
	c.RegisterInstance(t, "shop", "a")
	c.RegisterInstance(t, "shop", "brief", e2etest.ShortLease())
	c.RegisterInstance(t, "cart", "b")
	for range 20 {
		c.Heartbeat(t, "shop", "a", 1).Want(t, http.StatusOK)
		c.Heartbeat(t, "cart", "b", 1).Want(t, http.StatusOK)
	}
	c.AwaitDiscovered(t, e2etest.Timeout, "shop", "a")
	require.EventuallyWithT(t, func(e *assert.CollectT) {
		assert.ElementsMatch(e, []string{"shop", "cart"}, shared.Client.SMembers(t.Context(), foreign[0]).Val())
		assert.Contains(e, shared.Client.HKeys(t.Context(), foreign[1]).Val(), "a")
		assert.Contains(e, shared.Client.Get(t.Context(), foreign[2]).Val(), "shop")
		assert.Equal(e, "1", shared.Client.Get(t.Context(), foreign[3]).Val())
	}, e2etest.Timeout, e2etest.PollInterval)
	require.NotEmpty(t, s.Log.Find("redis value of wrong type replaced"))
	require.Empty(t, s.Log.Find("lease expiry paused"))
	require.NotContains(t, e2etest.ConditionNames(t, c), "redis_projection_failed")

	// One key of the projection must not be written: leases do not depend on it, and it is
	// reported.
	denied := configurableRedis(t)
	require.NoError(t, denied.Client.Do(t.Context(), "acl", "setuser", "default", "resetkeys", "~registry:*", "~config:*").Err())
	s = e2etest.Boot(t, e2etest.NewSQLite(t), denied.Environ(t)...)
	c = s.Admin(t)
	c.RegisterInstance(t, "shop", "a")
	c.RegisterInstance(t, "shop", "brief", e2etest.ShortLease())
	c.Heartbeat(t, "shop", "a", 1).Want(t, http.StatusOK)
	c.AwaitDiscovered(t, e2etest.Timeout, "shop", "a")
	require.EventuallyWithT(t, func(e *assert.CollectT) {
		assert.Contains(e, e2etest.ConditionNames(t, c), "redis_projection_failed")
	}, e2etest.Timeout, e2etest.PollInterval)
	require.NotEmpty(t, s.Log.Await(t, "redis projection of instances failed", nil))
	require.Equal(t, 1, strings.Count(s.Log.String(), "redis projection of instances failed"), "it is logged once")
}

// TestTwoClustersOnOneRedis starts two clusters with different databases on one Redis.
func TestTwoClustersOnOneRedis(t *testing.T) {
	t.Parallel()
	shared := e2etest.NewRedis(t)
	one, other := e2etest.Boot(t, e2etest.NewSQLite(t), shared.Environ(t)...), e2etest.Boot(t, e2etest.NewSQLite(t), shared.Environ(t)...)
	for n, s := range []*e2etest.Server{one, other} {
		c := s.Admin(t)
		for range n {
			c.Register(t, http.StatusCreated, e2etest.Object{"service_name": "shop", "instance_id": "b", "service_url": "http://h"})
		}
		c.RegisterInstance(t, "shop", "a", e2etest.Object{"ttl_seconds": 1 + 3599*n})
	}
	began := time.Now()
	one.Admin(t).AwaitDiscovered(t, e2etest.Timeout, "shop")
	for _, s := range []*e2etest.Server{one, other} {
		s.Log.Await(t, "redis shared by two clusters", nil)
		require.Contains(t, e2etest.ConditionNames(t, s.Admin(t)), "redis_shared")
	}
	t.Logf("two clusters found each other after %s", time.Since(began))
	other.Admin(t).Heartbeat(t, "shop", "a", 2).Want(t, http.StatusOK)
	require.Equal(t, []string{"a", "b"}, e2etest.InstanceIDs(other.Admin(t).Discover(t, "shop?ready=true")))
	one.Admin(t).Heartbeat(t, "shop", "a", 1).Want(t, http.StatusOK)
}
