package registry_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestRegistryInput(t *testing.T) {
	t.Parallel()
	c := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)
	long := strings.Repeat("x", 256)

	for _, r := range []struct {
		name      string
		give      e2etest.Object
		locations []string
	}{
		{name: "no name", give: e2etest.Object{"service_name": ""}, locations: []string{"body.service_name"}},
		{name: "a reserved name", give: e2etest.Object{"service_name": "healthy"}, locations: []string{"body.service_name"}},
		{name: "a name that is a path", give: e2etest.Object{"service_name": "register"}, locations: []string{"body.service_name"}},
		{name: "a name with a space", give: e2etest.Object{"service_name": "a b"}, locations: []string{"body.service_name"}},
		{name: "a name of 101 bytes", give: e2etest.Object{"service_name": long[:101]}, locations: []string{"body.service_name"}},
		{name: "no address", give: e2etest.Object{"service_url": nil}, locations: []string{"body.service_url"}},
		{name: "an empty URL", give: e2etest.Object{"service_url": ""}, locations: []string{"body.service_url"}},
		{name: "a relative URL", give: e2etest.Object{"service_url": "/x"}, locations: []string{"body.service_url"}},
		{name: "another scheme", give: e2etest.Object{"service_url": "ftp://h"}, locations: []string{"body.service_url"}},
		{name: "a user in the URL", give: e2etest.Object{"service_url": "http://u:p@h"}, locations: []string{"body.service_url"}},
		{name: "a control character in the URL", give: e2etest.Object{"service_url": "http://h/\u0001"}, locations: []string{"body.service_url"}},
		{name: "a URL of 256 bytes", give: e2etest.Object{"service_url": ("http://h/" + long)[:256]}, locations: []string{"body.service_url"}},
		{name: "both URLs", give: e2etest.Object{"service_url": "x", "health_check_url": "file:///etc"}, locations: []string{"body.service_url", "body.health_check_url"}},
		{name: "an id with a slash", give: e2etest.Object{"instance_id": "a/b"}, locations: []string{"body.instance_id"}},
		{name: "an empty id", give: e2etest.Object{"instance_id": ""}, locations: []string{"body.instance_id"}},
		{name: "an id of 129 bytes", give: e2etest.Object{"instance_id": long[:129]}, locations: []string{"body.instance_id"}},
		{name: "the reserved id", give: e2etest.Object{"instance_id": "default"}, locations: []string{"body.instance_id"}},
		{name: "a host with a port", give: e2etest.Object{"host": "h:80"}, locations: []string{"body.host"}},
		{name: "a host without a port", give: e2etest.Object{"service_url": nil, "host": "h"}, locations: []string{"body.ports"}},
		{name: "port 0", give: e2etest.Object{"host": "h", "ports": e2etest.Object{"http": 0}}, locations: []string{"body.ports"}},
		{name: "port 65,536", give: e2etest.Object{"host": "h", "ports": e2etest.Object{"http": 65536}}, locations: []string{"body.ports"}},
		{name: "another environment", give: e2etest.Object{"environment": "moon"}, locations: []string{"body.environment"}},
		{name: "a zone of 101 bytes", give: e2etest.Object{"zone": long[:101]}, locations: []string{"body.zone"}},
		{name: "a tag with a control character", give: e2etest.Object{"tags": []string{"a\x07b"}}, locations: []string{"body.tags"}},
		{name: "a weight below 0", give: e2etest.Object{"weight": -1}, locations: []string{"body.weight"}},
		{name: "a weight of 65,536", give: e2etest.Object{"weight": 65536}, locations: []string{"body.weight"}},
		{name: "half a weight", give: e2etest.Object{"weight": 0.5}, locations: []string{"body.weight"}},
		{name: "metadata as a list", give: e2etest.Object{"metadata": []string{"a"}}, locations: []string{"body.metadata"}},
		{name: "metadata as a string", give: e2etest.Object{"metadata": "a"}, locations: []string{"body.metadata"}},
		{name: "metadata beyond 64 KiB", give: e2etest.Object{"metadata": e2etest.Object{"a": strings.Repeat("x", 64<<10)}}, locations: []string{"body.metadata"}},
		{name: "a TTL of 0", give: e2etest.Object{"instance_id": "a", "ttl_seconds": 0}, locations: []string{"body.ttl_seconds"}},
		{name: "a TTL of 3,601", give: e2etest.Object{"instance_id": "a", "ttl_seconds": 3601}, locations: []string{"body.ttl_seconds"}},
		{name: "a TTL without an instance", give: e2etest.Object{"ttl_seconds": 5}, locations: []string{"body.ttl_seconds"}},
		{name: "a deregistration within the TTL", give: e2etest.Object{"instance_id": "a", "ttl_seconds": 9, "deregister_after_seconds": 8}, locations: []string{"body.deregister_after_seconds"}},
		{name: "a check by a script", give: e2etest.Object{"check": e2etest.Object{"type": "script"}}, locations: []string{"body.check.type"}},
		{name: "a timeout beyond the interval", give: e2etest.Object{"check": e2etest.Object{"type": "tcp", "interval_seconds": 1, "timeout_ms": 1000}}, locations: []string{"body.check.timeout_ms"}},
		{name: "a forbidden header of a check", give: e2etest.Object{"check": e2etest.Object{"type": "http", "headers": e2etest.Object{"Authorization": "x"}}}, locations: []string{"body.check.headers"}},
		{name: "an unknown field", give: e2etest.Object{"colour": "red"}, locations: []string{"body.colour"}},
		{name: "several of a wrong form", give: e2etest.Object{"service_name": "-", "environment": "moon", "ttl_seconds": 0}, locations: []string{"body.service_name", "body.environment", "body.ttl_seconds"}},
		{name: "several that break a rule", give: e2etest.Object{"zone": long, "tags": []string{""}, "weight": -1}, locations: []string{"body.zone", "body.tags", "body.weight"}},
	} {
		t.Run("rejected: "+r.name, func(t *testing.T) {
			t.Parallel()
			body := e2etest.Object{"service_name": "bad", "service_url": "http://h"}
			maps.Copy(body, r.give)
			p := c.Post(t, e2etest.RegistryPath+"register", body).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.ElementsMatch(t, r.locations, e2etest.Locations(t, p))
			c.Get(t, e2etest.RegistryPath+"bad").Problem(t, http.StatusNotFound, "service_not_found")
		})
	}

	t.Run("the largest allowed registration is accepted", func(t *testing.T) {
		t.Parallel()
		c.RegisterInstance(t, long[:100], long[:128], e2etest.Object{
			"service_url": ("http://h/" + long)[:255], "zone": long[:100], "version": long[:100], "weight": 65535,
			"ttl_seconds": 3600, "deregister_after_seconds": 3600, "tags": []string{long[:100]},
			"metadata": e2etest.Object{"a": strings.Repeat("x", 64<<10-len(`{"a":""}`))},
		})
	})

	for name, body := range map[string]string{
		"a report of NaN":      `{"service_name":"s","status":"healthy","response_time":NaN}`,
		"a report that breaks": `{"service_name":"s"`,
	} {
		t.Run("malformed: "+name, func(t *testing.T) {
			t.Parallel()
			c.Put(t, e2etest.RegistryPath+"health", body).Problem(t, http.StatusBadRequest, "malformed_json")
		})
	}

	t.Run("the response time of a report fits a double", func(t *testing.T) {
		t.Parallel()
		c.Put(t, e2etest.RegistryPath+"health", `{"service_name":"s","status":"healthy","response_time":1e999}`).
			Problem(t, http.StatusUnprocessableEntity, "validation_failed")
	})

	t.Run("a report has a known status and a valid response time", func(t *testing.T) {
		t.Parallel()
		c.RegisterInstance(t, "reported", "a")
		beat := e2etest.RegistryPath + "reported/instances/a/heartbeat"
		for more, place := range map[string]string{
			`"status":"splendid"`: "body.status", `"response_time":-1`: "body.response_time",
			`"response_time":1000000001`: "body.response_time",
			`"response_time":"5"`:        "body.response_time", `"colour":1`: "body.colour",
		} {
			status := `"status":"healthy",`
			if strings.HasPrefix(more, `"status"`) {
				status = ""
			}
			p := c.Put(t, e2etest.RegistryPath+"health", `{"service_name":"reported","instance_id":"a",`+status+more+`}`).
				Problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{place}, e2etest.Locations(t, p), more)
			p = c.Put(t, beat, `{"lease_epoch":1,`+more+`}`).
				Problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{place}, e2etest.Locations(t, p), more)
		}
		p := c.Put(t, beat, `{"lease_epoch":1,"response_time":1e999}`).
			Problem(t, http.StatusUnprocessableEntity, "validation_failed")
		require.Equal(t, []string{"body.response_time"}, e2etest.Locations(t, p))
		for _, epoch := range []string{`0`, `-1`, `"1"`, `1.5`, `null`} {
			p := c.Put(t, beat, `{"lease_epoch":`+epoch+`}`).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{"body.lease_epoch"}, e2etest.Locations(t, p), epoch)
		}
		c.Put(t, beat, "").Problem(t, http.StatusBadRequest, "body_missing")
		c.Put(t, beat, `{`).Problem(t, http.StatusBadRequest, "malformed_json")
	})

	t.Run("queries are validated", func(t *testing.T) {
		t.Parallel()
		for path, place := range map[string]string{
			e2etest.RegistryPath + "a%20b":                       "path.service_name",
			e2etest.RegistryPath + "x/health-history?limit=0":    "query.limit",
			e2etest.DiscoveryPath + "a%20b":                      "path.service_name",
			e2etest.DiscoveryPath + "x?colour=red":               "query.colour",
			e2etest.DiscoveryPath + "x?ready=perhaps":            "query.ready",
			"/prometheus/sd?ready=perhaps":                       "query.ready",
			"/prometheus/sd?environment=moon":                    "query.environment",
			e2etest.RegistryPath + "x/health-history?limit=1001": "query.limit",
		} {
			p := c.Get(t, path).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{place}, e2etest.Locations(t, p), path)
		}
		for _, path := range []string{
			e2etest.RegistryPath + "unknown", e2etest.DiscoveryPath + "unknown", e2etest.RegistryPath + "unknown/health-history",
		} {
			c.Get(t, path).Problem(t, http.StatusNotFound, "service_not_found")
		}
	})
}

func TestRegistryLimits(t *testing.T) {
	t.Parallel()
	c := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)
	c.RegisterInstance(t, "shop", "a")
	batch := func(n int) e2etest.Object {
		list := make([]e2etest.Object, n)
		for i := range list {
			list[i] = e2etest.Object{"service_name": "shop", "instance_id": "a", "lease_epoch": 1}
		}
		return e2etest.Object{"heartbeats": list}
	}
	a := c.Post(t, e2etest.RegistryPath+"heartbeats", batch(1000)).Want(t, http.StatusOK)
	require.Len(t, e2etest.Decode[e2etest.HeartbeatBatch](t, a).Results, 1000)
	c.Post(t, e2etest.RegistryPath+"heartbeats", batch(1001)).
		Problem(t, http.StatusUnprocessableEntity, "too_many_heartbeats")
	require.Empty(t, e2etest.Decode[e2etest.HeartbeatBatch](t, c.Post(t, e2etest.RegistryPath+"heartbeats", batch(0)).Want(t, http.StatusOK)).Results)
	for _, body := range []string{`{}`, `{"heartbeats":null}`, `{"heartbeats":{}}`} {
		p := c.Post(t, e2etest.RegistryPath+"heartbeats", body).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
		require.Equal(t, []string{"body.heartbeats"}, e2etest.Locations(t, p), body)
	}
}

// TestRegistryOfTenThousand registers more instances than a service may have. Most are
// copied in the database, since their registration takes minutes under the race detector.
func TestRegistryOfTenThousand(t *testing.T) {
	t.Parallel()
	const most = 10_000
	databaseURL := e2etest.NewSQLite(t)
	p := e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	p.Admin(t).RegisterInstance(t, "large", "i-1", e2etest.Object{"ttl_seconds": 3600})
	p.Kill(t)
	copyInstances(t, databaseURL, most-1)

	c := e2etest.Serve(t, databaseURL).Admin(t)
	c.RegisterInstance(t, "large", "last")
	late := e2etest.Object{"service_name": "large", "instance_id": "late", "service_url": "http://h"}
	c.Post(t, e2etest.RegistryPath+"register", late).Problem(t, http.StatusUnprocessableEntity, "limit_reached")
	require.Len(t, c.Discover(t, "large"), most)
	require.Equal(t, most, c.Service(t, "large").Count)
	c.Heartbeat(t, "large", "i-9876", 1).Want(t, http.StatusOK)
	c.Register(t, http.StatusOK, e2etest.Object{"service_name": "large", "instance_id": "i-77", "weight": 5})
	c.Delete(t, e2etest.RegistryPath+"large/instances/i-77").Want(t, http.StatusNoContent)
	c.Register(t, http.StatusCreated, late)
	require.Len(t, c.Discover(t, "large"), most)
}

// copyInstances copies instance i-1 of the service large.
func copyInstances(t *testing.T, databaseURL string, many int) {
	t.Helper()
	db := e2etest.OpenDatabase(t, databaseURL)
	for _, statement := range []string{
		`WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO service_instances (service_id, instance_id, environment, definition, evidence, since, reason,
			lease_epoch, registered_at, updated_at, generation)
		SELECT service_id, 'i-' || i, environment, definition, evidence, since, reason,
			lease_epoch, registered_at, updated_at, generation FROM service_instances, n`,
		`UPDATE service_registry SET instances_total = ?1, instances_offered = ?1, instances_known = ?1`,
	} {
		_, err := db.ExecContext(t.Context(), statement, many)
		require.NoError(t, err)
	}
}
