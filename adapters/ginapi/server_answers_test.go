package ginapi_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
)

// TestAnswersOfTheServer observes what docs/errors.md says about requests that net/http
// answers itself.
func TestAnswersOfTheServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	server.Config = ginapi.NewServer("", newTestServer(t).api.Handler())
	server.Listener = rest.Listener(server.Listener)
	server.Start()
	t.Cleanup(server.Close)
	rows := []struct {
		name, request string
		status        int
	}{
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"several hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		{"no HTTP", "\x16\x03\x01\r\n\r\n", 400},
		{"a malformed header", "GET / HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n", 400},
		{"a malformed path", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"a malformed path of an operation", "GET /api/v1/access/keys/%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"a truncated escape", "GET /api/v1/config/a%2 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"several lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
		{"an expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 1\r\n\r\na", 417},
		{"long headers", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 32<<10) + "\r\n\r\n", 431},
		{"a transfer coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
		{"another version", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
			_, err = conn.Write([]byte(row.request))
			require.NoError(t, err)
			a, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			defer func() { _ = a.Body.Close() }()
			require.Equal(t, row.status, a.StatusCode)
			require.True(t, a.Close)
			body, err := io.ReadAll(a.Body)
			require.NoError(t, err)
			if row.status != http.StatusBadRequest {
				require.NotContains(t, a.Header.Get("Content-Type"), "json")
				return
			}
			require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
			require.Contains(t, string(body), `"code":"malformed_request"`)
		})
	}
}
