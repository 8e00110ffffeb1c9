package e2e_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// staleFor waits until discovery of the shop says that it has been stale for so many
// seconds. It must go on to list exactly these instances.
func (c client) staleFor(t *testing.T, seconds int, want ...string) {
	t.Helper()
	require.Eventually(t, func() bool {
		a := c.get(t, discoveryPath+"shop").want(t, http.StatusOK)
		require.Equal(t, want, ids(decode[[]instanceShown](t, a)))
		mode, stale := a.header.Get("Signalbox-Registry-Mode"), a.header.Get("Signalbox-Stale")
		require.Equal(t, stale == "", mode == "", "both are said, or neither")
		require.Contains(t, []string{"", "stale"}, mode)
		n, _ := strconv.Atoi(stale)
		return n >= seconds
	}, patience, leaseStep)
}

// fresh waits until discovery of the shop is the whole truth again.
func (c client) fresh(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		a := c.get(t, discoveryPath+"shop").want(t, http.StatusOK)
		return a.header.Get("Signalbox-Registry-Mode")+a.header.Get("Signalbox-Stale") == ""
	}, patience, leaseStep)
}

// TestRegistryWithoutRedis takes Redis away for longer than the leases run.
func TestRegistryWithoutRedis(t *testing.T) {
	t.Parallel()
	databaseURL := freshPostgres(t)
	shared, between := freshRedis(t).behind(t)
	s := boot(t, databaseURL, shared.environ(t)...)
	c := s.admin(t)
	c.enrol(t, "shop", "a", object{"ttl_seconds": 2})
	c.enrol(t, "shop", "b", object{"ttl_seconds": 2})
	c.fresh(t)

	between.shut()
	c.staleFor(t, 2, "a", "b")
	register := object{"service_name": "shop", "instance_id": "late", "service_url": "http://h"}
	beat := object{"service_name": "shop", "instance_id": "a", "lease_epoch": 1}
	for _, a := range []answer{
		c.beat(t, "shop", "a", 1),
		c.post(t, registryPath+"heartbeats", object{"heartbeats": []object{beat}}),
		c.post(t, registryPath+"register", register),
	} {
		a.problem(t, http.StatusServiceUnavailable, "leases_unavailable")
		require.NotEmpty(t, a.header.Get("Retry-After"))
	}
	c.registers(t, http.StatusCreated, object{"service_name": "plain", "service_url": "http://h"})
	require.Equal(t, "healthy", c.service(t, "shop").Status)
	require.Equal(t, []string{"shop"}, c.services(t, "healthy").names())
	h := decode[object](t, c.get(t, "/health").want(t, http.StatusOK))
	require.Equal(t, []any{"degraded", "unhealthy", "healthy"}, []any{h["status"], h["redis"], h["database"]})
	c.staleFor(t, 4, "a", "b")

	between.open(t)
	require.Eventually(t, func() bool { return c.beat(t, "shop", "a", 1).status == http.StatusOK }, patience, leaseStep)
	c.fresh(t)
	for _, one := range c.transitions(t, "shop/health-history") {
		require.Equal(t, "registered", one.Reason, "nothing has expired, and nothing came of what was refused")
	}
	require.Equal(t, []string{"a", "b"}, ids(c.discovers(t, "shop?ready=true")))
	require.Equal(t, 1, strings.Count(s.log.String(), "lease sweep failed"), "it is said once")

	// Leases end again, of those who do not beat.
	outlives(t, c, 1)
	require.Equal(t, int64(3), *c.enrol(t, "shop", "late").Epoch)
}

// TestRegistryWithoutDatabase takes the database away for longer than the leases
// run.
func TestRegistryWithoutDatabase(t *testing.T) {
	t.Parallel()
	between := newGate(t, freshPostgres(t))
	c := boot(t, between.url, "AUTH_ENABLED=false").anonymous()
	c.enrol(t, "shop", "a", object{"ttl_seconds": 2})
	c.enrol(t, "shop", "b", object{"ttl_seconds": 2})
	c.registers(t, http.StatusOK, object{"service_name": "shop", "instance_id": "a"})
	c.registers(t, http.StatusCreated, object{"service_name": "plain", "service_url": "http://h"})

	between.shut()
	c.staleFor(t, 2, "a", "b")
	c.beat(t, "shop", "a", 3).want(t, http.StatusOK)
	c.beat(t, "shop", "a", 1).problem(t, http.StatusConflict, "lease_lost")
	for _, body := range []object{
		{"service_name": "shop", "instance_id": "late", "service_url": "http://h"},
		{"service_name": "other", "service_url": "http://h"},
	} {
		a := c.post(t, registryPath+"register", body)
		a.problem(t, http.StatusServiceUnavailable, "unavailable")
		require.NotEmpty(t, a.header.Get("Retry-After"))
	}
	c.put(t, registryPath+"health", object{"service_name": "plain", "status": "healthy"}).
		problem(t, http.StatusServiceUnavailable, "unavailable")
	require.Equal(t, []string{"a", "b"}, ids(c.service(t, "shop").Instances), "it is read from memory")
	require.Equal(t, []string{"plain", "shop"}, c.services(t, "").names())
	c.staleFor(t, 4, "a", "b")

	between.open(t)
	c.fresh(t)
	c.beat(t, "shop", "a", 3).want(t, http.StatusOK)
	require.Equal(t, []string{"a", "b"}, ids(c.discovers(t, "shop?ready=true")))
	require.Len(t, c.transitions(t, "shop/health-history"), 2, "nothing has expired")
	outlives(t, c, 3)
	c.get(t, registryPath+"other").problem(t, http.StatusNotFound, "service_not_found")
}
