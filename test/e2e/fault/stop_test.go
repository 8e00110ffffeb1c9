package fault_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

func TestStop(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			t.Run("in-flight requests are finished, others are refused, and the exit code is 0", func(t *testing.T) {
				p := e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
				body := `{"key":"late","value":"v","environment":"production","service_name":"shop"}`
				r := beginRequest(t, p, e2etest.AdminKey(t), body)
				p.Terminate(t)
				p.AwaitRefusal(t)
				require.Equal(t, http.StatusCreated, r.finish(t).StatusCode)
				require.Zero(t, p.AwaitExit(t))
				require.Equal(t, "v", e2etest.Serve(t, databaseURL).Admin(t).Read(t, "late").ShownValue())
			})

			t.Run("under load, acknowledged writes are stored, and the exit code is 0", func(t *testing.T) {
				p := e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
				l := &ledger{acknowledged: map[revision]string{}}
				l.shared = p.Admin(t).Create(t, "shared", "first")
				l.writeUntil(t, p, 200, "load", p.Terminate)
				require.Zero(t, p.AwaitExit(t), "%s", p.Log)
				require.NotContains(t, p.Log.String(), `"level":"error"`)
				found := readSnapshot(t, databaseURL)
				found.requireComplete(t)
				l.requireKept(t, found)
			})
		})
	}

	t.Run("a stop that takes too long ends after SHUTDOWN_TIMEOUT with an exit code other than 0", func(t *testing.T) {
		t.Parallel()
		p := e2etest.Serve(t, e2etest.NewSQLite(t), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t), "SHUTDOWN_TIMEOUT=200ms")
		beginRequest(t, p, e2etest.AdminKey(t), "{}")
		p.Terminate(t)
		require.Equal(t, 1, p.AwaitExit(t))
	})
}

// TestFaultStop stops a service under load: no request fails, and no write is lost.
func TestFaultStop(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			k := e2etest.NewKafka(harness.FakeKafka(t).ListenAddrs())
			environ := append(k.Environ(), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
			p := e2etest.Serve(t, databaseURL, environ...)
			p.Admin(t).CreateID(t, "k", "v")
			const clients = 32
			var acknowledged, read atomic.Int64
			failures := make(chan string, clients)
			var running sync.WaitGroup
			for n := range clients {
				running.Go(func() { failures <- useUntilClosed(p, e2etest.AdminKey(t), n, &acknowledged, &read) })
			}
			require.Eventually(t, func() bool { return acknowledged.Load() > 300 && read.Load() > 300 }, e2etest.Timeout, e2etest.PollInterval)
			p.Terminate(t)
			running.Wait()
			close(failures)
			for failure := range failures {
				assert.Empty(t, failure)
			}
			require.Zero(t, p.AwaitExit(t), "%s", p.Log)
			require.NotContains(t, p.Log.String(), `"level":"error"`)

			next := e2etest.Serve(t, databaseURL, environ...)
			next.Admin(t).AwaitPublished(t, 1+acknowledged.Load())
			found := readSnapshot(t, databaseURL)
			found.requireComplete(t)
			require.Len(t, found.values, 1+int(acknowledged.Load()))
			requirePublished(t, k, found)
			t.Logf("%d writes and %d reads, none failed", acknowledged.Load(), read.Load())
		})
	}
}

// TestFaultStopLeavesNothing stops a service in this process that writes, reads, publishes
// and is watched. No goroutine is left. It runs before the parallel tests.
func TestFaultStopLeavesNothing(t *testing.T) {
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			k := e2etest.NewKafka(harness.FakeKafka(t).ListenAddrs())
			environ := append(k.Environ(), e2etest.NewRedis(t).Environ(t)...)
			databaseURL := store.New(t)
			http.DefaultTransport.(*http.Transport).CloseIdleConnections()
			before := goleak.IgnoreCurrent()

			s, stop := e2etest.Run(t, databaseURL, environ...)
			c := s.Admin(t)
			c.Post(t, "/api/v1/feature-flags", e2etest.Object{"name": "f", "environment": "production", "is_enabled": true}).
				Want(t, http.StatusCreated)
			c.RegisterInstance(t, "shop", "i")
			ctx, leave := context.WithCancel(t.Context())
			var watching sync.WaitGroup
			watcher := &follower{}
			watching.Go(func() { watcher.follow(ctx, func() string { return s.URL }, c.Key) })
			for n := range 20 {
				c.CreateID(t, fmt.Sprint("k", n), "v")
				require.True(t, evaluates(t, c))
			}
			c.AwaitPublished(t, 20)
			require.Eventually(t, func() bool { seen, _ := watcher.seen(); return seen > 20 }, e2etest.Timeout, e2etest.PollInterval)
			stop()
			leave()
			watching.Wait()
			http.DefaultTransport.(*http.Transport).CloseIdleConnections()
			// The ticker of Sarama's metrics belongs to the process and never ends.
			goleak.VerifyNone(t, before, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
		})
	}
}

// useUntilClosed writes and reads over one connection until a response carries
// "Connection: close", and returns what failed.
func useUntilClosed(p *e2etest.Process, key string, n int, acknowledged, read *atomic.Int64) string {
	own := &http.Transport{}
	defer own.CloseIdleConnections()
	for i := 0; ; i++ {
		method, path, body := http.MethodGet, "/api/v1/config/k?environment=production&service_name=shop", ""
		if i%2 == 0 {
			method, path = http.MethodPost, "/api/v1/config/"
			body = fmt.Sprintf(`{"key":"k%d.%d","value":"v","environment":"production","service_name":"shop"}`, n, i)
		}
		request, err := http.NewRequestWithContext(context.Background(), method, p.URL+path, strings.NewReader(body))
		if err != nil {
			return err.Error()
		}
		request.Header.Set("Authorization", "ApiKey "+key)
		request.Header.Set("Content-Type", "application/json")
		response, err := own.RoundTrip(request)
		if err != nil {
			return err.Error()
		}
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		switch {
		case err != nil:
			return err.Error()
		case method == http.MethodPost && response.StatusCode == http.StatusCreated:
			acknowledged.Add(1)
		case method == http.MethodGet && response.StatusCode == http.StatusOK:
			read.Add(1)
		default:
			return method + " got status " + response.Status
		}
		if response.Close {
			return ""
		}
	}
}

// halfRequest is a create request whose body is not sent yet.
type halfRequest struct {
	conn net.Conn
	in   *bufio.Reader
	rest string
}

// beginRequest sends a create request without its body, and returns when the service
// processes it, which it shows by 100 Continue.
func beginRequest(t *testing.T, p *e2etest.Process, key, body string) *halfRequest {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.URL, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(e2etest.Timeout)))
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

// finish sends the body and returns the response.
func (r *halfRequest) finish(t *testing.T) *http.Response {
	t.Helper()
	_, err := io.WriteString(r.conn, r.rest)
	require.NoError(t, err)
	response, err := http.ReadResponse(r.in, nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response
}
