package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStop(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			t.Run("a request that runs is finished, others are not begun, and the exit code is 0", func(t *testing.T) {
				p := serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
				body := `{"key":"late","value":"v","environment":"production","service_name":"shop"}`
				r := beginRequest(t, p, adminKey(t), body)
				p.terminate(t)
				p.awaitRefusal(t)
				require.Equal(t, http.StatusCreated, r.finish(t).StatusCode)
				require.Zero(t, p.awaitEnd(t))
				require.Equal(t, "v", serve(t, databaseURL).admin(t).read(t, "late").value())
			})

			t.Run("under load, what was acknowledged is there, and the exit code is 0", func(t *testing.T) {
				p := serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
				l := &ledger{acknowledged: map[revision]string{}}
				l.shared = p.admin(t).create(t, "shared", "first")
				l.writeUntil(t, p, 200, "load", p.terminate)
				require.Zero(t, p.awaitEnd(t), "%s", p.log)
				require.NotContains(t, p.log.String(), `"level":"error"`)
				found := look(t, databaseURL)
				found.requireWhole(t)
				l.requireKept(t, found)
			})
		})
	}

	t.Run("a stop that takes too long ends after SHUTDOWN_TIMEOUT, and not with 0", func(t *testing.T) {
		t.Parallel()
		p := serve(t, freshSQLite(t), "BOOTSTRAP_ADMIN_KEY="+adminKey(t), "SHUTDOWN_TIMEOUT=200ms")
		beginRequest(t, p, adminKey(t), "{}")
		p.terminate(t)
		require.Equal(t, 1, p.awaitEnd(t))
	})
}

// halfRequest is a creation whose head was read and whose body is to come.
type halfRequest struct {
	conn net.Conn
	in   *bufio.Reader
	rest string
}

// beginRequest sends a creation but for its body, and returns when the service is
// at work on it: it then asks for the body.
func beginRequest(t *testing.T, p *process, key, body string) *halfRequest {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = fmt.Fprintf(conn, "POST /api/v1/config/ HTTP/1.1\r\nHost: e2e\r\nAuthorization: ApiKey %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", key, len(body))
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "100 Continue")
	_, err = in.ReadString('\n')
	require.NoError(t, err)
	return &halfRequest{conn: conn, in: in, rest: body}
}

// finish sends the body and returns the answer.
func (r *halfRequest) finish(t *testing.T) *http.Response {
	t.Helper()
	_, err := io.WriteString(r.conn, r.rest)
	require.NoError(t, err)
	response, err := http.ReadResponse(r.in, nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response
}

// awaitRefusal waits until the service takes no connection any more.
func (p *process) awaitRefusal(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.url, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, patience, 5*time.Millisecond)
}
