package e2e_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// program returns a client with a new key of the role service, as programs have.
func (s *service) program(tb testing.TB) client {
	tb.Helper()
	return client{url: s.url, key: s.command(tb, "key", "create", "--name", "a program", "--role", "service")}
}

func TestRegistryAccess(t *testing.T) {
	t.Parallel()
	s := boot(t, freshSQLite(t))
	admin := s.admin(t)
	known := admin.create(t, "known", "v")
	flag := admin.flag(t)
	admin.enrol(t, "known", "a", object{"ttl_seconds": 3600})

	// writes are all the writes of the registry, to a service of that name.
	writes := func(c client, service string) []answer {
		of := registryPath + service
		return []answer{
			c.post(t, registryPath+"register", object{"service_name": service, "service_url": "http://h", "instance_id": "a"}),
			c.put(t, registryPath+"health", object{"service_name": service, "instance_id": "a", "status": "healthy"}),
			c.put(t, of+"/instances/a/heartbeat", object{"lease_epoch": 1}),
			c.post(t, registryPath+"heartbeats", object{"heartbeats": []object{
				{"service_name": service, "instance_id": "a", "lease_epoch": 1},
			}}),
			c.do(t, http.MethodPatch, of+"/instances/a", object{"desired": "draining"}),
			c.delete(t, of+"/instances/a"),
			c.delete(t, of),
		}
	}
	reads := []string{
		registryPath, registryPath + "healthy", registryPath + "known", registryPath + "known/health-history",
		discoveryPath + "known", "/prometheus/sd",
	}

	t.Run("a key of the role service writes to the registry", func(t *testing.T) {
		t.Parallel()
		var got []int
		for _, a := range writes(s.program(t), "its-own") {
			got = append(got, a.status)
		}
		require.Equal(t, []int{201, 200, 200, 200, 200, 204, 204}, got)
	})

	t.Run("it reads everything, and writes nothing else", func(t *testing.T) {
		t.Parallel()
		c := s.program(t)
		for _, path := range append([]string{at("known"), flag.path() + "/history", known.path() + "/history"}, reads...) {
			c.get(t, path).want(t, http.StatusOK)
		}
		require.Equal(t, "user_targeted", c.evaluate(t, "user123").Reason)
		for _, a := range []answer{
			c.post(t, "/api/v1/config/", draft{Key: "x", Environment: "production", ServiceName: "shop"}),
			c.put(t, known.path(), object{"value": "w"}), c.delete(t, known.path()),
			c.put(t, flag.path(), object{"is_enabled": false}), c.delete(t, flag.path()),
		} {
			a.problem(t, http.StatusForbidden, "forbidden")
		}
		require.Equal(t, known, admin.read(t, "known"))
	})

	t.Run("a reader reads the registry, and writes nothing to it", func(t *testing.T) {
		t.Parallel()
		c := s.reader(t)
		for _, path := range reads {
			c.get(t, path).want(t, http.StatusOK)
		}
		for _, service := range []string{"known", "unknown"} {
			for _, a := range writes(c, service) {
				a.problem(t, http.StatusForbidden, "forbidden")
			}
		}
		require.Equal(t, "up", admin.discovers(t, "known")[0].Desired)
	})

	t.Run("without a key nobody is let in", func(t *testing.T) {
		t.Parallel()
		c := s.anonymous()
		for _, path := range reads {
			c.get(t, path).problem(t, http.StatusUnauthorized, "api_key_required")
		}
		for _, a := range writes(c, "known") {
			a.problem(t, http.StatusUnauthorized, "api_key_required")
		}
	})
}
