package e2e_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestOutage takes the database away from a running service and gives it back.
func TestOutage(t *testing.T) {
	t.Parallel()
	databaseURL := freshPostgres(t)
	between := newGate(t, databaseURL)
	s := boot(t, between.url)
	c := s.admin(t)
	made := c.create(t, "known", "v")

	between.shut()
	require.Equal(t, made, c.read(t, "known"), "what is in memory is read")
	require.Eventually(t, func() bool {
		a := c.get(t, at("known")).want(t, http.StatusOK)
		return a.header.Get("Signalbox-Stale") != ""
	}, patience, 20*time.Millisecond, "and says how old it may be")
	for _, a := range []answer{
		c.get(t, at("never.read")), c.put(t, made.path(), map[string]any{"value": "w"}),
		c.post(t, "/api/v1/config/", draft{Key: "new", Environment: "production", ServiceName: "shop"}),
	} {
		a.problem(t, http.StatusServiceUnavailable, "unavailable")
		require.NotEmpty(t, a.header.Get("Retry-After"))
	}
	h := decode[object](t, c.get(t, "/health").want(t, http.StatusServiceUnavailable))
	require.Equal(t, "unhealthy", h["status"])
	require.Equal(t, "unhealthy", h["database"])
	c.get(t, "/readyz").want(t, http.StatusOK)
	c.get(t, "/livez").want(t, http.StatusOK)

	between.open(t)
	require.Eventually(t, func() bool {
		return c.get(t, at("known")).want(t, http.StatusOK).header.Get("Signalbox-Stale") == ""
	}, patience, 20*time.Millisecond)
	require.Equal(t, made, c.read(t, "known"), "what was refused did not happen")
	c.get(t, at("new")).problem(t, http.StatusNotFound, "configuration_not_found")
	c.put(t, made.path(), map[string]any{"value": "w"}).want(t, http.StatusOK)
	require.Eventually(t, func() bool { return c.get(t, "/health").status == http.StatusOK }, patience, 100*time.Millisecond)
}

// TestStartWithoutDatabase starts the service before its database.
func TestStartWithoutDatabase(t *testing.T) {
	t.Parallel()
	between := newGate(t, freshPostgres(t))
	between.shut()
	p := begin(t, between.url, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
	p.log.await(t, "database unreachable; retrying", p.ended)
	between.open(t)
	p.awaitReady(t)
	p.admin(t).create(t, "late", "v")
}

// TestStopBeforeDatabase stops a service that still waits for its database.
func TestStopBeforeDatabase(t *testing.T) {
	t.Parallel()
	between := newGate(t, freshPostgres(t))
	between.shut()
	p := begin(t, between.url)
	p.log.await(t, "database unreachable; retrying", p.ended)
	p.terminate(t)
	require.Zero(t, p.awaitEnd(t))
	require.Empty(t, p.out.String())
}

// gate stands between a server and its clients, open or shut.
type gate struct {
	// url is the server's, through the gate.
	url     string
	address string
	target  string

	mu       sync.Mutex
	listener net.Listener
	through  []net.Conn
}

func newGate(t *testing.T, targetURL string) *gate {
	t.Helper()
	u, err := url.Parse(targetURL)
	require.NoError(t, err)
	g := &gate{target: u.Host, address: "127.0.0.1:0"}
	g.open(t)
	t.Cleanup(g.shut)
	u.Host = g.address
	g.url = u.String()
	return g
}

// lead leads new connections elsewhere.
func (g *gate) lead(t *testing.T, targetURL string) {
	t.Helper()
	u, err := url.Parse(targetURL)
	require.NoError(t, err)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.target = u.Host
}

// open lets connections through, always at the same address.
func (g *gate) open(t *testing.T) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", g.address)
	require.NoError(t, err)
	g.address = listener.Addr().String()
	g.mu.Lock()
	g.listener = listener
	g.mu.Unlock()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			g.pass(t.Context(), conn)
		}
	}()
}

// pass joins a connection with one to the database.
func (g *gate) pass(ctx context.Context, conn net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	onward, err := new(net.Dialer).DialContext(ctx, "tcp", g.target)
	if err != nil {
		_ = conn.Close()
		return
	}
	g.through = append(g.through, conn, onward)
	for from, to := range map[net.Conn]net.Conn{conn: onward, onward: conn} {
		go func() {
			_, _ = io.Copy(to, from)
			_ = to.Close()
		}()
	}
}

// shut cuts every connection and refuses new ones.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.listener.Close()
	for _, conn := range g.through {
		_ = conn.Close()
	}
	g.through = nil
}
