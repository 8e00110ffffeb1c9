package e2e_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	registryPath  = "/api/v1/registry/"
	discoveryPath = "/api/v1/discovery/"
)

// serviceShown is what a test looks at of a service, and of the instance that was
// registered with it.
type serviceShown struct {
	ID             int64           `json:"id"`
	Name           string          `json:"service_name"`
	URL            string          `json:"service_url"`
	HealthCheckURL *string         `json:"health_check_url"`
	Status         string          `json:"status"`
	LastCheck      *string         `json:"last_health_check"`
	ResponseTime   *float64        `json:"response_time"`
	Average        *float64        `json:"avg_response_time"`
	Metadata       object          `json:"metadata"`
	Count          int             `json:"instance_count"`
	Version        int64           `json:"version"`
	RegisteredAt   string          `json:"registered_at"`
	Instances      []instanceShown `json:"instances"`
	InstanceID     *string         `json:"instance_id"`
	Epoch          *int64          `json:"lease_epoch"`
	TTL            *int64          `json:"ttl_seconds"`
}

// instanceShown is what a test looks at of an instance.
type instanceShown struct {
	ID             string         `json:"instance_id"`
	URL            *string        `json:"url"`
	Host           string         `json:"host"`
	Ports          map[string]int `json:"ports"`
	HealthCheckURL *string        `json:"health_check_url"`
	Environment    string         `json:"environment"`
	Zone           string         `json:"zone"`
	Version        string         `json:"version"`
	Tags           []string       `json:"tags"`
	Metadata       object         `json:"metadata"`
	Weight         int            `json:"weight"`
	TTL            *int64         `json:"ttl_seconds"`
	Deregister     *int64         `json:"deregister_after_seconds"`
	Desired        string         `json:"desired"`
	DesiredReason  string         `json:"desired_reason"`
	DesiredBy      string         `json:"desired_by"`
	Observed       string         `json:"observed"`
	Serving        bool           `json:"serving"`
	Ready          bool           `json:"ready"`
	Terminating    bool           `json:"terminating"`
	Held           bool           `json:"held"`
	Reason         string         `json:"reason"`
	Epoch          *int64         `json:"lease_epoch"`
}

// servicesShown is a page of services.
type servicesShown struct {
	Services []serviceShown `json:"services"`
	Total    int            `json:"total"`
	Limit    int            `json:"limit"`
	Offset   int            `json:"offset"`
}

// registers makes the registration that a body says.
func (c client) registers(tb testing.TB, status int, body object) serviceShown {
	tb.Helper()
	a := c.post(tb, registryPath+"register", body).want(tb, status)
	shown := decode[serviceShown](tb, a)
	require.Equal(tb, registryPath+shown.Name, a.header.Get("Location"))
	return shown
}

// enrol registers a new instance with a lease of half a minute, with more of the
// body or other parts of it.
func (c client) enrol(tb testing.TB, service, id string, more ...object) serviceShown {
	tb.Helper()
	body := object{"service_name": service, "instance_id": id, "service_url": "http://10.0.4.7:8080"}
	for _, m := range more {
		maps.Copy(body, m)
	}
	shown := c.registers(tb, http.StatusCreated, body)
	require.NotNil(tb, shown.Epoch)
	return shown
}

// service reads a service with its instances.
func (c client) service(tb testing.TB, name string) serviceShown {
	tb.Helper()
	return decode[serviceShown](tb, c.get(tb, registryPath+name).want(tb, http.StatusOK))
}

// services reads a page of services.
func (c client) services(tb testing.TB, query string) servicesShown {
	tb.Helper()
	return decode[servicesShown](tb, c.get(tb, registryPath+query).want(tb, http.StatusOK))
}

// reports tells how a service or one of its instances is.
func (c client) reports(tb testing.TB, body object) serviceShown {
	tb.Helper()
	return decode[serviceShown](tb, c.put(tb, registryPath+"health", body).want(tb, http.StatusOK))
}

// names returns the services' names in their order.
func (s servicesShown) names() []string {
	list := make([]string, len(s.Services))
	for i, one := range s.Services {
		list[i] = one.Name
	}
	return list
}

// ids returns the instances' ids in their order.
func ids(instances []instanceShown) []string {
	list := make([]string, len(instances))
	for i, one := range instances {
		list[i] = one.ID
	}
	return list
}

func TestRegistryOfServices(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			c := boot(t, store.fresh(t)).admin(t)
			made := c.registers(t, http.StatusCreated, object{
				"service_name": "shop", "service_url": "http://shop:8080/v1", "metadata": object{"team": "retail", "n": 1.5},
			})
			require.Equal(t, "http://shop:8080/v1", made.URL)
			require.Equal(t, object{"team": "retail", "n": 1.5}, made.Metadata)
			require.Equal(t, "unknown", made.Status)
			require.Equal(t, 1, made.Count)
			require.Nil(t, made.LastCheck)
			require.Nil(t, made.InstanceID, "a service as a whole has no lease")
			require.Nil(t, made.Epoch)
			require.Nil(t, made.TTL)

			whole := c.service(t, "shop")
			require.Equal(t, []string{"default"}, ids(whole.Instances))
			require.Equal(t, "unknown", whole.Instances[0].Observed)
			require.Nil(t, whole.Instances[0].TTL)

			// What is not named stays, and what is named is replaced.
			again := c.registers(t, http.StatusOK, object{"service_name": "shop", "service_url": "https://shop"})
			require.Equal(t, made.ID, again.ID)
			require.Equal(t, "https://shop", again.URL)
			require.Equal(t, made.Metadata, again.Metadata)
			require.Equal(t, made.RegisteredAt, again.RegisteredAt)
			require.Greater(t, again.Version, made.Version)
			other := c.registers(t, http.StatusOK, object{"service_name": "shop", "metadata": object{}})
			require.Equal(t, "https://shop", other.URL)
			require.Empty(t, other.Metadata)
			same := c.registers(t, http.StatusOK, object{"service_name": "shop", "service_url": "https://shop"})
			require.Equal(t, other.Version, same.Version, "nothing new makes no version")

			c.delete(t, registryPath+"shop").want(t, http.StatusNoContent)
			for _, path := range []string{registryPath + "shop", discoveryPath + "shop"} {
				c.get(t, path).problem(t, http.StatusNotFound, "service_not_found")
			}
			c.delete(t, registryPath+"shop").problem(t, http.StatusNotFound, "service_not_found")
			require.Empty(t, c.services(t, "").Services)
			back := c.registers(t, http.StatusCreated, object{"service_name": "shop", "service_url": "http://new"})
			require.Equal(t, made.ID, back.ID, "the id goes on")
			require.Greater(t, back.Version, same.Version+1, "and the version")
			require.Empty(t, back.Metadata, "what was deregistered is history")
		})
	}
}

func TestRegistryHealth(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			c := boot(t, store.fresh(t)).admin(t)
			c.registers(t, http.StatusCreated, object{"service_name": "shop", "service_url": "http://shop"})

			up := c.reports(t, object{"service_name": "shop", "status": "healthy", "response_time": 10})
			require.Equal(t, "healthy", up.Status)
			require.NotNil(t, up.LastCheck)
			require.InDelta(t, 10, *up.ResponseTime, 0)
			up = c.reports(t, object{"service_name": "shop", "status": "passing", "response_time": 20})
			require.InDelta(t, 20, *up.ResponseTime, 0)
			require.InDelta(t, 12, *up.Average, 0.001)
			require.Equal(t, "healthy", c.reports(t, object{"service_name": "shop", "status": "warning"}).Status)
			require.Equal(t, "warning", c.service(t, "shop").Instances[0].Observed)
			require.Equal(t, []string{"shop"}, c.services(t, "healthy").names())
			for _, status := range []string{"unhealthy", "critical"} {
				require.Equal(t, "unhealthy", c.reports(t, object{"service_name": "shop", "status": status}).Status)
			}
			require.Empty(t, c.services(t, "healthy").Services)
			require.Equal(t, "unknown", c.reports(t, object{"service_name": "shop", "status": "unknown"}).Status)

			c.put(t, registryPath+"health", object{"service_name": "nobody", "status": "healthy"}).
				problem(t, http.StatusNotFound, "service_not_found")
			c.put(t, registryPath+"health", object{"service_name": "shop", "instance_id": "x", "status": "healthy"}).
				problem(t, http.StatusNotFound, "instance_not_found")

			// The first instance with an id of its own takes the default one's place.
			c.enrol(t, "shop", "one")
			require.Equal(t, []string{"one"}, ids(c.service(t, "shop").Instances))
			c.put(t, registryPath+"health", object{"service_name": "shop", "status": "healthy"}).
				problem(t, http.StatusUnprocessableEntity, "instance_required")
			shown := c.reports(t, object{"service_name": "shop", "instance_id": "one", "status": "critical"})
			require.Equal(t, "unhealthy", shown.Status)
			c.enrol(t, "shop", "two")
			require.Equal(t, "healthy", c.service(t, "shop").Status, "one that is ready is enough")
			c.delete(t, registryPath+"shop/instances/two").want(t, http.StatusNoContent)
			require.Equal(t, "unhealthy", c.service(t, "shop").Status)
		})
	}
}

func TestRegistryListing(t *testing.T) {
	t.Parallel()
	c := boot(t, freshSQLite(t)).admin(t)
	for name, status := range map[string]string{"b": "healthy", "a": "healthy", "d": "unhealthy", "c": "unknown"} {
		c.registers(t, http.StatusCreated, object{"service_name": name, "service_url": "http://" + name})
		c.reports(t, object{"service_name": name, "status": status})
	}
	for query, want := range map[string]servicesShown{
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
		got := c.services(t, query)
		names := map[string][]string{
			"": {"a", "b", "c", "d"}, "?limit=2": {"a", "b"}, "?limit=2&offset=3": {"d"},
			"?status=healthy": {"a", "b"}, "?status=healthy&limit=1&offset=1": {"b"},
			"?status=unhealthy": {"d"}, "?status=unknown": {"c"},
		}[query]
		require.ElementsMatch(t, names, got.names(), query)
		got.Services = nil
		require.Equal(t, want, got, query)
	}
	require.Equal(t, []string{"a", "b"}, c.services(t, "healthy").names())
	require.Equal(t, 2, c.services(t, "healthy").Total)
	for query, place := range map[string]string{
		"?limit=0": "query.limit", "?limit=1001": "query.limit", "?limit=x": "query.limit", "?offset=-1": "query.offset",
		"?status=fine": "query.status", "?colour=red": "query.colour",
	} {
		p := c.get(t, registryPath+query).problem(t, http.StatusUnprocessableEntity, "validation_failed")
		require.Equal(t, []string{place}, places(t, p), query)
	}
	for _, path := range []string{"/api/v1/services", "/api/v1/services/", "/api/v1/registry"} {
		require.Equal(t, 4, decode[servicesShown](t, c.get(t, path).want(t, http.StatusOK)).Total, path)
	}
}
