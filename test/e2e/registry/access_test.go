package registry_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestRegistryAccess(t *testing.T) {
	t.Parallel()
	s := e2etest.Boot(t, e2etest.NewSQLite(t))
	admin := s.Admin(t)
	known := admin.Create(t, "known", "v")
	flag := admin.CreateFlag(t)
	admin.RegisterInstance(t, "known", "a", e2etest.Object{"ttl_seconds": 3600})

	// writes are all writes of the registry to a service.
	writes := func(c e2etest.Client, service string) []e2etest.Response {
		of := e2etest.RegistryPath + service
		return []e2etest.Response{
			c.Post(t, e2etest.RegistryPath+"register", e2etest.Object{"service_name": service, "service_url": "http://h", "instance_id": "a"}),
			c.Put(t, e2etest.RegistryPath+"health", e2etest.Object{"service_name": service, "instance_id": "a", "status": "healthy"}),
			c.Put(t, of+"/instances/a/heartbeat", e2etest.Object{"lease_epoch": 1}),
			c.Post(t, e2etest.RegistryPath+"heartbeats", e2etest.Object{"heartbeats": []e2etest.Object{
				{"service_name": service, "instance_id": "a", "lease_epoch": 1},
			}}),
			c.Do(t, http.MethodPatch, of+"/instances/a", e2etest.Object{"desired": "draining"}),
			c.Delete(t, of+"/instances/a"),
			c.Delete(t, of),
		}
	}
	reads := []string{
		e2etest.RegistryPath, e2etest.RegistryPath + "healthy", e2etest.RegistryPath + "known", e2etest.RegistryPath + "known/health-history",
		e2etest.DiscoveryPath + "known", "/prometheus/sd",
	}

	t.Run("a key of the role service writes to the registry", func(t *testing.T) {
		t.Parallel()
		var got []int
		for _, a := range writes(s.Program(t), "its-own") {
			got = append(got, a.Status)
		}
		require.Equal(t, []int{201, 200, 200, 200, 200, 204, 204}, got)
	})

	t.Run("it reads everything and writes nothing else", func(t *testing.T) {
		t.Parallel()
		c := s.Program(t)
		for _, path := range append([]string{e2etest.ReadPath("known"), flag.Path() + "/history", known.Path() + "/history"}, reads...) {
			c.Get(t, path).Want(t, http.StatusOK)
		}
		require.Equal(t, "user_targeted", c.Evaluate(t, "user123").Reason)
		for _, a := range []e2etest.Response{
			c.Post(t, "/api/v1/config/", e2etest.Draft{Key: "x", Environment: "production", ServiceName: "shop"}),
			c.Put(t, known.Path(), e2etest.Object{"value": "w"}), c.Delete(t, known.Path()),
			c.Put(t, flag.Path(), e2etest.Object{"is_enabled": false}), c.Delete(t, flag.Path()),
		} {
			a.Problem(t, http.StatusForbidden, "forbidden")
		}
		require.Equal(t, known, admin.Read(t, "known"))
	})

	t.Run("a reader only reads the registry", func(t *testing.T) {
		t.Parallel()
		c := s.Reader(t)
		for _, path := range reads {
			c.Get(t, path).Want(t, http.StatusOK)
		}
		for _, service := range []string{"known", "unknown"} {
			for _, a := range writes(c, service) {
				a.Problem(t, http.StatusForbidden, "forbidden")
			}
		}
		require.Equal(t, "up", admin.Discover(t, "known")[0].Desired)
	})

	t.Run("requests without a key are rejected", func(t *testing.T) {
		t.Parallel()
		c := s.Anonymous()
		for _, path := range reads {
			c.Get(t, path).Problem(t, http.StatusUnauthorized, "api_key_required")
		}
		for _, a := range writes(c, "known") {
			a.Problem(t, http.StatusUnauthorized, "api_key_required")
		}
	})
}
