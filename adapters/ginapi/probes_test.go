package ginapi_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestHealth(t *testing.T) {
	t.Parallel()

	t.Run("with a database it is healthy", func(t *testing.T) {
		t.Parallel()
		a := newTestServer(t).send(http.MethodGet, "/health", "", as(readerKey))
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, map[string]any{
			"status": "healthy", "service": "config-service", "version": "1.2.3", "database": "healthy",
			"redis": "disabled", "kafka": "disabled", "timestamp": "2026-01-31T12:00:02.000000Z",
			"feed": map[string]any{
				"epoch": "", "revision": 0.0, "published": 0.0, "pending": 0.0, "oldest_age_seconds": 0.0, "parked": 0.0,
			},
		}, a.json())
	})
	t.Run("without one it is unhealthy and 503", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t, func(o *ginapi.Options) { o.Database = pinger{errNoDatabase} })
		a := h.send(http.MethodGet, "/health", "", as(readerKey))
		require.Equal(t, http.StatusServiceUnavailable, a.status)
		require.Equal(t, "unhealthy", a.json()["status"])
		require.Equal(t, "unhealthy", a.json()["database"])
		require.NotContains(t, a.body, "refused")
	})
	t.Run("what waits to be published is reported, and is degraded when it waits for long", func(t *testing.T) {
		t.Parallel()
		status := relay.Status{
			Epoch: "0123456789abcdef", Head: 9, Published: 7, OldestAge: 4 * time.Second,
			Topics: []relay.TopicStatus{{Pending: 2}, {}},
		}
		reported := &relaying{status: status}
		h := newTestServer(t, func(o *ginapi.Options) { o.Relay, o.Kafka = reported, pinger{} })
		a := h.send(http.MethodGet, "/health", "", as(readerKey))
		require.Equal(t, map[string]any{
			"epoch": "0123456789abcdef", "revision": 9.0, "published": 7.0, "pending": 2.0,
			"oldest_age_seconds": 4.0, "parked": 0.0,
		}, a.json()["feed"])
		require.Equal(t, "healthy, Kafka healthy", health(a))
		reported.status.OldestAge = 6 * time.Second
		require.Equal(t, "degraded, Kafka degraded", health(h.send(http.MethodGet, "/health", "", as(readerKey))))
		reported.status.OldestAge, reported.status.Parked = 0, 1
		require.Equal(t, "degraded, Kafka degraded", health(h.send(http.MethodGet, "/health", "", as(readerKey))))
	})
	t.Run("a condition is named, and is degraded", func(t *testing.T) {
		t.Parallel()
		condition := ports.Condition{Name: "damaged_rows", Message: "A row cannot be read.", Count: 2}
		h := newTestServer(t, func(o *ginapi.Options) {
			o.Conditions = []ports.Conditions{func() []ports.Condition { return []ports.Condition{condition} }}
		})
		a := h.send(http.MethodGet, "/health", "", as(readerKey))
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, "degraded", a.json()["status"])
		require.Equal(t, []any{
			map[string]any{"name": "damaged_rows", "message": "A row cannot be read.", "count": 2.0},
		}, a.json()["conditions"])
	})
	t.Run("without Kafka it is degraded", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t, func(o *ginapi.Options) { o.Kafka = pinger{errNoDatabase} })
		a := h.send(http.MethodGet, "/health", "", as(readerKey))
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, "degraded, Kafka unhealthy", health(a))
	})
	t.Run("without a database nothing is reported of the feed", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t, func(o *ginapi.Options) {
			o.Database, o.Relay = pinger{errNoDatabase}, &relaying{err: errNoDatabase}
		})
		require.NotContains(t, h.send(http.MethodGet, "/health", "", as(readerKey)).json(), "feed")
	})
	t.Run("a condition degrades its part", func(t *testing.T) {
		t.Parallel()
		condition := ports.Condition{Name: "database_writes_failing", Message: "Writes fail.", Part: "database"}
		h := newTestServer(t, func(o *ginapi.Options) {
			o.Conditions = []ports.Conditions{func() []ports.Condition { return []ports.Condition{condition} }}
		})
		a := h.send(http.MethodGet, "/health", "", nil)
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, "degraded", a.json()["status"])
		require.Equal(t, "degraded", a.json()["database"])
	})
	t.Run("a caller without a key, with a wrong one, or with an evaluator's gets no details", func(t *testing.T) {
		t.Parallel()
		condition := ports.Condition{Name: "damaged_rows", Message: "A row cannot be read."}
		h := newTestServer(t, func(o *ginapi.Options) {
			o.Conditions = []ports.Conditions{func() []ports.Condition { return []ports.Condition{condition} }}
		})
		for _, headers := range []http.Header{nil, as("no-key"), as(evaluatorKey)} {
			a := h.send(http.MethodGet, "/health", "", headers)
			require.Equal(t, http.StatusOK, a.status)
			require.Equal(t, "degraded", a.json()["status"])
			require.NotContains(t, a.json(), "conditions")
			require.NotContains(t, a.json(), "feed")
		}
		for _, key := range []string{readerKey, adminKey} {
			require.Contains(t, h.send(http.MethodGet, "/health", "", as(key)).json(), "conditions")
		}
	})
	t.Run("the stores are pinged once a second, however many callers there are", func(t *testing.T) {
		t.Parallel()
		clock := fixture.NewClock()
		pings := &countingPinger{}
		h := newTestServer(t, func(o *ginapi.Options) { o.Clock, o.Database = clock, pings })
		for range 10 {
			require.Equal(t, http.StatusOK, h.send(http.MethodGet, "/health", "", nil).status)
		}
		require.Equal(t, int64(1), pings.count.Load())
		clock.Move(time.Second)
		h.send(http.MethodGet, "/health", "", nil)
		require.Equal(t, int64(2), pings.count.Load())
	})
}

// countingPinger counts its pings.
type countingPinger struct{ count atomic.Int64 }

func (p *countingPinger) Ping(context.Context) error {
	p.count.Add(1)
	return nil
}

// health returns the states of the service and of Kafka.
func health(a answer) string { return fmt.Sprint(a.json()["status"], ", Kafka ", a.json()["kafka"]) }

func TestProbes(t *testing.T) {
	t.Parallel()

	t.Run("the process is alive always, also without a database", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t, func(o *ginapi.Options) { o.Database = pinger{errNoDatabase} })
		require.Equal(t, http.StatusOK, h.send(http.MethodGet, "/livez", "", nil).status)
	})
	t.Run("it is ready from when it is said to be until it is said not to be", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t, func(o *ginapi.Options) { o.Database = pinger{errNoDatabase} })
		ask := func() answer { return h.send(http.MethodGet, "/readyz", "", nil) }
		ask().requireProblem(http.StatusServiceUnavailable, "not_ready")
		h.api.SetReady(true)
		require.Equal(t, http.StatusOK, ask().status)
		h.api.SetReady(false)
		ask().requireProblem(http.StatusServiceUnavailable, "not_ready")
	})
	t.Run("the index tells where to go on, and what it names is there", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		a := h.send(http.MethodGet, "/", "", nil)
		require.Equal(t, "config-service", a.json()["service"])
		require.Equal(t, "1.2.3", a.json()["version"])
		for _, link := range []string{"docs", "openapi", "health"} {
			target := a.json()[link].(string)
			require.Equal(t, http.StatusOK, h.send(http.MethodGet, target, "", nil).status, target)
		}
	})
}

func TestDocs(t *testing.T) {
	t.Parallel()

	t.Run("the page and all its parts come from this server", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		for _, path := range []string{"/docs", "/docs/"} {
			a := h.send(http.MethodGet, path, "", nil)
			require.Equal(t, http.StatusOK, a.status)
			require.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"))
			require.NotContains(t, a.body, "//", "an address elsewhere")
			parts := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(a.body, -1)
			require.Len(t, parts, 4)
			for _, part := range parts {
				require.Equal(t, http.StatusOK, h.send(http.MethodGet, part[1], "", nil).status, part[1])
			}
		}
	})
	t.Run("nothing but this server may be used by it, and no script stands in it", func(t *testing.T) {
		t.Parallel()
		a := newTestServer(t).send(http.MethodGet, "/docs", "", nil)
		require.Contains(t, a.header.Get("Content-Security-Policy"), "script-src 'self';")
		require.NotContains(t, a.body, "<script>")
	})
	t.Run("a part is compressed for clients that accept it, and plain for others", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		plain := h.send(http.MethodGet, "/docs/swagger-ui-bundle.js", "", nil)
		require.Contains(t, plain.body, "SwaggerUIBundle")
		require.Contains(t, plain.header.Get("Content-Type"), "javascript")
		packed := h.send(http.MethodGet, "/docs/swagger-ui-bundle.js", "", with("Accept-Encoding", "gzip, br"))
		require.Equal(t, "gzip", packed.header.Get("Content-Encoding"))
		r, err := gzip.NewReader(strings.NewReader(packed.body))
		require.NoError(t, err)
		unpacked, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, plain.body, string(unpacked))
	})
}
