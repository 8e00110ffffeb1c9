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
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/httpprobe"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// The codes of DNS (RFC 1035, RFC 3596) that names are answered with.
const (
	typeA, typeAAAA             = 1, 28
	serverFailure, noSuchDomain = 2, 3
)

// names answers look-ups: of a name whose first label it knows, with the lists of
// addresses in turn, the last one again and again.
type names struct {
	mu    sync.Mutex
	turns map[string][][]string
	asked map[string]int
}

// knows returns a resolver that asks names, over TCP's form of DNS.
func knows(turns map[string][][]string) *net.Resolver {
	n := &names{turns: turns, asked: map[string]int{}}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go n.serve(server)
		return client, nil
	}}
}

func (n *names) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return
	}
	query := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, query); err != nil {
		return
	}
	answer := n.answer(query)
	_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
}

// answer repeats the question and says the addresses of its type.
func (n *names) answer(query []byte) []byte {
	label := strings.ToLower(string(query[13 : 13+query[12]]))
	end := 12
	for query[end] != 0 {
		end += 1 + int(query[end])
	}
	kind := binary.BigEndian.Uint16(query[end+1:])
	addresses, code := n.next(label, kind)
	answer := append([]byte{query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, byte(len(addresses)), 0, 0, 0, 0}, query[12:end+5]...)
	for _, ip := range addresses {
		answer = append(answer, 0xc0, 12, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(ip)))
		answer = append(answer, ip...)
	}
	return answer
}

// next counts a turn when addresses of IPv4 are asked for; those of IPv6 are of
// the first turn alone.
func (n *names) next(label string, kind uint16) (addresses [][]byte, code byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	turns, known := n.turns[label]
	switch {
	case !known:
		return nil, noSuchDomain
	case len(turns) == 0:
		return nil, serverFailure
	}
	turn := 0
	if kind == typeA {
		turn = min(n.asked[label], len(turns)-1)
		n.asked[label]++
	}
	for _, text := range turns[turn] {
		if ip := netip.MustParseAddr(text); ip.Is4() && kind == typeA || ip.Is6() && kind == typeAAAA {
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

// everyKind returns a check of each kind at a host, which is the instance's own.
func everyKind(host, port string) []health.Probe {
	return []health.Probe{
		{Kind: health.HTTP, URL: "http://" + net.JoinHostPort(host, port), Method: http.MethodGet, Expect: []health.Range{{First: 200, Last: 299}}, OwnHost: host, Timeout: time.Minute},
		{Kind: health.TCP, Address: net.JoinHostPort(host, port), OwnHost: host, Timeout: time.Minute},
		{Kind: health.GRPC, Address: net.JoinHostPort(host, port), OwnHost: host, Timeout: time.Minute},
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

	t.Run("a name or address that is loopback is Forbidden", func(t *testing.T) {
		t.Parallel()
		p := httpprobe.New(httpprobe.Options{Resolver: knows(map[string][][]string{
			"shop": {{"127.0.0.1"}}, "localhost": {{"127.0.0.1"}}, "six": {{"::1"}},
		})})
		hosts := []string{"shop.example", "127.0.0.1", "localhost", "0.0.0.0", "::ffff:127.0.0.1"}
		if listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv6loopback}); err == nil { // without IPv6 there is nothing to refuse
			require.NoError(t, listener.Close())
			hosts = append(hosts, "six.example", "::1", "::")
		}
		for _, host := range hosts {
			each(t, p, health.Forbidden, host, port)
		}
	})
	t.Run("a name whose every address is refused is Forbidden", func(t *testing.T) {
		t.Parallel()
		p := httpprobe.New(httpprobe.Options{Resolver: knows(map[string][][]string{
			"shop": {{"127.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254", "64:ff9b::7f00:1"}},
		})})
		each(t, p, health.Forbidden, "shop.example", port)
	})
	t.Run("of a name with several addresses one that may be dialled passes", func(t *testing.T) {
		t.Parallel()
		p := httpprobe.New(httpprobe.Options{
			Allow:    []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
			Resolver: knows(map[string][][]string{"shop": {{"169.254.169.254", "127.0.0.1"}}}),
		})
		assert.True(t, p.Probe(t.Context(), everyKind("shop.example", port)[0]).Passed())
	})
	t.Run("a name without an address is Unresolved, as is one that nobody can tell of", func(t *testing.T) {
		t.Parallel()
		p := httpprobe.New(httpprobe.Options{Resolver: knows(map[string][][]string{"empty": {{}}, "broken": {}})})
		for _, host := range []string{"unknown.example", "empty.example", "broken.example"} {
			each(t, p, health.Unresolved, host, port)
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
			assert.Equal(t, health.TimedOut, result.Failed)
			assert.Less(t, result.Latency, time.Minute)
		}
	})
}

func TestRebinding(t *testing.T) {
	t.Parallel()
	for i, kind := range []health.Kind{health.HTTP, health.TCP} {
		t.Run("a name that becomes another address is judged anew at each dial: "+kind.String(), func(t *testing.T) {
			t.Parallel()
			port := listen(t, fine)
			p := httpprobe.New(httpprobe.Options{
				Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
				Resolver: knows(map[string][][]string{
					"shop": {{"127.0.0.1"}, {"127.0.0.2"}, {"169.254.169.254"}, {"10.0.0.1"}, {"127.0.0.1"}},
				}),
			})
			probe := everyKind("shop.example", port)[i]
			probe.OwnHost = "other.example"
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
			Allow: everything(), Own: []string{"database.internal:" + port, "other.internal:1"}, Resolver: knows(own),
		})
	}

	t.Run("what a name of the service's own resolves to is Forbidden on its port", func(t *testing.T) {
		t.Parallel()
		each(t, setup(map[string][][]string{"database": {{"203.0.113.9", "127.0.0.1"}}}), health.Forbidden, "shop.example", port)
	})
	t.Run("it is looked up for each check", func(t *testing.T) {
		t.Parallel()
		p := setup(map[string][][]string{"database": {{"203.0.113.9"}, {"127.0.0.1"}}})
		probe := everyKind("shop.example", port)[0]
		require.True(t, p.Probe(t.Context(), probe).Passed())
		assert.Equal(t, health.Forbidden, p.Probe(t.Context(), probe).Failed)
	})
	t.Run("where it has no address there is nothing to refuse", func(t *testing.T) {
		t.Parallel()
		probe := everyKind("shop.example", port)[0]
		assert.True(t, setup(map[string][][]string{}).Probe(t.Context(), probe).Passed())
	})
	t.Run("where it cannot be looked up nothing is dialled", func(t *testing.T) {
		t.Parallel()
		each(t, setup(map[string][][]string{"database": {}}), health.Unresolved, "shop.example", port)
	})
}
