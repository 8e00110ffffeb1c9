package harness

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// Network is a proxy in front of a server that can simulate network faults.
type Network struct {
	// Address is the server's address through the proxy.
	Address string

	proxy *toxiproxy.Proxy
}

// NewNetwork returns a network without faults in front of a server's host:port.
func NewNetwork(tb testing.TB, server string) *Network {
	tb.Helper()
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	n := &Network{proxy: toxiproxy.NewProxy(api, "network", "127.0.0.1:0", server)}
	require.NoError(tb, n.proxy.Start())
	tb.Cleanup(n.proxy.Stop)
	n.Address = n.proxy.Listen
	return n
}

// Cut closes every connection and refuses new ones.
func (n *Network) Cut(testing.TB) { n.proxy.Stop() }

// Drop accepts connections and delivers nothing to clients, as a network that drops every
// packet.
func (n *Network) Drop(tb testing.TB) {
	tb.Helper()
	n.add(tb, "timeout", map[string]int64{"timeout": 0})
}

// Slow delays every response.
func (n *Network) Slow(tb testing.TB, by, jitter time.Duration) {
	tb.Helper()
	n.add(tb, "latency", map[string]int64{"latency": by.Milliseconds(), "jitter": jitter.Milliseconds()})
}

// Reset resets each connection some time after its first response.
func (n *Network) Reset(tb testing.TB, after time.Duration) {
	tb.Helper()
	n.add(tb, "reset_peer", map[string]int64{"timeout": after.Milliseconds()})
}

// Heal ends all faults. Connections that lost data are closed.
func (n *Network) Heal(tb testing.TB) {
	tb.Helper()
	if !n.proxy.Enabled {
		require.NoError(tb, n.proxy.Start())
	}
	n.proxy.Toxics.ResetToxics(context.Background())
}

func (n *Network) add(tb testing.TB, kind string, attributes map[string]int64) {
	tb.Helper()
	toxic, err := json.Marshal(map[string]any{"type": kind, "stream": "downstream", "attributes": attributes})
	require.NoError(tb, err)
	_, err = n.proxy.Toxics.AddToxicJson(strings.NewReader(string(toxic)))
	require.NoError(tb, err)
}
