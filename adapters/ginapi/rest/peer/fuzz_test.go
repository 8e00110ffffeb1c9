package peer_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/peer"
)

// FuzzSource asserts that no header of a client changes the address that a trusted proxy
// appends, and that a client without a proxy gets no other address than its own.
func FuzzSource(f *testing.F) {
	for _, sent := range []string{"", ",", "10.0.0.1", "203.0.113.1, 10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "\x00", "1.2.3.4:80", "[::1]"} {
		f.Add(sent)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	client := netip.MustParseAddr("198.51.100.7")
	f.Fuzz(func(t *testing.T, sent string) {
		forwarded := http.Header{"X-Forwarded-For": {sent, client.String()}}
		require.Equal(t, client, peer.Peer{Remote: "10.1.1.1:5000", Header: forwarded}.Source(trusted))
		forwarded = http.Header{"X-Forwarded-For": {sent + ", " + client.String() + ", 10.2.2.2"}}
		require.Equal(t, client, peer.Peer{Remote: "10.1.1.1:5000", Header: forwarded}.Source(trusted))
		direct := peer.Peer{Remote: "198.51.100.7:5000", Header: http.Header{"X-Forwarded-For": {sent}}}.Source(trusted)
		require.False(t, direct.IsValid(), "the proxy is not trusted")
		alone := peer.Peer{Remote: "10.1.1.1:5000", Header: http.Header{"X-Forwarded-For": {sent}}}.Source(trusted)
		require.False(t, alone.IsValid() && (trusted[0].Contains(alone) || alone.Is4In6() || alone.Zone() != ""), "%s", alone)
	})
}
