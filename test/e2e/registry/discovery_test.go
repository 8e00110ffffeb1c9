package registry_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestDiscovery(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			c := e2etest.Boot(t, store.New(t)).Admin(t)
			c.RegisterInstance(t, "shop", "c", e2etest.Object{
				"zone": "eu-1", "version": "2.0", "tags": []string{"z", "canary", "z"}, "weight": 7,
				"metadata": e2etest.Object{"rack": "r1", "deep": e2etest.Object{"on": true}},
			})
			c.RegisterInstance(t, "shop", "a", e2etest.Object{"zone": "eu-2", "version": "1.0", "tags": []string{"stable"}})
			c.RegisterInstance(t, "shop", "b", e2etest.Object{"zone": "eu-1", "version": "1.0", "health_check_url": "http://10.0.4.7:8080/up", "check": e2etest.Object{
				"type": "http", "interval_seconds": 3600,
			}})
			c.RegisterInstance(t, "shop", "s", e2etest.Object{
				"environment": "staging", "service_url": nil, "host": "fd00::7", "ports": e2etest.Object{"http": 8080, "grpc": 9090},
			})
			c.ReportHealth(t, e2etest.Object{"service_name": "shop", "instance_id": "b", "status": "critical"})

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
				a := c.Get(t, e2etest.DiscoveryPath+"shop"+query).Want(t, http.StatusOK)
				require.Equal(t, want, e2etest.InstanceIDs(e2etest.Decode[[]e2etest.Instance](t, a)), query)
				require.Empty(t, a.Header.Values("Signalbox-Registry-Mode"), "the mode is normal")
				require.Empty(t, a.Header.Values("Signalbox-Stale"))
				require.Equal(t, "application/json", a.Header.Get("Content-Type"))
				require.NotEmpty(t, a.Header.Get("ETag"))
				etag := c.Get(t, e2etest.DiscoveryPath+"shop"+query, e2etest.With("If-None-Match", a.Header.Get("ETag")))
				require.Empty(t, etag.Want(t, http.StatusNotModified).Body)
			}
			p := c.Get(t, e2etest.DiscoveryPath+"shop?environment=moon").
				Problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{"query.environment"}, e2etest.Locations(t, p))

			shown := c.Discover(t, "shop?tag=canary")[0]
			require.Equal(t, []string{"canary", "z"}, shown.Tags)
			require.Equal(t, e2etest.Object{"rack": "r1", "deep": e2etest.Object{"on": true}}, shown.Metadata)
			require.Equal(t, 7, shown.Weight)
			require.True(t, shown.Serving && shown.Ready && !shown.Terminating)
			six := c.Discover(t, "shop?environment=staging")[0]
			require.Equal(t, "http://[fd00::7]:8080", *six.URL)
			require.Equal(t, "fd00::7", six.Host)
			require.Equal(t, map[string]int{"http": 8080, "grpc": 9090}, six.Ports)
			require.Equal(t, 100, six.Weight)
		})
	}
}

func TestDiscoveryInDefaultEnvironment(t *testing.T) {
	t.Parallel()
	c := e2etest.Boot(t, e2etest.NewSQLite(t), "DEFAULT_ENVIRONMENT=staging").Admin(t)
	c.RegisterInstance(t, "shop", "a")
	c.RegisterInstance(t, "shop", "b", e2etest.Object{"environment": "production"})
	require.Equal(t, []string{"a"}, e2etest.InstanceIDs(c.Discover(t, "shop")))
	require.Equal(t, "staging", c.Discover(t, "shop")[0].Environment)
	require.Equal(t, []string{"a"}, e2etest.InstanceIDs(c.Discover(t, "shop?environment=staging")))
	require.Equal(t, []string{"b"}, e2etest.InstanceIDs(c.Discover(t, "shop?environment=production")))
}

func TestDiscoveryETag(t *testing.T) {
	t.Parallel()
	c := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)
	c.RegisterInstance(t, "shop", "a")
	etag := ""
	changed := func(now bool, why string) {
		t.Helper()
		a := c.Get(t, e2etest.DiscoveryPath+"shop", e2etest.With("If-None-Match", `"0", `+etag))
		want := http.StatusNotModified
		if now {
			want = http.StatusOK
		}
		require.Equal(t, want, a.Status, why)
		etag = a.Header.Get("ETag")
	}
	etag = c.Get(t, e2etest.DiscoveryPath+"shop").Header.Get("ETag")
	c.Heartbeat(t, "shop", "a", 1).Want(t, http.StatusOK)
	changed(false, "a heartbeat is no change")
	c.Heartbeat(t, "shop", "a", 1, e2etest.Object{"status": "warning"}).Want(t, http.StatusOK)
	changed(true, "a report is")
	c.Heartbeat(t, "shop", "a", 1, e2etest.Object{"status": "warning"}).Want(t, http.StatusOK)
	changed(false, "the same report again is none")
	c.Register(t, http.StatusOK, e2etest.Object{"service_name": "shop", "instance_id": "a"})
	changed(true, "a registration is a report that it passes")
	c.Register(t, http.StatusOK, e2etest.Object{"service_name": "shop", "instance_id": "a"})
	changed(false, "another epoch alone is none")
	c.Register(t, http.StatusOK, e2etest.Object{"service_name": "shop", "instance_id": "a", "weight": 9})
	changed(true, "a weight is a change")
	c.Delete(t, e2etest.RegistryPath+"shop/instances/a").Want(t, http.StatusNoContent)
	changed(true, "and that it goes")
	c.Delete(t, e2etest.RegistryPath+"shop").Want(t, http.StatusNoContent)
	c.Get(t, e2etest.DiscoveryPath+"shop", e2etest.With("If-None-Match", etag)).Problem(t, http.StatusNotFound, "service_not_found")
	c.RegisterInstance(t, "shop", "a")
	changed(true, "no version comes twice")
}

func TestDesiredState(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			s := e2etest.Boot(t, store.New(t))
			c := s.Admin(t)
			c.RegisterInstance(t, "shop", "a", e2etest.Object{"weight": 5, "tags": []string{"t"}, "metadata": e2etest.Object{"k": "v"}})
			amends := func(body e2etest.Object) e2etest.Instance {
				t.Helper()
				a := c.Do(t, http.MethodPatch, e2etest.RegistryPath+"shop/instances/a", body).Want(t, http.StatusOK)
				return e2etest.Decode[e2etest.Instance](t, a)
			}
			got := amends(e2etest.Object{"desired": "draining", "reason": "rolling out"})
			require.Equal(t, "draining", got.Desired)
			require.Equal(t, "rolling out", got.DesiredReason)
			require.NotEmpty(t, got.DesiredBy)
			require.True(t, got.Serving && got.Terminating && !got.Ready)
			require.Equal(t, "passing", got.Observed, "the observed state is unchanged")
			require.Equal(t, []string{"a"}, e2etest.InstanceIDs(c.Discover(t, "shop")), "a draining instance stays listed")
			require.Empty(t, c.Discover(t, "shop?ready=true"))
			require.Equal(t, "unhealthy", c.Service(t, "shop").Status)

			// The override outlives a restart of the instance, and its heartbeats.
			again := c.Register(t, http.StatusOK, e2etest.Object{"service_name": "shop", "instance_id": "a"})
			c.Heartbeat(t, "shop", "a", *again.Epoch, e2etest.Object{"status": "passing"}).Want(t, http.StatusOK)
			require.Equal(t, "draining", c.Discover(t, "shop")[0].Desired)

			got = amends(e2etest.Object{"desired": "maintenance"})
			require.Equal(t, "maintenance", got.Desired)
			require.True(t, got.Serving && !got.Terminating && !got.Ready)
			require.Equal(t, "unhealthy", c.Service(t, "shop").Status)
			got = amends(e2etest.Object{"desired": "up"})
			require.True(t, got.Ready)
			require.Equal(t, "healthy", c.Service(t, "shop").Status)

			got = amends(e2etest.Object{"weight": 0})
			require.Zero(t, got.Weight)
			require.Equal(t, []string{"t"}, got.Tags, "omitted fields are unchanged")
			got = amends(e2etest.Object{"metadata": e2etest.Object{}, "tags": []string{}})
			require.Empty(t, got.Metadata)
			require.Empty(t, got.Tags)
			require.Zero(t, got.Weight)

			for place, body := range map[string]e2etest.Object{
				"body.desired": {"desired": "down"}, "body.weight": {"weight": 65536}, "body.reason": {"reason": "alone"},
				"body.tags": {"tags": []string{"a\x07b"}}, "body.metadata": {"metadata": []int{1}}, "body.ttl_seconds": {"ttl_seconds": 3},
			} {
				a := c.Do(t, http.MethodPatch, e2etest.RegistryPath+"shop/instances/a", body)
				p := a.Problem(t, http.StatusUnprocessableEntity, "validation_failed")
				require.Equal(t, []string{place}, e2etest.Locations(t, p))
			}
			c.Do(t, http.MethodPatch, e2etest.RegistryPath+"shop/instances/x", e2etest.Object{"weight": 1}).
				Problem(t, http.StatusNotFound, "instance_not_found")
			c.Do(t, http.MethodPatch, e2etest.RegistryPath+"nobody/instances/a", e2etest.Object{"weight": 1}).
				Problem(t, http.StatusNotFound, "service_not_found")

			kinds := map[string]int{}
			rows, err := e2etest.OpenDatabase(t, s.DatabaseURL).QueryContext(t.Context(), "SELECT event_type FROM "+e2etest.AllEvents)
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

// TestServicesAlias calls the registry at its alias.
func TestServicesAlias(t *testing.T) {
	t.Parallel()
	c := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)
	const alias = "/api/v1/services/"
	body := e2etest.Object{"service_name": "shop", "instance_id": "a", "service_url": "http://h"}
	c.Post(t, alias+"register", body).Want(t, http.StatusCreated)
	c.Post(t, alias+"register", body).Want(t, http.StatusOK)
	require.Equal(t, c.Service(t, "shop"), e2etest.Decode[e2etest.Service](t, c.Get(t, alias+"shop").Want(t, http.StatusOK)))
	require.Equal(t, 1, e2etest.Decode[e2etest.ServicePage](t, c.Get(t, alias+"healthy").Want(t, http.StatusOK)).Total)
	c.Put(t, alias+"health", e2etest.Object{"service_name": "shop", "instance_id": "a", "status": "critical"}).Want(t, http.StatusOK)
	require.Equal(t, 0, e2etest.Decode[e2etest.ServicePage](t, c.Get(t, alias+"healthy").Want(t, http.StatusOK)).Total)
	c.Put(t, alias+"shop/instances/a/heartbeat", e2etest.Object{"lease_epoch": 2}).Want(t, http.StatusOK)
	c.Put(t, alias+"shop/instances/a/heartbeat", e2etest.Object{"lease_epoch": 1}).Problem(t, http.StatusConflict, "lease_lost")
	c.Post(t, alias+"heartbeats", e2etest.Object{"heartbeats": []e2etest.Object{}}).Want(t, http.StatusOK)
	c.Do(t, http.MethodPatch, alias+"shop/instances/a", e2etest.Object{"weight": 1}).Want(t, http.StatusOK)
	require.Len(t, e2etest.Decode[e2etest.TransitionPage](t, c.Get(t, alias+"shop/health-history").Want(t, http.StatusOK)).History, 2)
	c.Delete(t, alias+"shop/instances/a").Want(t, http.StatusNoContent)
	c.Delete(t, alias+"shop").Want(t, http.StatusNoContent)
	c.Get(t, alias+"shop").Problem(t, http.StatusNotFound, "service_not_found")
}

func TestHealthHistory(t *testing.T) {
	t.Parallel()
	c := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)
	c.RegisterInstance(t, "shop", "a")
	c.RegisterInstance(t, "shop", "b")
	for _, status := range []string{"warning", "critical", "critical", "unknown", "passing"} {
		c.ReportHealth(t, e2etest.Object{"service_name": "shop", "instance_id": "a", "status": status})
	}
	changes := func(query string) (list []string) {
		for _, one := range c.Transitions(t, "shop/health-history"+query) {
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
	c.Delete(t, e2etest.RegistryPath+"shop/instances/b").Want(t, http.StatusNoContent)
	c.Delete(t, e2etest.RegistryPath+"shop").Want(t, http.StatusNoContent)
	require.Equal(t, "b passing > unknown: deregistered", changes("?instance_id=b")[0], "the history outlives the service")
	require.Equal(t, want[0], changes("?instance_id=a&limit=1")[0])
}
