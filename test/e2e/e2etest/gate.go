package e2etest

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Gate stands between a server and its clients, open or shut.
type Gate struct {
	// url is the server's, through the gate.
	URL     string
	address string
	target  string

	mu       sync.Mutex
	listener net.Listener
	through  []net.Conn
}

func NewGate(t *testing.T, targetURL string) *Gate {
	t.Helper()
	u, err := url.Parse(targetURL)
	require.NoError(t, err)
	g := &Gate{target: u.Host, address: "127.0.0.1:0"}
	g.Open(t)
	t.Cleanup(g.Shut)
	u.Host = g.address
	g.URL = u.String()
	return g
}

// Redirect leads new connections elsewhere.
func (g *Gate) Redirect(t *testing.T, targetURL string) {
	t.Helper()
	u, err := url.Parse(targetURL)
	require.NoError(t, err)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.target = u.Host
}

// Open lets connections through, always at the same address.
func (g *Gate) Open(t *testing.T) {
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
func (g *Gate) pass(ctx context.Context, conn net.Conn) {
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

// Shut cuts every connection and refuses new ones.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.listener.Close()
	for _, conn := range g.through {
		_ = conn.Close()
	}
	g.through = nil
}
