package e2e_test

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkEvery is how often a test looks what checks have come to.
const checkEvery = 20 * time.Millisecond

// listener is an instance that is checked.
type listener struct {
	port  int
	asked atomic.Int64
	ill   atomic.Bool
}

// listens starts an instance at an address of loopback.
func listens(t *testing.T, ip net.IP) *listener {
	t.Helper()
	l := &listener{}
	socket, err := net.ListenTCP("tcp", &net.TCPAddr{IP: ip})
	require.NoError(t, err)
	l.port = socket.Addr().(*net.TCPAddr).Port
	server := &httptest.Server{Listener: socket, Config: &http.Server{
		ReadHeaderTimeout: patience,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			l.asked.Add(1)
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

// enrolChecked registers an instance at a host that is checked each second.
func (c client) enrolChecked(t *testing.T, service, id, host string, port int, more object) {
	t.Helper()
	check := object{"type": "http", "path": "/up", "interval_seconds": 1}
	maps.Copy(check, more)
	c.enrol(t, service, id, object{
		"service_url": "http://" + net.JoinHostPort(host, strconv.Itoa(port)), "ttl_seconds": 3600, "check": check,
	})
}

// awaitReason waits until an instance is observed so for that reason.
func (c client) awaitReason(t *testing.T, service, id, observed, reason string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, i := range c.service(t, service).Instances {
			if i.ID == id {
				return i.Observed == observed && i.Reason == reason
			}
		}
		return false
	}, patience, checkEvery, "%s of %s is not %s for %s", id, service, observed, reason)
}

// barredShown is what /health lists.
type barredShown struct {
	Conditions []struct {
		Name    string `json:"name"`
		Message string `json:"message"`
		Count   int    `json:"count"`
	} `json:"conditions"`
}

func (c client) barred(t *testing.T) barredShown {
	t.Helper()
	return decode[barredShown](t, c.get(t, "/health"))
}

func TestChecksOfPrivateAddresses(t *testing.T) {
	t.Parallel()

	t.Run("only the registrant's own address is dialled, and bodies are not looked into", func(t *testing.T) {
		t.Parallel()
		c := boot(t, freshSQLite(t)).admin(t)
		own, other, looked := listens(t, net.IPv4(127, 0, 0, 1)), listens(t, net.IPv4(127, 0, 0, 2)), listens(t, net.IPv4(127, 0, 0, 1))
		c.enrolChecked(t, "shop", "own", "127.0.0.1", own.port, nil)
		c.enrolChecked(t, "shop", "other", "127.0.0.2", other.port, nil)
		c.enrolChecked(t, "shop", "looked", "127.0.0.1", looked.port, object{"body_contains": "is 42"})
		c.awaitReason(t, "shop", "other", "passing", "check_not_allowed")
		c.awaitReason(t, "shop", "looked", "passing", "check_not_allowed")
		own.ill.Store(true)
		c.awaitReason(t, "shop", "own", "critical", "check_failed:failed")
		assert.Zero(t, other.asked.Load())
		assert.Zero(t, looked.asked.Load())
		health := c.barred(t)
		require.Len(t, health.Conditions, 1)
		assert.Equal(t, "checks_not_allowed", health.Conditions[0].Name)
		assert.Equal(t, 2, health.Conditions[0].Count)
		assert.Contains(t, health.Conditions[0].Message, "PROBE_ALLOW_CIDRS")
	})

	t.Run("allowed networks are dialled for anyone, looked into, and told of", func(t *testing.T) {
		t.Parallel()
		c := boot(t, freshSQLite(t), "PROBE_ALLOW_CIDRS=127.0.0.2/32").admin(t)
		other := listens(t, net.IPv4(127, 0, 0, 2))
		c.enrolChecked(t, "shop", "a", "127.0.0.2", other.port, object{"body_contains": "is 43"})
		c.awaitReason(t, "shop", "a", "critical", "check_failed:wrong_body")
		assert.Empty(t, c.barred(t).Conditions)
	})

	t.Run("an address counts that a trusted proxy names, and no other", func(t *testing.T) {
		t.Parallel()
		instance := listens(t, net.IPv4(127, 0, 0, 2))
		register := func(environ ...string) client {
			c := boot(t, freshSQLite(t), environ...).admin(t)
			c.post(t, registryPath+"register", object{
				"service_name": "shop", "instance_id": "a", "ttl_seconds": 3600,
				"service_url": "http://127.0.0.2:" + strconv.Itoa(instance.port),
				"check":       object{"type": "http", "interval_seconds": 1},
			}, with{"X-Forwarded-For", "127.0.0.2"}).want(t, http.StatusCreated)
			return c
		}
		register().awaitReason(t, "shop", "a", "passing", "check_not_allowed")
		require.Zero(t, instance.asked.Load())
		trusting := register("TRUSTED_PROXIES=127.0.0.1")
		require.Eventually(t, func() bool { return instance.asked.Load() > 0 }, patience, checkEvery)
		assert.Empty(t, trusting.barred(t).Conditions)
	})

	t.Run("PROBES_ENABLED=false makes no checks", func(t *testing.T) {
		t.Parallel()
		c := boot(t, freshSQLite(t), "PROBES_ENABLED=false", "PROBE_ALLOW_CIDRS=127.0.0.0/8").admin(t)
		instance := listens(t, net.IPv4(127, 0, 0, 1))
		c.enrolChecked(t, "shop", "a", "127.0.0.1", instance.port, nil)
		c.awaitReason(t, "shop", "a", "passing", "check_not_allowed")
		assert.Zero(t, instance.asked.Load())
		assert.Empty(t, c.barred(t).Conditions)
		c.reports(t, object{"service_name": "shop", "instance_id": "a", "status": "critical"})
		c.awaitReason(t, "shop", "a", "critical", "reported")
	})

	t.Run("a timeout above ten seconds is refused", func(t *testing.T) {
		t.Parallel()
		c := boot(t, freshSQLite(t)).admin(t)
		p := c.post(t, registryPath+"register", object{
			"service_name": "shop", "instance_id": "a", "service_url": "http://127.0.0.1:1",
			"check": object{"type": "tcp", "interval_seconds": 60, "timeout_ms": 10_001},
		}).problem(t, http.StatusUnprocessableEntity, "validation_failed")
		assert.Equal(t, []string{"body"}, places(t, p))
	})
}

func TestHostileChecks(t *testing.T) {
	t.Parallel()
	// A service whose many instances answer until they all hang, spelt in many ways.
	c := boot(t, freshSQLite(t), "PROBE_ALLOW_CIDRS=127.0.0.0/8").admin(t)
	honest := listens(t, net.IPv4(127, 0, 0, 1))
	c.enrolChecked(t, "honest", "a", "127.0.0.1", honest.port, nil)
	hostile := listens(t, net.IPv4(127, 0, 0, 3))
	for n, host := range []string{"127.0.0.3", "::ffff:127.0.0.3", "::ffff:7f00:3", "0:0:0:0:0:ffff:127.0.0.3"} {
		for m := range 20 {
			id := strconv.Itoa(n) + "-" + strconv.Itoa(m)
			c.enrolChecked(t, "hostile", id, host, hostile.port, nil)
		}
	}
	c.awaitReason(t, "honest", "a", "passing", "registered")
	require.Eventually(t, func() bool { return hostile.asked.Load() >= 80 && honest.asked.Load() >= 2 }, patience, checkEvery)
	hostile.ill.Store(true)
	c.awaitReason(t, "hostile", "0-0", "critical", "check_failed:wrong_status")
	honest.ill.Store(true)
	c.awaitReason(t, "honest", "a", "critical", "check_failed:wrong_status")
	assert.Empty(t, c.discovers(t, "honest?ready=true"))
}
