package ginapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
)

func TestServer(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (*testServer, *httptest.Server) {
		t.Helper()
		h := newTestServer(t)
		h.create("k", "v", false)
		server := httptest.NewUnstartedServer(nil)
		server.Config = ginapi.NewServer("", h.api.Handler())
		server.Start()
		t.Cleanup(server.Close)
		return h, server
	}
	// raw sends bytes as they are and returns the response to them.
	raw := func(t *testing.T, server *httptest.Server, request string) *http.Response {
		t.Helper()
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		// The server may answer and close before it has been sent everything.
		go func() { _, _ = io.WriteString(conn, request) }()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	body := func(t *testing.T, r *http.Response) string {
		t.Helper()
		b, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		return string(b)
	}
	post := "POST /api/v1/config/ HTTP/1.1\r\nHost: x\r\nX-API-Key: " + adminKey + "\r\nContent-Type: application/json\r\n"

	t.Run("its bounds are those that were agreed", func(t *testing.T) {
		t.Parallel()
		s := ginapi.NewServer("127.0.0.1:1", http.NotFoundHandler())
		require.Equal(t, "127.0.0.1:1", s.Addr)
		require.Equal(t, 5*time.Second, s.ReadHeaderTimeout)
		require.Equal(t, 15*time.Second, s.ReadTimeout)
		require.Equal(t, 30*time.Second, s.WriteTimeout)
		require.Equal(t, 75*time.Second, s.IdleTimeout)
		require.Equal(t, 16<<10, s.MaxHeaderBytes)
	})
	t.Run("HEAD answers as GET does, without a body", func(t *testing.T) {
		t.Parallel()
		_, server := setup(t)
		for _, path := range []string{"/health", "/api/v1/config", "/api/v1/config/k" + inBilling, "/docs", "/openapi.json"} {
			var lengths []int64
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
				require.NoError(t, err)
				r.Header.Set("X-API-Key", adminKey)
				response, err := server.Client().Do(r)
				require.NoError(t, err)
				got := body(t, response)
				require.Equal(t, http.StatusOK, response.StatusCode, path)
				require.Equal(t, method == http.MethodHead, got == "", path)
				lengths = append(lengths, response.ContentLength)
			}
			if lengths[0] >= 0 && lengths[1] >= 0 {
				require.Equal(t, lengths[0], lengths[1], path)
			}
		}
	})
	t.Run("a body over 1 MiB is 413, announced or in chunks", func(t *testing.T) {
		t.Parallel()
		h, server := setup(t)
		big := `{"value":"` + strings.Repeat("x", 1<<20) + `"}`
		for _, request := range []string{
			post + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(big), big),
			post + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(big), big),
		} {
			response := raw(t, server, request)
			require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
			require.Contains(t, body(t, response), `"code":"body_too_large"`)
			require.True(t, response.Close)
		}
		require.Len(t, h.store.Outbox(), 1)
	})
	t.Run("a length that says too little cuts the JSON off: 400", func(t *testing.T) {
		t.Parallel()
		_, server := setup(t)
		response := raw(t, server, post+"Content-Length: 10\r\n\r\n"+goodCreate)
		require.Equal(t, http.StatusBadRequest, response.StatusCode)
		require.Contains(t, body(t, response), `"code":"malformed_json"`)
	})
	t.Run("chunks that are none are 400", func(t *testing.T) {
		t.Parallel()
		_, server := setup(t)
		response := raw(t, server, post+"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n")
		require.Equal(t, http.StatusBadRequest, response.StatusCode)
		require.Contains(t, body(t, response), `"code":"body_incomplete"`)
	})
	t.Run("headers far over 16 KiB are refused", func(t *testing.T) {
		t.Parallel()
		_, server := setup(t)
		response := raw(t, server, "GET /livez HTTP/1.1\r\nHost: x\r\nX-Big: "+strings.Repeat("x", 32<<10)+"\r\n\r\n")
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, response.StatusCode)
	})
	t.Run("304 and 204 have no body", func(t *testing.T) {
		t.Parallel()
		_, server := setup(t)
		head := " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: " + adminKey + "\r\n"
		response := raw(t, server, "GET /api/v1/config/k"+inBilling+head+"If-None-Match: \"1\"\r\n\r\n")
		require.Equal(t, http.StatusNotModified, response.StatusCode)
		require.Empty(t, body(t, response))
		response = raw(t, server, "DELETE /api/v1/config/1"+head+"\r\n")
		require.Equal(t, http.StatusNoContent, response.StatusCode)
		require.Empty(t, body(t, response))
	})
}
