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

// Gate is a TCP proxy in front of a server. While it is closed, connections are refused.
type Gate struct {
	// URL is the server's URL, through the gate.
	URL     string
	address string
	target  string

	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
}

// NewGate returns an open gate to the server of a URL.
func NewGate(t *testing.T, targetURL string) *Gate {
	t.Helper()
	u, err := url.Parse(targetURL)
	require.NoError(t, err)
	g := &Gate{target: u.Host, address: "127.0.0.1:0"}
	g.Open(t)
	t.Cleanup(g.Close)
	u.Host = g.address
	g.URL = u.String()
	return g
}

// Redirect sends new connections to another server.
func (g *Gate) Redirect(t *testing.T, targetURL string) {
	t.Helper()
	u, err := url.Parse(targetURL)
	require.NoError(t, err)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.target = u.Host
}

// Open accepts connections, always at the same address.
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

// pass joins a connection with one to the server.
func (g *Gate) pass(ctx context.Context, conn net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	onward, err := new(net.Dialer).DialContext(ctx, "tcp", g.target)
	if err != nil {
		_ = conn.Close()
		return
	}
	g.conns = append(g.conns, conn, onward)
	for from, to := range map[net.Conn]net.Conn{conn: onward, onward: conn} {
		go func() {
			_, _ = io.Copy(to, from)
			_ = to.Close()
		}()
	}
}

// Close closes every connection and refuses new ones.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.listener.Close()
	for _, conn := range g.conns {
		_ = conn.Close()
	}
	g.conns = nil
}
