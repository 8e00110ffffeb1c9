package peer_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/peer"
)

func TestSource(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/28"), netip.MustParsePrefix("fd00::/64")}
	header := func(name string, values ...string) http.Header { return http.Header{name: values} }
	for name, c := range map[string]struct {
		remote string
		header http.Header
		want   string
	}{
		"a client without a proxy":                {remote: "10.0.0.1:5000", want: "10.0.0.1"},
		"an IPv4 client on an IPv6 socket":        {remote: "[::ffff:10.0.0.1]:5000", want: "10.0.0.1"},
		"a client of IPv6":                        {remote: "[fd01::1]:5000", want: "fd01::1"},
		"a link-local client":                     {remote: "[fe80::1%eth0]:5000"},
		"no address":                              {remote: "@"},
		"an address that a client claims":         {remote: "10.0.0.1:5000", header: header("X-Forwarded-For", "10.0.0.9")},
		"an address that another header claims":   {remote: "10.0.0.1:5000", header: header("X-Real-Ip", "10.0.0.9")},
		"an untrusted proxy":                      {remote: "10.0.0.1:5000", header: header("Forwarded", "for=10.0.0.9")},
		"a proxy by its Via alone":                {remote: "10.0.0.1:5000", header: header("Via", "1.1 proxy")},
		"a client behind a proxy":                 {remote: "192.0.2.1:80", header: header("X-Forwarded-For", "10.0.0.9"), want: "10.0.0.9"},
		"an IPv4 client in IPv6":                  {remote: "192.0.2.1:80", header: header("X-Forwarded-For", "::ffff:10.0.0.9"), want: "10.0.0.9"},
		"a client behind two proxies":             {remote: "192.0.2.1:80", header: header("X-Forwarded-For", "10.0.0.9, fd00::7"), want: "10.0.0.9"},
		"what a client wrote before a proxy":      {remote: "192.0.2.1:80", header: header("X-Forwarded-For", "127.0.0.1, 10.0.0.9"), want: "10.0.0.9"},
		"in a line of its own":                    {remote: "192.0.2.1:80", header: header("X-Forwarded-For", "127.0.0.1", "10.0.0.9"), want: "10.0.0.9"},
		"what is no address":                      {remote: "192.0.2.1:80", header: header("X-Forwarded-For", "10.0.0.9, unknown")},
		"an address with a port":                  {remote: "192.0.2.1:80", header: header("X-Forwarded-For", "10.0.0.9:80")},
		"a zone":                                  {remote: "192.0.2.1:80", header: header("X-Forwarded-For", "fe80::1%eth0")},
		"a trusted proxy that names no client":    {remote: "192.0.2.1:80"},
		"one that names itself":                   {remote: "192.0.2.1:80", header: header("X-Forwarded-For", "192.0.2.2")},
		"one that passes on what a client claims": {remote: "192.0.2.1:80", header: header("X-Real-Ip", "127.0.0.1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := netip.Addr{}
			if c.want != "" {
				want = netip.MustParseAddr(c.want)
			}
			assert.Equal(t, want, peer.Peer{Remote: c.remote, Header: c.header}.Source(trusted))
		})
	}
}
