package contract

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

const (
	patience = time.Minute           // the timeout of checks that do not use it up
	soon     = 50 * time.Millisecond // the timeout of checks that do
	bodyRead = 64 << 10              // how much of a body a check reads
)

// Prober tests a prober against health.Prober. It must be allowed to dial loopback, where
// the suite listens.
func Prober(t *testing.T, fresh func(*testing.T) health.Prober) {
	t.Helper()
	run(t, proberSuite(), fresh, nil)
}

func proberSuite() []behaviour[health.Prober] {
	return []behaviour[health.Prober]{
		{"HTTP: an expected status passes, and is shown with how long it took", probeStatus},
		{"HTTP: another status is WrongStatus, and is shown", probeWrongStatus},
		{"HTTP: a redirect is a status as any other, and is not followed", probeRedirect},
		{"HTTP: method and headers are sent as they are, and no others of a browser's", probeHeaders},
		{"HTTP: a text is searched in the first 64 KiB of the body", probeContains},
		{"HTTP: an endless body ends after 64 KiB", probeEndless},
		{"HTTP: endless headers are Garbled", probeEndlessHeaders},
		{"HTTP: endless interim responses do not pass", probeEndlessInterim},
		{"HTTP: endless trailers end with the connection", probeEndlessTrailers},
		{"HTTP: a compressed body is searched as it is", probeCompressed},
		{"HTTP: headers that drip are TimedOut", probeDrippingHeaders},
		{"HTTP: a body that ends too early is Garbled", probeCutBody},
		{"HTTP: a self-signed certificate is Untrusted, as is a server without TLS", probeUntrusted},
		{"HTTP: a response that is not HTTP is Garbled", func(t *testing.T, p health.Prober) {
			probes(t, p, health.Garbled, getting("http://"+talking(t, "hello\r\n\r\n")))
		}},
		{"TCP: a connection passes", func(t *testing.T, p health.Prober) {
			probes(t, p, 0, connecting(talking(t, "")))
		}},
		{"GRPC: SERVING passes, of the server and of a service", probeServing},
		{"GRPC: NOT_SERVING and an unknown service are WrongStatus", probeNotServing},
		{"GRPC: a server without the health service is WrongStatus", probeUnimplemented},
		{"GRPC: a message of more than 64 KiB does not pass", probeLargeMessage},
		{"GRPC: a response that is not gRPC is Garbled", func(t *testing.T, p health.Prober) {
			probes(t, p, health.Garbled, asking(talking(t, "HTTP/1.1 200 OK\r\n\r\n"), ""))
		}},
		{"a port on which nothing listens is Refused", probeRefused},
		{"a result names the address that was dialled", probeDialled},
		{"a connection that is reset is Refused", probeReset},
		{"no answer within the timeout is TimedOut, and lasts no longer", probeTimeout},
		{"a ctx that has ended is TimedOut, and so is one that ends meanwhile", probeEndedContext},
		{"a probe of no kind, or of nothing, does not pass", probeNothing},
	}
}

func getting(target string) health.Probe {
	return health.Probe{
		Kind: health.HTTP, URL: target, Host: hostOf(target), Method: http.MethodGet, Expect: []health.Range{{First: 200, Last: 299}},
		Timeout: patience,
	}
}

// hostOf returns the host of a URL, "" for an invalid one.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func connecting(address string) health.Probe {
	return health.Probe{Kind: health.TCP, Address: address, Host: hostOf("//" + address), Timeout: patience}
}

func asking(address, service string) health.Probe {
	return health.Probe{Kind: health.GRPC, Address: address, Host: hostOf("//" + address), Service: service, Timeout: patience}
}

// probes makes a check and asserts how it ends.
func probes(t *testing.T, p health.Prober, want health.Class, probe health.Probe) health.Result {
	t.Helper()
	result := p.Probe(t.Context(), probe)
	assert.Equal(t, want.String(), result.Failed.String(), "%s %s%s", probe.Kind, probe.URL, probe.Address)
	return result
}

// answering returns the URL of a server.
func answering(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

// talking returns the address of a server that answers every connection with one text.
func talking(t *testing.T, text string) string {
	t.Helper()
	return listening(t, func(conn *net.TCPConn) {
		_, _ = conn.Read(make([]byte, 1))
		_, _ = io.WriteString(conn, text)
		_ = conn.CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	})
}

// listening returns the address of a server that treats one connection after
// another, and closes them.
func listening(t *testing.T, treat func(*net.TCPConn)) string {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			treat(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-ended
	})
	return listener.Addr().String()
}

// abandoned returns an address on which nothing listens any more.
func abandoned(t *testing.T) string {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func probeRefused(t *testing.T, p health.Prober) {
	address := abandoned(t)
	probes(t, p, health.Refused, connecting(address))
	probes(t, p, health.Refused, asking(address, ""))
	result := probes(t, p, health.Refused, getting("http://"+address))
	assert.Zero(t, result.Code)
}

func probeDialled(t *testing.T, p health.Prober) {
	for _, probe := range []health.Probe{
		getting(answering(t, replying(http.StatusOK))), connecting(talking(t, "")), connecting(abandoned(t)),
	} {
		assert.Equal(t, netip.MustParseAddr("127.0.0.1"), p.Probe(t.Context(), probe).Dialled)
	}
}

func probeReset(t *testing.T, p health.Prober) {
	address := listening(t, func(conn *net.TCPConn) {
		_, _ = conn.Read(make([]byte, 1))
		_ = conn.SetLinger(0) // the close sends a reset
	})
	probes(t, p, health.Refused, getting("http://"+address))
	probes(t, p, health.Refused, asking(address, ""))
}

// silent returns the address of a server that accepts and sends nothing until the test
// ends or the client closes.
func silent(t *testing.T) string {
	t.Helper()
	return listening(t, func(conn *net.TCPConn) { _, _ = io.Copy(io.Discard, conn) })
}

func probeTimeout(t *testing.T, p health.Prober) {
	for _, probe := range []health.Probe{
		getting("http://" + silent(t)), getting("https://" + silent(t)), asking(silent(t), ""), getting(answering(t, drip)),
	} {
		probe.Timeout = soon
		result := probes(t, p, health.TimedOut, probe)
		assert.GreaterOrEqual(t, result.Latency, soon)
		assert.Less(t, result.Latency, patience)
	}
}

// drip begins an answer and does not end it.
func drip(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "begun")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

func probeEndedContext(t *testing.T, p health.Prober) {
	ended := endedContext(t)
	address := silent(t)
	for _, probe := range []health.Probe{getting("http://" + address), connecting(address), asking(address, "")} {
		assert.Equal(t, health.TimedOut, p.Probe(ended, probe).Failed, probe.Kind)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	requested := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	assert.Equal(t, health.TimedOut, p.Probe(ctx, getting(requested)).Failed)
}

func probeNothing(t *testing.T, p health.Prober) {
	for _, probe := range []health.Probe{
		{},
		{Timeout: patience},
		getting(""), getting("://"), connecting(""), connecting("localhost"), connecting("localhost:99999"),
		asking("", ""), asking(strings.Repeat(":", 100), ""),
	} {
		assert.NotZero(t, p.Probe(t.Context(), probe).Failed)
	}
}
