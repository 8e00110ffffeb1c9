package registry_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestRegistryOfServices(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			c := e2etest.Boot(t, store.New(t)).Admin(t)
			made := c.Register(t, http.StatusCreated, e2etest.Object{
				"service_name": "shop", "service_url": "http://shop:8080/v1", "metadata": e2etest.Object{"team": "retail", "n": 1.5},
			})
			require.Equal(t, "http://shop:8080/v1", made.URL)
			require.Equal(t, e2etest.Object{"team": "retail", "n": 1.5}, made.Metadata)
			require.Equal(t, "unknown", made.Status)
			require.Equal(t, 1, made.Count)
			require.Nil(t, made.LastCheck)
			require.Nil(t, made.InstanceID, "a service without an instance has no lease")
			require.Nil(t, made.Epoch)
			require.Nil(t, made.TTL)

			whole := c.Service(t, "shop")
			require.Equal(t, []string{"default"}, e2etest.InstanceIDs(whole.Instances))
			require.Equal(t, "unknown", whole.Instances[0].Observed)
			require.Nil(t, whole.Instances[0].TTL)

			// Omitted fields are unchanged, others are replaced.
			again := c.Register(t, http.StatusOK, e2etest.Object{"service_name": "shop", "service_url": "https://shop"})
			require.Equal(t, made.ID, again.ID)
			require.Equal(t, "https://shop", again.URL)
			require.Equal(t, made.Metadata, again.Metadata)
			require.Equal(t, made.RegisteredAt, again.RegisteredAt)
			require.Greater(t, again.Version, made.Version)
			other := c.Register(t, http.StatusOK, e2etest.Object{"service_name": "shop", "metadata": e2etest.Object{}})
			require.Equal(t, "https://shop", other.URL)
			require.Empty(t, other.Metadata)
			same := c.Register(t, http.StatusOK, e2etest.Object{"service_name": "shop", "service_url": "https://shop"})
			require.Equal(t, other.Version, same.Version, "a registration without changes creates no version")

			c.Delete(t, e2etest.RegistryPath+"shop").Want(t, http.StatusNoContent)
			for _, path := range []string{e2etest.RegistryPath + "shop", e2etest.DiscoveryPath + "shop"} {
				c.Get(t, path).Problem(t, http.StatusNotFound, "service_not_found")
			}
			c.Delete(t, e2etest.RegistryPath+"shop").Problem(t, http.StatusNotFound, "service_not_found")
			require.Empty(t, c.Services(t, "").Services)
			back := c.Register(t, http.StatusCreated, e2etest.Object{"service_name": "shop", "service_url": "http://new"})
			require.Equal(t, made.ID, back.ID, "the id is the same")
			require.Greater(t, back.Version, same.Version+1, "the version continues")
			require.Empty(t, back.Metadata, "metadata of the deregistered service is removed")
		})
	}
}

func TestRegistryHealth(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			c := e2etest.Boot(t, store.New(t)).Admin(t)
			c.Register(t, http.StatusCreated, e2etest.Object{"service_name": "shop", "service_url": "http://shop"})

			up := c.ReportHealth(t, e2etest.Object{"service_name": "shop", "status": "healthy", "response_time": 10})
			require.Equal(t, "healthy", up.Status)
			require.NotNil(t, up.LastCheck)
			require.InDelta(t, 10, *up.ResponseTime, 0)
			up = c.ReportHealth(t, e2etest.Object{"service_name": "shop", "status": "passing", "response_time": 20})
			require.InDelta(t, 20, *up.ResponseTime, 0)
			require.InDelta(t, 12, *up.Average, 0.001)
			require.Equal(t, "healthy", c.ReportHealth(t, e2etest.Object{"service_name": "shop", "status": "warning"}).Status)
			require.Equal(t, "warning", c.Service(t, "shop").Instances[0].Observed)
			require.Equal(t, []string{"shop"}, c.Services(t, "healthy").Names())
			for _, status := range []string{"unhealthy", "critical"} {
				require.Equal(t, "unhealthy", c.ReportHealth(t, e2etest.Object{"service_name": "shop", "status": status}).Status)
			}
			require.Empty(t, c.Services(t, "healthy").Services)
			require.Equal(t, "unknown", c.ReportHealth(t, e2etest.Object{"service_name": "shop", "status": "unknown"}).Status)

			c.Put(t, e2etest.RegistryPath+"health", e2etest.Object{"service_name": "nobody", "status": "healthy"}).
				Problem(t, http.StatusNotFound, "service_not_found")
			c.Put(t, e2etest.RegistryPath+"health", e2etest.Object{"service_name": "shop", "instance_id": "x", "status": "healthy"}).
				Problem(t, http.StatusNotFound, "instance_not_found")

			// The first instance with an id replaces the default one.
			c.RegisterInstance(t, "shop", "one")
			require.Equal(t, []string{"one"}, e2etest.InstanceIDs(c.Service(t, "shop").Instances))
			c.Put(t, e2etest.RegistryPath+"health", e2etest.Object{"service_name": "shop", "status": "healthy"}).
				Problem(t, http.StatusUnprocessableEntity, "instance_required")
			shown := c.ReportHealth(t, e2etest.Object{"service_name": "shop", "instance_id": "one", "status": "critical"})
			require.Equal(t, "unhealthy", shown.Status)
			c.RegisterInstance(t, "shop", "two")
			require.Equal(t, "healthy", c.Service(t, "shop").Status, "one ready instance is sufficient")
			c.Delete(t, e2etest.RegistryPath+"shop/instances/two").Want(t, http.StatusNoContent)
			require.Equal(t, "unhealthy", c.Service(t, "shop").Status)
		})
	}
}

func TestRegistryListing(t *testing.T) {
	t.Parallel()
	c := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)
	for name, status := range map[string]string{"b": "healthy", "a": "healthy", "d": "unhealthy", "c": "unknown"} {
		c.Register(t, http.StatusCreated, e2etest.Object{"service_name": name, "service_url": "http://" + name})
		c.ReportHealth(t, e2etest.Object{"service_name": name, "status": status})
	}
	for query, want := range map[string]e2etest.ServicePage{
		"":                                  {Total: 4, Limit: 100},
		"?limit=2":                          {Total: 4, Limit: 2},
		"?limit=2&offset=3":                 {Total: 4, Limit: 2, Offset: 3},
		"?offset=9":                         {Total: 4, Limit: 100, Offset: 9},
		"?status=healthy":                   {Total: 2, Limit: 100},
		"?status=healthy&limit=1&offset=1":  {Total: 2, Limit: 1, Offset: 1},
		"?status=unhealthy":                 {Total: 1, Limit: 100},
		"?status=unknown":                   {Total: 1, Limit: 100},
		"?status=unknown&limit=1&offset=77": {Total: 1, Limit: 1, Offset: 77},
	} {
		got := c.Services(t, query)
		names := map[string][]string{
			"": {"a", "b", "c", "d"}, "?limit=2": {"a", "b"}, "?limit=2&offset=3": {"d"},
			"?status=healthy": {"a", "b"}, "?status=healthy&limit=1&offset=1": {"b"},
			"?status=unhealthy": {"d"}, "?status=unknown": {"c"},
		}[query]
		require.ElementsMatch(t, names, got.Names(), query)
		got.Services = nil
		require.Equal(t, want, got, query)
	}
	require.Equal(t, []string{"a", "b"}, c.Services(t, "healthy").Names())
	require.Equal(t, 2, c.Services(t, "healthy").Total)
	for query, place := range map[string]string{
		"?limit=0": "query.limit", "?limit=1001": "query.limit", "?limit=x": "query.limit", "?offset=-1": "query.offset",
		"?status=fine": "query.status", "?colour=red": "query.colour",
	} {
		p := c.Get(t, e2etest.RegistryPath+query).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
		require.Equal(t, []string{place}, e2etest.Locations(t, p), query)
	}
	for _, path := range []string{"/api/v1/services", "/api/v1/services/", "/api/v1/registry"} {
		require.Equal(t, 4, e2etest.Decode[e2etest.ServicePage](t, c.Get(t, path).Want(t, http.StatusOK)).Total, path)
	}
}
