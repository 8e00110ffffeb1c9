package registry_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// listener is an instance with health checks.
type listener struct {
	port      int
	requested atomic.Int64
	ill       atomic.Bool
}

// startListener starts an instance at a loopback address.
func startListener(t *testing.T, ip net.IP) *listener {
	t.Helper()
	l := &listener{}
	socket, err := net.ListenTCP("tcp", &net.TCPAddr{IP: ip})
	require.NoError(t, err)
	l.port = socket.Addr().(*net.TCPAddr).Port
	server := &httptest.Server{Listener: socket, Config: &http.Server{
		ReadHeaderTimeout: e2etest.Timeout,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			l.requested.Add(1)
			if l.ill.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			_, _ = io.WriteString(w, "the secret is 42")
		}),
	}}
	server.Start()
	t.Cleanup(server.Close)
	return l
}

func TestChecksOfPrivateAddresses(t *testing.T) {
	t.Parallel()

	t.Run("only the registrant's own address is dialled, and bodies are not read", func(t *testing.T) {
		t.Parallel()
		c := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)
		own, other, looked := startListener(t, net.IPv4(127, 0, 0, 1)), startListener(t, net.IPv4(127, 0, 0, 2)), startListener(t, net.IPv4(127, 0, 0, 1))
		c.RegisterChecked(t, "shop", "own", "127.0.0.1", own.port, nil)
		c.RegisterChecked(t, "shop", "other", "127.0.0.2", other.port, nil)
		c.RegisterChecked(t, "shop", "looked", "127.0.0.1", looked.port, e2etest.Object{"body_contains": "is 42"})
		c.AwaitReason(t, "shop", "other", "passing", "check_not_allowed")
		c.AwaitReason(t, "shop", "looked", "passing", "check_not_allowed")
		own.ill.Store(true)
		c.AwaitReason(t, "shop", "own", "critical", "check_failed:failed")
		assert.Zero(t, other.requested.Load())
		assert.Zero(t, looked.requested.Load())
		health := c.Conditions(t)
		require.Len(t, health.Conditions, 1)
		assert.Equal(t, "checks_not_allowed", health.Conditions[0].Name)
		assert.Equal(t, 2, health.Conditions[0].Count)
		assert.Contains(t, health.Conditions[0].Message, "PROBE_ALLOW_CIDRS")
	})

	t.Run("allowed networks are dialled for any registrant, bodies are read, and causes are reported", func(t *testing.T) {
		t.Parallel()
		c := e2etest.Boot(t, e2etest.NewSQLite(t), "PROBE_ALLOW_CIDRS=127.0.0.2/32").Admin(t)
		other := startListener(t, net.IPv4(127, 0, 0, 2))
		c.RegisterChecked(t, "shop", "a", "127.0.0.2", other.port, e2etest.Object{"body_contains": "is 43"})
		c.AwaitReason(t, "shop", "a", "critical", "check_failed:wrong_body")
		assert.Empty(t, c.Conditions(t).Conditions)
	})

	t.Run("only an address that a trusted proxy names is accepted", func(t *testing.T) {
		t.Parallel()
		instance := startListener(t, net.IPv4(127, 0, 0, 2))
		register := func(environ ...string) e2etest.Client {
			c := e2etest.Boot(t, e2etest.NewSQLite(t), environ...).Admin(t)
			c.Post(t, e2etest.RegistryPath+"register", e2etest.Object{
				"service_name": "shop", "instance_id": "a", "ttl_seconds": 3600,
				"service_url": "http://127.0.0.2:" + strconv.Itoa(instance.port),
				"check":       e2etest.Object{"type": "http", "interval_seconds": 1},
			}, e2etest.With("X-Forwarded-For", "127.0.0.2")).Want(t, http.StatusCreated)
			return c
		}
		register().AwaitReason(t, "shop", "a", "passing", "check_not_allowed")
		require.Zero(t, instance.requested.Load())
		trusting := register("TRUSTED_PROXIES=127.0.0.1")
		require.Eventually(t, func() bool { return instance.requested.Load() > 0 }, e2etest.Timeout, e2etest.PollInterval)
		assert.Empty(t, trusting.Conditions(t).Conditions)
	})

	t.Run("PROBES_ENABLED=false disables checks", func(t *testing.T) {
		t.Parallel()
		c := e2etest.Boot(t, e2etest.NewSQLite(t), "PROBES_ENABLED=false", "PROBE_ALLOW_CIDRS=127.0.0.0/8").Admin(t)
		instance := startListener(t, net.IPv4(127, 0, 0, 1))
		c.RegisterChecked(t, "shop", "a", "127.0.0.1", instance.port, nil)
		c.AwaitReason(t, "shop", "a", "passing", "check_not_allowed")
		assert.Zero(t, instance.requested.Load())
		assert.Empty(t, c.Conditions(t).Conditions)
		c.ReportHealth(t, e2etest.Object{"service_name": "shop", "instance_id": "a", "status": "critical"})
		c.AwaitReason(t, "shop", "a", "critical", "reported")
	})

	t.Run("a timeout above ten seconds is rejected", func(t *testing.T) {
		t.Parallel()
		c := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)
		p := c.Post(t, e2etest.RegistryPath+"register", e2etest.Object{
			"service_name": "shop", "instance_id": "a", "service_url": "http://127.0.0.1:1",
			"check": e2etest.Object{"type": "tcp", "interval_seconds": 60, "timeout_ms": 10_001},
		}).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
		assert.Equal(t, []string{"body.check.timeout_ms"}, e2etest.Locations(t, p))
	})
}

func TestHostileChecks(t *testing.T) {
	t.Parallel()
	// A service with many instances, written in many ways, that respond until all of them hang.
	c := e2etest.Boot(t, e2etest.NewSQLite(t), "PROBE_ALLOW_CIDRS=127.0.0.0/8").Admin(t)
	honest := startListener(t, net.IPv4(127, 0, 0, 1))
	c.RegisterChecked(t, "honest", "a", "127.0.0.1", honest.port, nil)
	hostile := startListener(t, net.IPv4(127, 0, 0, 3))
	for n, host := range []string{"127.0.0.3", "::ffff:127.0.0.3", "::ffff:7f00:3", "0:0:0:0:0:ffff:127.0.0.3"} {
		for m := range 20 {
			id := strconv.Itoa(n) + "-" + strconv.Itoa(m)
			c.RegisterChecked(t, "hostile", id, host, hostile.port, nil)
		}
	}
	c.AwaitReason(t, "honest", "a", "passing", "registered")
	require.Eventually(t, func() bool { return hostile.requested.Load() >= 80 && honest.requested.Load() >= 2 }, e2etest.Timeout, e2etest.PollInterval)
	hostile.ill.Store(true)
	c.AwaitReason(t, "hostile", "0-0", "critical", "check_failed:wrong_status")
	honest.ill.Store(true)
	c.AwaitReason(t, "honest", "a", "critical", "check_failed:wrong_status")
	assert.Empty(t, c.Discover(t, "honest?ready=true"))
}
