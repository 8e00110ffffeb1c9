package e2e_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRegistryInput(t *testing.T) {
	t.Parallel()
	c := boot(t, freshSQLite(t)).admin(t)
	long := strings.Repeat("x", 256)

	for _, r := range []struct {
		name   string
		give   object
		places []string
	}{
		{name: "no name", give: object{"service_name": ""}, places: []string{"body.service_name"}},
		{name: "a name that is reserved", give: object{"service_name": "healthy"}, places: []string{"body.service_name"}},
		{name: "a name of a path", give: object{"service_name": "register"}, places: []string{"body.service_name"}},
		{name: "a name with a space", give: object{"service_name": "a b"}, places: []string{"body.service_name"}},
		{name: "a name of 101 bytes", give: object{"service_name": long[:101]}, places: []string{"body.service_name"}},
		{name: "no address", give: object{"service_url": nil}, places: []string{"body.service_url"}},
		{name: "an empty URL", give: object{"service_url": ""}, places: []string{"body.service_url"}},
		{name: "a relative URL", give: object{"service_url": "/x"}, places: []string{"body.service_url"}},
		{name: "another scheme", give: object{"service_url": "ftp://h"}, places: []string{"body.service_url"}},
		{name: "a user in the URL", give: object{"service_url": "http://u:p@h"}, places: []string{"body.service_url"}},
		{name: "a control character in the URL", give: object{"service_url": "http://h/\u0001"}, places: []string{"body.service_url"}},
		{name: "a URL of 256 bytes", give: object{"service_url": ("http://h/" + long)[:256]}, places: []string{"body.service_url"}},
		{name: "both URLs", give: object{"service_url": "x", "health_check_url": "file:///etc"}, places: []string{"body.service_url", "body.health_check_url"}},
		{name: "an id with a slash", give: object{"instance_id": "a/b"}, places: []string{"body.instance_id"}},
		{name: "an empty id", give: object{"instance_id": ""}, places: []string{"body.instance_id"}},
		{name: "an id of 129 bytes", give: object{"instance_id": long[:129]}, places: []string{"body.instance_id"}},
		{name: "the id of the stand-in", give: object{"instance_id": "default"}, places: []string{"body.instance_id"}},
		{name: "a host with a port", give: object{"host": "h:80"}, places: []string{"body.host"}},
		{name: "a host without a port", give: object{"service_url": nil, "host": "h"}, places: []string{"body.ports"}},
		{name: "port 0", give: object{"host": "h", "ports": object{"http": 0}}, places: []string{"body.ports"}},
		{name: "port 65,536", give: object{"host": "h", "ports": object{"http": 65536}}, places: []string{"body.ports"}},
		{name: "another environment", give: object{"environment": "moon"}, places: []string{"body.environment"}},
		{name: "a zone of 101 bytes", give: object{"zone": long[:101]}, places: []string{"body.zone"}},
		{name: "a tag with a comma", give: object{"tags": []string{"a,b"}}, places: []string{"body.tags"}},
		{name: "a weight below 0", give: object{"weight": -1}, places: []string{"body.weight"}},
		{name: "a weight of 65,536", give: object{"weight": 65536}, places: []string{"body.weight"}},
		{name: "half a weight", give: object{"weight": 0.5}, places: []string{"body.weight"}},
		{name: "metadata that are a list", give: object{"metadata": []string{"a"}}, places: []string{"body.metadata"}},
		{name: "metadata that are a text", give: object{"metadata": "a"}, places: []string{"body.metadata"}},
		{name: "metadata beyond 64 KiB", give: object{"metadata": object{"a": strings.Repeat("x", 64<<10)}}, places: []string{"body.metadata"}},
		{name: "a TTL of 0", give: object{"instance_id": "a", "ttl_seconds": 0}, places: []string{"body.ttl_seconds"}},
		{name: "a TTL of 3,601", give: object{"instance_id": "a", "ttl_seconds": 3601}, places: []string{"body.ttl_seconds"}},
		{name: "a TTL without an instance", give: object{"ttl_seconds": 5}, places: []string{"body.ttl_seconds"}},
		{name: "a removal within the TTL", give: object{"instance_id": "a", "ttl_seconds": 9, "deregister_after_seconds": 8}, places: []string{"body.deregister_after_seconds"}},
		{name: "a script for a check", give: object{"check": object{"type": "script"}}, places: []string{"body.check.type"}},
		{name: "a timeout beyond the interval", give: object{"check": object{"type": "tcp", "interval_seconds": 1, "timeout_ms": 1000}}, places: []string{"body"}},
		{name: "another header for a check", give: object{"check": object{"type": "http", "headers": object{"Authorization": "x"}}}, places: []string{"body"}},
		{name: "an unknown member", give: object{"colour": "red"}, places: []string{"body.colour"}},
		{name: "several that cannot be read", give: object{"service_name": "-", "environment": "moon", "ttl_seconds": 0}, places: []string{"body.service_name", "body.environment", "body.ttl_seconds"}},
		{name: "several that break a rule", give: object{"zone": long, "tags": []string{""}, "weight": -1}, places: []string{"body.zone", "body.tags", "body.weight"}},
	} {
		t.Run("not registered: "+r.name, func(t *testing.T) {
			t.Parallel()
			body := object{"service_name": "bad", "service_url": "http://h"}
			maps.Copy(body, r.give)
			p := c.post(t, registryPath+"register", body).problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.ElementsMatch(t, r.places, places(t, p))
			c.get(t, registryPath+"bad").problem(t, http.StatusNotFound, "service_not_found")
		})
	}

	t.Run("the largest that is allowed is registered", func(t *testing.T) {
		t.Parallel()
		c.enrol(t, long[:100], long[:128], object{
			"service_url": ("http://h/" + long)[:255], "zone": long[:100], "version": long[:100], "weight": 65535,
			"ttl_seconds": 3600, "deregister_after_seconds": 3600, "tags": []string{long[:100]},
			"metadata": object{"a": strings.Repeat("x", 64<<10-len(`{"a":""}`))},
		})
	})

	for name, body := range map[string]string{
		"a report of NaN":      `{"service_name":"s","status":"healthy","response_time":NaN}`,
		"a report that breaks": `{"service_name":"s"`,
	} {
		t.Run("malformed: "+name, func(t *testing.T) {
			t.Parallel()
			c.put(t, registryPath+"health", body).problem(t, http.StatusBadRequest, "malformed_json")
		})
	}

	t.Run("a report's time is one that a double holds", func(t *testing.T) {
		t.Parallel()
		c.put(t, registryPath+"health", `{"service_name":"s","status":"healthy","response_time":1e999}`).
			problem(t, http.StatusUnprocessableEntity, "validation_failed")
	})

	t.Run("a report is of a known status, and its time is one", func(t *testing.T) {
		t.Parallel()
		c.enrol(t, "reported", "a")
		beat := registryPath + "reported/instances/a/heartbeat"
		for more, place := range map[string]string{
			`"status":"splendid"`: "body.status", `"response_time":-1`: "body.response_time",
			`"response_time":1000000001`: "body.response_time",
			`"response_time":"5"`:        "body.response_time", `"colour":1`: "body.colour",
		} {
			status := `"status":"healthy",`
			if strings.HasPrefix(more, `"status"`) {
				status = ""
			}
			p := c.put(t, registryPath+"health", `{"service_name":"reported","instance_id":"a",`+status+more+`}`).
				problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{place}, places(t, p), more)
			p = c.put(t, beat, `{"lease_epoch":1,`+more+`}`).
				problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{place}, places(t, p), more)
		}
		p := c.put(t, beat, `{"lease_epoch":1,"response_time":1e999}`).
			problem(t, http.StatusUnprocessableEntity, "validation_failed")
		require.Equal(t, []string{"body.response_time"}, places(t, p))
		for _, epoch := range []string{`0`, `-1`, `"1"`, `1.5`, `null`} {
			p := c.put(t, beat, `{"lease_epoch":`+epoch+`}`).problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{"body.lease_epoch"}, places(t, p), epoch)
		}
		c.put(t, beat, "").problem(t, http.StatusBadRequest, "body_missing")
		c.put(t, beat, `{`).problem(t, http.StatusBadRequest, "malformed_json")
	})

	t.Run("what is asked for has to be askable", func(t *testing.T) {
		t.Parallel()
		for path, place := range map[string]string{
			registryPath + "a%20b":                       "path.service_name",
			registryPath + "x/health-history?limit=0":    "query.limit",
			discoveryPath + "a%20b":                      "path.service_name",
			discoveryPath + "x?colour=red":               "query.colour",
			discoveryPath + "x?ready=perhaps":            "query.ready",
			"/prometheus/sd?ready=perhaps":               "query.ready",
			"/prometheus/sd?environment=moon":            "query.environment",
			registryPath + "x/health-history?limit=1001": "query.limit",
		} {
			p := c.get(t, path).problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{place}, places(t, p), path)
		}
		for _, path := range []string{
			registryPath + "unknown", discoveryPath + "unknown", registryPath + "unknown/health-history",
		} {
			c.get(t, path).problem(t, http.StatusNotFound, "service_not_found")
		}
	})
}

func TestRegistryLimits(t *testing.T) {
	t.Parallel()
	c := boot(t, freshSQLite(t)).admin(t)
	c.enrol(t, "shop", "a")
	batch := func(n int) object {
		list := make([]object, n)
		for i := range list {
			list[i] = object{"service_name": "shop", "instance_id": "a", "lease_epoch": 1}
		}
		return object{"heartbeats": list}
	}
	a := c.post(t, registryPath+"heartbeats", batch(1000)).want(t, http.StatusOK)
	require.Len(t, decode[beatsShown](t, a).Results, 1000)
	c.post(t, registryPath+"heartbeats", batch(1001)).
		problem(t, http.StatusUnprocessableEntity, "too_many_heartbeats")
	require.Empty(t, decode[beatsShown](t, c.post(t, registryPath+"heartbeats", batch(0)).want(t, http.StatusOK)).Results)
	for _, body := range []string{`{}`, `{"heartbeats":null}`, `{"heartbeats":{}}`} {
		p := c.post(t, registryPath+"heartbeats", body).problem(t, http.StatusUnprocessableEntity, "validation_failed")
		require.Equal(t, []string{"body.heartbeats"}, places(t, p), body)
	}
}

// TestRegistryOfTenThousand goes to the most instances that a service may have, and
// beyond. All but a few are copied past the service: to register them takes minutes
// under the race detector.
func TestRegistryOfTenThousand(t *testing.T) {
	t.Parallel()
	const most = 10_000
	databaseURL := freshSQLite(t)
	p := serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
	p.admin(t).enrol(t, "crowd", "i-1", object{"ttl_seconds": 3600})
	p.kill(t)
	copyInstances(t, databaseURL, most-1)

	c := serve(t, databaseURL).admin(t)
	c.enrol(t, "crowd", "last")
	late := object{"service_name": "crowd", "instance_id": "late", "service_url": "http://h"}
	c.post(t, registryPath+"register", late).problem(t, http.StatusUnprocessableEntity, "limit_reached")
	require.Len(t, c.discovers(t, "crowd"), most)
	require.Equal(t, most, c.service(t, "crowd").Count)
	c.beat(t, "crowd", "i-9876", 1).want(t, http.StatusOK)
	c.registers(t, http.StatusOK, object{"service_name": "crowd", "instance_id": "i-77", "weight": 5})
	c.delete(t, registryPath+"crowd/instances/i-77").want(t, http.StatusNoContent)
	c.registers(t, http.StatusCreated, late)
	require.Len(t, c.discovers(t, "crowd"), most)
}

// copyInstances gives the service crowd so many instances, i-1 and on, like i-1.
func copyInstances(t *testing.T, databaseURL string, many int) {
	t.Helper()
	db := openDatabase(t, databaseURL)
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
