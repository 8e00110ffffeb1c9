package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/harness"
)

// configurableRedis is a Redis that a test may configure.
func configurableRedis(t *testing.T) ownRedis {
	t.Helper()
	own := ownRedis{address: harness.OwnRedis(t)}
	own.client = redis.NewClient(&redis.Options{Addr: own.address})
	t.Cleanup(func() { _ = own.client.Close() })
	return own
}

// TestRedisThatRefusesWrites registers with a Redis that answers, and writes nothing.
func TestRedisThatRefusesWrites(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]struct{ begin, end []any }{
		"at its memory limit": {[]any{"config", "set", "maxmemory", "1"}, []any{"config", "set", "maxmemory", "0"}},
		"a read-only replica": {[]any{"replicaof", "127.0.0.1", "1"}, []any{"replicaof", "no", "one"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shared := configurableRedis(t)
			c := boot(t, freshSQLite(t), shared.environ(t)...).admin(t)
			c.enrol(t, "shop", "before")
			require.NoError(t, shared.client.Do(t.Context(), refusal.begin...).Err())
			for _, service := range []string{"shop", "new"} {
				c.post(t, registryPath+"register", object{
					"service_name": service, "instance_id": "refused", "service_url": "http://h",
				}).problem(t, http.StatusServiceUnavailable, "leases_unavailable")
			}
			require.Equal(t, []string{"before"}, ids(c.service(t, "shop").Instances), "nothing is stored")
			c.get(t, registryPath+"new").problem(t, http.StatusNotFound, "service_not_found")
			require.EventuallyWithT(t, func(e *assert.CollectT) {
				assert.Contains(e, conditionsOf(t, c), "redis_writes_failing")
			}, patience, leaseStep)
			require.Equal(t, "degraded", decode[object](t, c.get(t, "/health"))["redis"])
			require.Len(t, c.transitions(t, "shop/health-history"), 1)

			require.NoError(t, shared.client.Do(t.Context(), refusal.end...).Err())
			require.Eventually(t, func() bool {
				return c.beat(t, "shop", "before", 1).status == http.StatusOK
			}, patience, leaseStep)
			require.Equal(t, int64(2), *c.enrol(t, "shop", "refused").Epoch)
			c.beat(t, "shop", "refused", 2).want(t, http.StatusOK)
		})
	}
}

// TestForeignValuesInRedis has a program cache under names that readers know, as the
// README of the original does.
func TestForeignValuesInRedis(t *testing.T) {
	t.Parallel()
	shared := freshRedis(t)
	s := boot(t, freshPostgres(t), shared.environ(t)...)
	c := s.admin(t)
	foreign := []string{"healthy_services", "service:shop:instances", "service_info:shop", "service:shop:active"}
	for n, key := range foreign {
		if n < 2 {
			require.NoError(t, shared.client.Set(t.Context(), key, "x", 0).Err())
		} else {
			require.NoError(t, shared.client.RPush(t.Context(), key, "x").Err())
		}
	}
	c.enrol(t, "shop", "a")
	c.enrol(t, "shop", "brief", quick())
	c.enrol(t, "cart", "b")
	for range 20 {
		c.beat(t, "shop", "a", 1).want(t, http.StatusOK)
		c.beat(t, "cart", "b", 1).want(t, http.StatusOK)
	}
	c.awaitListed(t, patience, "shop", "a")
	require.EventuallyWithT(t, func(e *assert.CollectT) {
		assert.ElementsMatch(e, []string{"shop", "cart"}, shared.client.SMembers(t.Context(), foreign[0]).Val())
		assert.Contains(e, shared.client.HKeys(t.Context(), foreign[1]).Val(), "a")
		assert.Contains(e, shared.client.Get(t.Context(), foreign[2]).Val(), "shop")
		assert.Equal(e, "1", shared.client.Get(t.Context(), foreign[3]).Val())
	}, patience, leaseStep)
	require.NotEmpty(t, s.log.find("redis value of wrong type replaced"))
	require.Empty(t, s.log.find("lease sweep failed"))
	require.NotContains(t, conditionsOf(t, c), "redis_projection_failed")

	// Readers are denied one name: leases do not depend on it, and it is shown.
	denied := configurableRedis(t)
	require.NoError(t, denied.client.Do(t.Context(), "acl", "setuser", "default", "resetkeys", "~registry:*", "~config:*").Err())
	s = boot(t, freshSQLite(t), denied.environ(t)...)
	c = s.admin(t)
	c.enrol(t, "shop", "a")
	c.enrol(t, "shop", "brief", quick())
	c.beat(t, "shop", "a", 1).want(t, http.StatusOK)
	c.awaitListed(t, patience, "shop", "a")
	require.EventuallyWithT(t, func(e *assert.CollectT) {
		assert.Contains(e, conditionsOf(t, c), "redis_projection_failed")
	}, patience, leaseStep)
	require.NotEmpty(t, s.log.await(t, "redis projection failed", nil))
	require.Equal(t, 1, strings.Count(s.log.String(), "redis projection failed: instances"), "it is said once")
}

// TestTwoClustersOnOneRedis starts two clusters, with a database each, on one Redis.
func TestTwoClustersOnOneRedis(t *testing.T) {
	t.Parallel()
	shared := freshRedis(t)
	one, other := boot(t, freshSQLite(t), shared.environ(t)...), boot(t, freshSQLite(t), shared.environ(t)...)
	for n, s := range []*service{one, other} {
		c := s.admin(t)
		for range n {
			c.registers(t, http.StatusCreated, object{"service_name": "shop", "instance_id": "b", "service_url": "http://h"})
		}
		c.enrol(t, "shop", "a", object{"ttl_seconds": 1 + 3599*n})
	}
	began := time.Now()
	one.admin(t).awaitListed(t, patience, "shop")
	for _, s := range []*service{one, other} {
		s.log.await(t, "redis shared by two clusters", nil)
		require.Contains(t, conditionsOf(t, s.admin(t)), "redis_shared")
	}
	t.Logf("two clusters found each other after %s", time.Since(began))
	other.admin(t).beat(t, "shop", "a", 2).want(t, http.StatusOK)
	require.Equal(t, []string{"a", "b"}, ids(other.admin(t).discovers(t, "shop?ready=true")))
	one.admin(t).beat(t, "shop", "a", 1).want(t, http.StatusOK)
}
