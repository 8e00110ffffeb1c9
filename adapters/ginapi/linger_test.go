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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
)

// lingerDeadline is for how long a test waits for an answer.
const lingerDeadline = 30 * time.Second

func serving(tb testing.TB) *httptest.Server {
	tb.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config = ginapi.NewServer("", registryServer(tb).api.Handler())
	server.Start()
	tb.Cleanup(server.Close)
	return server
}

// refusal is a request whose body is not read to its end.
type refusal struct {
	method, path, key, mediaType string
	status                       int
	code                         string
}

func refusals() map[string]refusal {
	const plain = "application/json"
	return map[string]refusal{
		"too large":        {http.MethodPost, "/api/v1/config/", adminKey, plain, 413, "body_too_large"},
		"too large a beat": {http.MethodPut, beatPath, adminKey, plain, 413, "body_too_large"},
		"unknown key":      {http.MethodPost, "/api/v1/config/", "nobody", plain, 401, "api_key_invalid"},
		"powerless key":    {http.MethodPost, "/api/v1/feature-flags/", readerKey, plain, 403, "forbidden"},
		"no route":         {http.MethodPost, "/nothing", adminKey, plain, 404, "not_found"},
		"another method":   {http.MethodPatch, "/api/v1/config/", adminKey, plain, 405, "method_not_allowed"},
		"another media":    {http.MethodPost, "/api/v1/config/", adminKey, "text/plain", 415, "unsupported_media_type"},
	}
}

func (r refusal) head(more string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: %s\r\n%s\r\n",
		r.method, r.path, r.key, r.mediaType, more)
}

// sendThenRead sends all of a request before it reads any of the answer, as most
// clients do.
func sendThenRead(tb testing.TB, server *httptest.Server, parts ...string) (*http.Response, string) {
	tb.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(tb.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(tb, err)
	defer func() { _ = conn.Close() }()
	require.NoError(tb, conn.SetDeadline(time.Now().Add(lingerDeadline)))
	for _, part := range parts {
		_, err = io.WriteString(conn, part)
		require.NoError(tb, err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(tb, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(tb, err)
	return response, string(body)
}

func TestTheRefusalOfALargeBodyCanBeRead(t *testing.T) {
	t.Parallel()
	const mebibyte = 1 << 20
	server := serving(t)
	for name, r := range refusals() {
		for _, size := range []int{2 * mebibyte, 8 * mebibyte, 12 * mebibyte} {
			t.Run(fmt.Sprint(name, size/mebibyte), func(t *testing.T) {
				t.Parallel()
				body := strings.Repeat("x", size)
				for range 2 {
					response, got := sendThenRead(t, server, r.head(fmt.Sprint("Content-Length: ", size, "\r\n")), body)
					require.Equal(t, r.status, response.StatusCode)
					require.Contains(t, got, r.code)
					response, got = sendThenRead(t, server, r.head("Transfer-Encoding: chunked\r\n"),
						fmt.Sprintf("%x\r\n", size), body, "\r\n0\r\n\r\n")
					require.Equal(t, r.status, response.StatusCode)
					require.Contains(t, got, r.code)
				}
			})
		}
	}
}

func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	server := serving(t)
	for name, r := range refusals() {
		if strings.HasPrefix(name, "too large") {
			continue
		}
		// The body is announced and never comes.
		for _, more := range []string{"Transfer-Encoding: chunked\r\n", "Content-Length: 5000000\r\n"} {
			response, body := sendThenRead(t, server, r.head(more))
			assert.Equal(t, r.status, response.StatusCode, name)
			assert.True(t, response.Close, name)
			assert.Contains(t, body, r.code)
		}
	}
}

func TestABodyThatIsAnnouncedIsRefusedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	server := serving(t)
	for name, r := range refusals() {
		more := "Expect: 100-continue\r\nContent-Length: 8388608\r\n"
		if name == "too large a beat" {
			more = "Expect: 100-continue\r\nContent-Length: 5000\r\n"
		}
		response, body := sendThenRead(t, server, r.head(more))
		assert.Equal(t, r.status, response.StatusCode, name) // no 100 comes before it
		assert.Contains(t, body, r.code)
		assert.True(t, response.Close, name)
	}
}

func TestWhatIsReadAfterARefusalIsBounded(t *testing.T) {
	t.Parallel()
	server := serving(t)
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(lingerDeadline)))
	_, err = io.WriteString(conn, refusals()["no route"].head("Content-Length: 1000000000000\r\n"))
	require.NoError(t, err)
	sent, chunk := 0, []byte(strings.Repeat("x", 64<<10))
	for err == nil {
		var n int
		n, err = conn.Write(chunk)
		sent += n
	}
	require.NotErrorIs(t, err, net.ErrClosed)
	assert.Less(t, sent, 64<<20, "the connection is cut after 16 MiB, and what its buffers hold")
}
