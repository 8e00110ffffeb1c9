package e2e_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDiscovery(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			c := boot(t, store.fresh(t)).admin(t)
			c.enrol(t, "shop", "c", object{
				"zone": "eu-1", "version": "2.0", "tags": []string{"z", "canary", "z"}, "weight": 7,
				"metadata": object{"rack": "r1", "deep": object{"on": true}},
			})
			c.enrol(t, "shop", "a", object{"zone": "eu-2", "version": "1.0", "tags": []string{"stable"}})
			c.enrol(t, "shop", "b", object{"zone": "eu-1", "version": "1.0", "health_check_url": "http://10.0.4.7:8080/up", "check": object{
				"type": "http", "interval_seconds": 3600,
			}})
			c.enrol(t, "shop", "s", object{
				"environment": "staging", "service_url": nil, "host": "fd00::7", "ports": object{"http": 8080, "grpc": 9090},
			})
			c.reports(t, object{"service_name": "shop", "instance_id": "b", "status": "critical"})

			for query, want := range map[string][]string{
				"":                              {"a", "b", "c"},
				"?environment=production":       {"a", "b", "c"},
				"?environment=staging":          {"s"},
				"?environment=development":      {},
				"?ready=true":                   {"a", "c"},
				"?ready=false":                  {"a", "b", "c"},
				"?zone=eu-1":                    {"b", "c"},
				"?zone=eu-1&ready=true":         {"c"},
				"?zone=moon":                    {},
				"?tag=canary":                   {"c"},
				"?tag=cana":                     {},
				"?version=1.0":                  {"a", "b"},
				"?version=1.0&zone=eu-1&tag=z":  {},
				"?version=2.0&zone=eu-1&tag=z":  {"c"},
				"?environment=staging&tag=none": {},
			} {
				a := c.get(t, discoveryPath+"shop"+query).want(t, http.StatusOK)
				require.Equal(t, want, ids(decode[[]instanceShown](t, a)), query)
				require.Empty(t, a.header.Values("Signalbox-Registry-Mode"), "all is well")
				require.Empty(t, a.header.Values("Signalbox-Stale"))
				require.Equal(t, "application/json", a.header.Get("Content-Type"))
				require.NotEmpty(t, a.header.Get("ETag"))
				held := c.get(t, discoveryPath+"shop"+query, with{"If-None-Match", a.header.Get("ETag")})
				require.Empty(t, held.want(t, http.StatusNotModified).body)
			}
			p := c.get(t, discoveryPath+"shop?environment=moon").
				problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{"query.environment"}, places(t, p))

			shown := c.discovers(t, "shop?tag=canary")[0]
			require.Equal(t, []string{"canary", "z"}, shown.Tags)
			require.Equal(t, object{"rack": "r1", "deep": object{"on": true}}, shown.Metadata)
			require.Equal(t, 7, shown.Weight)
			require.True(t, shown.Serving && shown.Ready && !shown.Terminating)
			six := c.discovers(t, "shop?environment=staging")[0]
			require.Equal(t, "http://[fd00::7]:8080", *six.URL)
			require.Equal(t, "fd00::7", six.Host)
			require.Equal(t, map[string]int{"http": 8080, "grpc": 9090}, six.Ports)
			require.Equal(t, 100, six.Weight)
		})
	}
}

func TestDiscoveryInDefaultEnvironment(t *testing.T) {
	t.Parallel()
	c := boot(t, freshSQLite(t), "DEFAULT_ENVIRONMENT=staging").admin(t)
	c.enrol(t, "shop", "a")
	c.enrol(t, "shop", "b", object{"environment": "production"})
	require.Equal(t, []string{"a"}, ids(c.discovers(t, "shop")))
	require.Equal(t, "staging", c.discovers(t, "shop")[0].Environment)
	require.Equal(t, []string{"a"}, ids(c.discovers(t, "shop?environment=staging")))
	require.Equal(t, []string{"b"}, ids(c.discovers(t, "shop?environment=production")))
}

func TestDiscoveryETag(t *testing.T) {
	t.Parallel()
	c := boot(t, freshSQLite(t)).admin(t)
	c.enrol(t, "shop", "a")
	held := ""
	changed := func(now bool, why string) {
		t.Helper()
		a := c.get(t, discoveryPath+"shop", with{"If-None-Match", `"0", ` + held})
		want := http.StatusNotModified
		if now {
			want = http.StatusOK
		}
		require.Equal(t, want, a.status, why)
		held = a.header.Get("ETag")
	}
	held = c.get(t, discoveryPath+"shop").header.Get("ETag")
	c.beat(t, "shop", "a", 1).want(t, http.StatusOK)
	changed(false, "a heartbeat is no change")
	c.beat(t, "shop", "a", 1, object{"status": "warning"}).want(t, http.StatusOK)
	changed(true, "a report is")
	c.beat(t, "shop", "a", 1, object{"status": "warning"}).want(t, http.StatusOK)
	changed(false, "the same report again is none")
	c.registers(t, http.StatusOK, object{"service_name": "shop", "instance_id": "a"})
	changed(true, "a registration is a report that it passes")
	c.registers(t, http.StatusOK, object{"service_name": "shop", "instance_id": "a"})
	changed(false, "another epoch alone is none")
	c.registers(t, http.StatusOK, object{"service_name": "shop", "instance_id": "a", "weight": 9})
	changed(true, "a weight is a change")
	c.delete(t, registryPath+"shop/instances/a").want(t, http.StatusNoContent)
	changed(true, "and that it goes")
	c.delete(t, registryPath+"shop").want(t, http.StatusNoContent)
	c.get(t, discoveryPath+"shop", with{"If-None-Match", held}).problem(t, http.StatusNotFound, "service_not_found")
	c.enrol(t, "shop", "a")
	changed(true, "no version comes twice")
}

func TestDesiredState(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			s := boot(t, store.fresh(t))
			c := s.admin(t)
			c.enrol(t, "shop", "a", object{"weight": 5, "tags": []string{"t"}, "metadata": object{"k": "v"}})
			amends := func(body object) instanceShown {
				t.Helper()
				a := c.do(t, http.MethodPatch, registryPath+"shop/instances/a", body).want(t, http.StatusOK)
				return decode[instanceShown](t, a)
			}
			got := amends(object{"desired": "draining", "reason": "rolling out"})
			require.Equal(t, "draining", got.Desired)
			require.Equal(t, "rolling out", got.DesiredReason)
			require.NotEmpty(t, got.DesiredBy)
			require.True(t, got.Serving && got.Terminating && !got.Ready)
			require.Equal(t, "passing", got.Observed, "what is observed stays true")
			require.Equal(t, []string{"a"}, ids(c.discovers(t, "shop")), "clients may end what they have")
			require.Empty(t, c.discovers(t, "shop?ready=true"))
			require.Equal(t, "unhealthy", c.service(t, "shop").Status)

			// It outlives a restart of the instance, and its heartbeats.
			again := c.registers(t, http.StatusOK, object{"service_name": "shop", "instance_id": "a"})
			c.beat(t, "shop", "a", *again.Epoch, object{"status": "passing"}).want(t, http.StatusOK)
			require.Equal(t, "draining", c.discovers(t, "shop")[0].Desired)

			got = amends(object{"desired": "maintenance"})
			require.Equal(t, "maintenance", got.Desired)
			require.True(t, got.Serving && !got.Terminating && !got.Ready)
			require.Equal(t, "unhealthy", c.service(t, "shop").Status)
			got = amends(object{"desired": "up"})
			require.True(t, got.Ready)
			require.Equal(t, "healthy", c.service(t, "shop").Status)

			got = amends(object{"weight": 0})
			require.Zero(t, got.Weight)
			require.Equal(t, []string{"t"}, got.Tags, "what is not named stays")
			got = amends(object{"metadata": object{}, "tags": []string{}})
			require.Empty(t, got.Metadata)
			require.Empty(t, got.Tags)
			require.Zero(t, got.Weight)

			for place, body := range map[string]object{
				"body.desired": {"desired": "down"}, "body.weight": {"weight": 65536}, "body.reason": {"reason": "alone"},
				"body.tags": {"tags": []string{"a,b"}}, "body.metadata": {"metadata": []int{1}}, "body.ttl_seconds": {"ttl_seconds": 3},
			} {
				a := c.do(t, http.MethodPatch, registryPath+"shop/instances/a", body)
				p := a.problem(t, http.StatusUnprocessableEntity, "validation_failed")
				require.Equal(t, []string{place}, places(t, p))
			}
			c.do(t, http.MethodPatch, registryPath+"shop/instances/x", object{"weight": 1}).
				problem(t, http.StatusNotFound, "instance_not_found")
			c.do(t, http.MethodPatch, registryPath+"nobody/instances/a", object{"weight": 1}).
				problem(t, http.StatusNotFound, "service_not_found")

			kinds := map[string]int{}
			rows, err := openDatabase(t, s.databaseURL).QueryContext(t.Context(), "SELECT event_type FROM "+allEvents)
			require.NoError(t, err)
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				var kind string
				require.NoError(t, rows.Scan(&kind))
				kinds[kind]++
			}
			require.NoError(t, rows.Err())
			require.Equal(t, 1, kinds["instance.drained"], "%v", kinds)
			require.Equal(t, 1, kinds["service.registered"], "%v", kinds)
			require.Positive(t, kinds["service.health_changed"], "%v", kinds)
		})
	}
}

// TestServicesAlias calls everything of the registry at its other address.
func TestServicesAlias(t *testing.T) {
	t.Parallel()
	c := boot(t, freshSQLite(t)).admin(t)
	const alias = "/api/v1/services/"
	body := object{"service_name": "shop", "instance_id": "a", "service_url": "http://h"}
	c.post(t, alias+"register", body).want(t, http.StatusCreated)
	c.post(t, alias+"register", body).want(t, http.StatusOK)
	require.Equal(t, c.service(t, "shop"), decode[serviceShown](t, c.get(t, alias+"shop").want(t, http.StatusOK)))
	require.Equal(t, 1, decode[servicesShown](t, c.get(t, alias+"healthy").want(t, http.StatusOK)).Total)
	c.put(t, alias+"health", object{"service_name": "shop", "instance_id": "a", "status": "critical"}).want(t, http.StatusOK)
	require.Equal(t, 0, decode[servicesShown](t, c.get(t, alias+"healthy").want(t, http.StatusOK)).Total)
	c.put(t, alias+"shop/instances/a/heartbeat", object{"lease_epoch": 2}).want(t, http.StatusOK)
	c.put(t, alias+"shop/instances/a/heartbeat", object{"lease_epoch": 1}).problem(t, http.StatusConflict, "lease_lost")
	c.post(t, alias+"heartbeats", object{"heartbeats": []object{}}).want(t, http.StatusOK)
	c.do(t, http.MethodPatch, alias+"shop/instances/a", object{"weight": 1}).want(t, http.StatusOK)
	require.Len(t, decode[transitionsShown](t, c.get(t, alias+"shop/health-history").want(t, http.StatusOK)).History, 2)
	c.delete(t, alias+"shop/instances/a").want(t, http.StatusNoContent)
	c.delete(t, alias+"shop").want(t, http.StatusNoContent)
	c.get(t, alias+"shop").problem(t, http.StatusNotFound, "service_not_found")
}

func TestHealthHistory(t *testing.T) {
	t.Parallel()
	c := boot(t, freshSQLite(t)).admin(t)
	c.enrol(t, "shop", "a")
	c.enrol(t, "shop", "b")
	for _, status := range []string{"warning", "critical", "critical", "unknown", "passing"} {
		c.reports(t, object{"service_name": "shop", "instance_id": "a", "status": status})
	}
	changes := func(query string) (list []string) {
		for _, one := range c.transitions(t, "shop/health-history"+query) {
			list = append(list, one.Instance+" "+one.From+" > "+one.To+": "+one.Reason)
		}
		return list
	}
	want := []string{
		"a unknown > passing: reported", "a critical > unknown: reported", "a warning > critical: reported",
		"a passing > warning: reported", "b unknown > passing: registered", "a unknown > passing: registered",
	}
	require.Equal(t, want, changes(""))
	require.Equal(t, want[:2], changes("?limit=2"))
	require.Equal(t, want[4:5], changes("?instance_id=b"))
	require.Empty(t, changes("?instance_id=nobody"))
	c.delete(t, registryPath+"shop/instances/b").want(t, http.StatusNoContent)
	c.delete(t, registryPath+"shop").want(t, http.StatusNoContent)
	require.Equal(t, "b passing > unknown: deregistered", changes("?instance_id=b")[0], "it outlives the service")
	require.Equal(t, want[0], changes("?instance_id=a&limit=1")[0])
}
