package httpprobe_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/httpprobe"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// Codes of DNS (RFC 1035, RFC 3596).
const (
	typeA, typeAAAA             = 1, 28
	serverFailure, noSuchDomain = 2, 3
)

// dnsServer answers the n-th look-up of a name, by its first label, with the n-th list of
// addresses, and later ones with the last.
type dnsServer struct {
	mu      sync.Mutex
	lists   map[string][][]string
	lookups map[string]int
}

// resolverWith returns a resolver that queries a dnsServer, by DNS over TCP.
func resolverWith(lists map[string][][]string) *net.Resolver {
	s := &dnsServer{lists: lists, lookups: map[string]int{}}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go s.serve(server)
		return client, nil
	}}
}

func (s *dnsServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return
	}
	query := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, query); err != nil {
		return
	}
	answer := s.answer(query)
	_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
}

// answer returns the response to a query.
func (s *dnsServer) answer(query []byte) []byte {
	label := strings.ToLower(string(query[13 : 13+query[12]]))
	end := 12
	for query[end] != 0 {
		end += 1 + int(query[end])
	}
	recordType := binary.BigEndian.Uint16(query[end+1:])
	addresses, code := s.next(label, recordType)
	answer := append([]byte{query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, byte(len(addresses)), 0, 0, 0, 0}, query[12:end+5]...)
	for _, ip := range addresses {
		answer = append(answer, 0xc0, 12, byte(recordType>>8), byte(recordType), 0, 1, 0, 0, 0, 0, 0, byte(len(ip)))
		answer = append(answer, ip...)
	}
	return answer
}

// next counts look-ups of IPv4 addresses; those of IPv6 are from the first list alone.
func (s *dnsServer) next(label string, recordType uint16) (addresses [][]byte, code byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lists, known := s.lists[label]
	switch {
	case !known:
		return nil, noSuchDomain
	case len(lists) == 0:
		return nil, serverFailure
	}
	list := 0
	if recordType == typeA {
		list = min(s.lookups[label], len(lists)-1)
		s.lookups[label]++
	}
	for _, text := range lists[list] {
		if ip := netip.MustParseAddr(text); ip.Is4() && recordType == typeA || ip.Is6() && recordType == typeAAAA {
			addresses = append(addresses, ip.AsSlice())
		}
	}
	return addresses, 0
}

// listen starts a server on 127.0.0.1, and returns its port.
func listen(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler}}
	server.Start()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}

func fine(http.ResponseWriter, *http.Request) {}

// everyKind returns a check of each kind at a host.
func everyKind(host, port string) []health.Probe {
	return []health.Probe{
		{Kind: health.HTTP, URL: "http://" + net.JoinHostPort(host, port), Method: http.MethodGet, Expect: []health.Range{{First: 200, Last: 299}}, Host: host, Timeout: time.Minute},
		{Kind: health.TCP, Address: net.JoinHostPort(host, port), Host: host, Timeout: time.Minute},
		{Kind: health.GRPC, Address: net.JoinHostPort(host, port), Host: host, Timeout: time.Minute},
	}
}

func each(t *testing.T, p *httpprobe.Prober, want health.Class, host, port string) {
	t.Helper()
	for _, probe := range everyKind(host, port) {
		assert.Equal(t, want.String(), p.Probe(t.Context(), probe).Failed.String(), "%s of %s", probe.Kind, host)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	port := listen(t, fine)

	t.Run("a name or address of loopback is Forbidden", func(t *testing.T) {
		t.Parallel()
		p := httpprobe.New(httpprobe.Options{Resolver: resolverWith(map[string][][]string{
			"shop": {{"127.0.0.1"}}, "localhost": {{"127.0.0.1"}}, "six": {{"::1"}},
		})})
		hosts := []string{"shop.example", "127.0.0.1", "localhost", "0.0.0.0", "::ffff:127.0.0.1"}
		if listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv6loopback}); err == nil { // only with IPv6
			require.NoError(t, listener.Close())
			hosts = append(hosts, "six.example", "::1", "::")
		}
		for _, host := range hosts {
			each(t, p, health.Forbidden, host, port)
		}
	})
	t.Run("a name whose every address is refused is Forbidden", func(t *testing.T) {
		t.Parallel()
		p := httpprobe.New(httpprobe.Options{Resolver: resolverWith(map[string][][]string{
			"shop": {{"127.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254", "64:ff9b::7f00:1"}},
		})})
		each(t, p, health.Forbidden, "shop.example", port)
	})
	t.Run("a name with a permitted address among several passes", func(t *testing.T) {
		t.Parallel()
		p := httpprobe.New(httpprobe.Options{
			Allow:    []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
			Resolver: resolverWith(map[string][][]string{"shop": {{"169.254.169.254", "127.0.0.1"}}}),
		})
		assert.True(t, p.Probe(t.Context(), everyKind("shop.example", port)[0]).Passed())
	})
	t.Run("a name without an address fails, and so does one whose look-up fails", func(t *testing.T) {
		t.Parallel()
		p := httpprobe.New(httpprobe.Options{Resolver: resolverWith(map[string][][]string{"empty": {{}}, "broken": {}})})
		for _, host := range []string{"unknown.example", "empty.example", "broken.example"} {
			each(t, p, health.Failed, host, port)
		}
	})
	t.Run("the timeout covers the look-up", func(t *testing.T) {
		t.Parallel()
		p := httpprobe.New(httpprobe.Options{Resolver: &net.Resolver{
			PreferGo: true,
			Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
		}})
		for _, probe := range everyKind("shop.example", port) {
			probe.Timeout = 30 * time.Millisecond
			result := p.Probe(t.Context(), probe)
			assert.Equal(t, health.Failed, result.Failed)
			assert.Less(t, result.Latency, time.Minute)
		}
	})
}

func TestRebinding(t *testing.T) {
	t.Parallel()
	for i, kind := range []health.Kind{health.HTTP, health.TCP} {
		t.Run("a name that changes its address is checked at each dial: "+kind.String(), func(t *testing.T) {
			t.Parallel()
			port := listen(t, fine)
			p := httpprobe.New(httpprobe.Options{
				Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
				Resolver: resolverWith(map[string][][]string{
					"shop": {{"127.0.0.1"}, {"127.0.0.2"}, {"169.254.169.254"}, {"10.0.0.1"}, {"127.0.0.1"}},
				}),
			})
			probe := everyKind("shop.example", port)[i]
			for _, want := range []health.Class{0, health.Forbidden, health.Forbidden, health.Forbidden, 0} {
				require.Equal(t, want.String(), p.Probe(t.Context(), probe).Failed.String())
			}
		})
	}
}

func TestOwnNames(t *testing.T) {
	t.Parallel()
	port := listen(t, fine)
	setup := func(own map[string][][]string) *httpprobe.Prober {
		own["shop"] = [][]string{{"127.0.0.1"}}
		return httpprobe.New(httpprobe.Options{
			Allow: everything(), Own: []string{"database.internal:" + port, "other.internal:1"}, Resolver: resolverWith(own),
		})
	}

	t.Run("the addresses of an own name are Forbidden on its port", func(t *testing.T) {
		t.Parallel()
		each(t, setup(map[string][][]string{"database": {{"203.0.113.9", "127.0.0.1"}}}), health.Forbidden, "shop.example", port)
	})
	t.Run("an own name is looked up for each check", func(t *testing.T) {
		t.Parallel()
		p := setup(map[string][][]string{"database": {{"203.0.113.9"}, {"127.0.0.1"}}})
		probe := everyKind("shop.example", port)[0]
		require.True(t, p.Probe(t.Context(), probe).Passed())
		assert.Equal(t, health.Forbidden, p.Probe(t.Context(), probe).Failed)
	})
	t.Run("an own name without an address refuses nothing", func(t *testing.T) {
		t.Parallel()
		probe := everyKind("shop.example", port)[0]
		assert.True(t, setup(map[string][][]string{}).Probe(t.Context(), probe).Passed())
	})
	t.Run("a check is Forbidden when the look-up of an own name fails", func(t *testing.T) {
		t.Parallel()
		each(t, setup(map[string][][]string{"database": {}}), health.Forbidden, "shop.example", port)
	})
	t.Run("a check is Forbidden when the look-up of an own name times out", func(t *testing.T) {
		t.Parallel()
		p := httpprobe.New(httpprobe.Options{
			Allow: everything(), Own: []string{"database.internal:" + port},
			Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}},
		})
		for _, probe := range everyKind("127.0.0.1", port) {
			probe.Timeout = 50 * time.Millisecond
			assert.Equal(t, health.Forbidden, p.Probe(t.Context(), probe).Failed, probe.Kind)
		}
	})
}

// secretServer answers bodies with a secret, and counts its requests.
func secretServer(t *testing.T) (port string, requests *atomic.Int64) {
	t.Helper()
	requests = &atomic.Int64{}
	return listen(t, func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		_, _ = io.WriteString(w, "the secret is 42")
	}), requests
}

func TestBodies(t *testing.T) {
	t.Parallel()
	reading := func(host, port, text string) health.Probe {
		p := everyKind(host, port)[0]
		p.Contains, p.Source = text, netip.MustParseAddr("127.0.0.1")
		return p
	}

	t.Run("bodies are read at allowed addresses", func(t *testing.T) {
		t.Parallel()
		port, _ := secretServer(t)
		p := httpprobe.New(httpprobe.Options{Allow: everything()})
		assert.True(t, p.Probe(t.Context(), reading("127.0.0.1", port, "is 42")).Passed())
		assert.Equal(t, health.WrongBody, p.Probe(t.Context(), reading("127.0.0.1", port, "is 43")).Failed)
	})
	t.Run("at other addresses no request is made, also for the registrant's own", func(t *testing.T) {
		t.Parallel()
		port, requests := secretServer(t)
		for _, p := range []*httpprobe.Prober{
			httpprobe.New(httpprobe.Options{}),
			httpprobe.New(httpprobe.Options{Resolver: resolverWith(map[string][][]string{"shop": {{"127.0.0.1"}}})}),
			httpprobe.New(httpprobe.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}}),
		} {
			for _, host := range []string{"127.0.0.1", "shop.example"} {
				for _, text := range []string{"is 42", "is 43"} {
					assert.False(t, p.Probe(t.Context(), reading(host, port, text)).Passed())
				}
			}
		}
		assert.Zero(t, requests.Load())
		p := httpprobe.New(httpprobe.Options{})
		assert.Equal(t, health.Forbidden, p.Probe(t.Context(), reading("127.0.0.1", port, "is 42")).Failed)
		plain := reading("127.0.0.1", port, "")
		assert.True(t, p.Probe(t.Context(), plain).Passed(), "a check that reads no body")
	})
}

func TestDetails(t *testing.T) {
	t.Parallel()
	silent, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	_, silentPort, err := net.SplitHostPort(silent.Addr().String())
	require.NoError(t, err)
	refusing, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	_, refusingPort, err := net.SplitHostPort(refusing.Addr().String())
	require.NoError(t, err)
	require.NoError(t, refusing.Close())
	teapot := listen(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })

	resolver := resolverWith(map[string][][]string{"shop": {{"127.0.0.1"}}})
	for name, c := range map[string]struct {
		port, scheme string
		want         health.Class
	}{
		"nothing listens":      {refusingPort, "http", health.Refused},
		"no response":          {silentPort, "http", health.TimedOut},
		"another status":       {teapot, "http", health.WrongStatus},
		"no TLS":               {teapot, "https", health.Untrusted},
		"HTTP instead of gRPC": {teapot, "grpc", health.Garbled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, host := range []string{"127.0.0.1", "shop.example"} {
				probe := everyKind(host, c.port)[0]
				if c.scheme == "grpc" {
					probe = everyKind(host, c.port)[2]
				}
				probe.URL = strings.Replace(probe.URL, "http:", c.scheme+":", 1)
				probe.Source, probe.Timeout = netip.MustParseAddr("127.0.0.1"), time.Second
				inside := httpprobe.New(httpprobe.Options{Allow: everything(), Resolver: resolver})
				outside := httpprobe.New(httpprobe.Options{Resolver: resolver})
				assert.Equal(t, c.want.String(), inside.Probe(t.Context(), probe).Failed.String())
				got := outside.Probe(t.Context(), probe)
				assert.Equal(t, health.Failed, got.Failed, "%s: %s", host, got.Failed)
				assert.Zero(t, got.Code)
				assert.Equal(t, netip.MustParseAddr("127.0.0.1"), got.Dialled)
			}
		})
	}
}

func TestDialledAddresses(t *testing.T) {
	t.Parallel()
	port := listen(t, fine)
	p := httpprobe.New(httpprobe.Options{
		Allow:    everything(),
		Resolver: resolverWith(map[string][][]string{"shop": {{"127.0.0.1"}}}),
	})
	for _, host := range []string{"127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "shop.example", "SHOP.Example", "shop.example."} {
		for _, probe := range everyKind(host, port)[:2] {
			result := p.Probe(t.Context(), probe)
			assert.Equal(t, netip.MustParseAddr("127.0.0.1"), result.Dialled, host)
			assert.Equal(t, "127.0.0.1", health.Place(host, result.Dialled))
		}
	}
}
