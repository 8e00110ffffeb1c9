package ginapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/configapi"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// broken is use cases whose reads return the given errors.
type broken struct {
	configapi.Configurations
	act func(context.Context) error
}

func (b broken) Read(ctx context.Context, _ access.Caller, _ configapp.Read) (configapp.View, error) {
	return configapp.View{}, b.act(ctx)
}

func (b broken) List(ctx context.Context, _ access.Caller, _ configapp.List) (configapp.Listing, error) {
	return configapp.Listing{}, b.act(ctx)
}

// acting returns a testServer whose use cases do that.
func acting(tb testing.TB, act func(context.Context) error, change ...func(*ginapi.Options)) *testServer {
	tb.Helper()
	return newTestServer(tb, append(change, func(o *ginapi.Options) { o.Configurations = broken{act: act} })...)
}

func failing(tb testing.TB, err error) *testServer {
	tb.Helper()
	return acting(tb, func(context.Context) error { return err })
}

// reads are a plain handler's path and a typed operation's.
func reads() []string { return []string{"/api/v1/config/k" + inBilling, "/api/v1/config/"} }

func TestKindsOfFailure(t *testing.T) {
	t.Parallel()
	statuses := map[fault.Kind]int{
		fault.Malformed: 400, fault.Invalid: 422, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404,
		fault.Conflict: 409, fault.Gone: 410, fault.Stale: 412, fault.TooLarge: 413, fault.UnsupportedMedia: 415, fault.NotAllowed: 405,
		fault.RateLimited: 429, fault.Unavailable: 503, fault.Internal: 500,
	}
	require.Len(t, statuses, len(fault.Kinds()))
	for _, kind := range fault.Kinds() {
		t.Run(kind.String()+" has its status, and shows message and facts", func(t *testing.T) {
			t.Parallel()
			failure := fault.New(kind, "some_code", "A sentence.").
				WithDetail("hint", 5).WithDetail("status", "not this").WithCause(errors.New("the cause"))
			for _, target := range reads() {
				a := failing(t, fmt.Errorf("while reading: %w", failure)).admin(http.MethodGet, target, "")
				a.requireProblem(statuses[kind], "some_code")
				require.NotContains(t, a.body, "cause")
				if kind == fault.Internal {
					continue
				}
				require.Equal(t, "A sentence.", a.json()["detail"])
				require.InEpsilon(t, 5, a.json()["hint"], 0)
			}
		})
	}

	t.Run("fields are placed where the operation has them", func(t *testing.T) {
		t.Parallel()
		failure := fault.Bad("environment", "a").WithField("key", "b").WithField("body", "c")
		a := failing(t, failure).admin(http.MethodGet, reads()[0], "")
		require.Equal(t, map[string]string{"query.environment": "a", "path.key": "b", "body": "c"}, a.places())
	})
	t.Run("a stale version tells the present one in its tag", func(t *testing.T) {
		t.Parallel()
		for _, target := range reads() {
			a := failing(t, scope.StaleAt(7)).admin(http.MethodGet, target, "")
			require.Equal(t, `"7"`, a.header.Get("ETag"))
			require.Equal(t, "no-store", a.header.Get("Cache-Control"))
		}
	})
	t.Run("what is unavailable says when to come again, and is logged", func(t *testing.T) {
		t.Parallel()
		for _, target := range reads() {
			h := failing(t, fault.ErrUnavailable.WithCause(errNoDatabase))
			a := h.admin(http.MethodGet, target, "")
			require.Equal(t, "1", a.header.Get("Retry-After"))
			require.Len(t, h.logs.FilterMessage("request failed: dependency unavailable").All(), 1)
		}
	})
}

func TestFailuresOfOurs(t *testing.T) {
	t.Parallel()

	t.Run("they show code and request id, and the log shows the rest", func(t *testing.T) {
		t.Parallel()
		for _, target := range reads() {
			h := failing(t, fmt.Errorf("load configuration: %w", errNoDatabase))
			a := h.admin(http.MethodGet, target, "")
			a.requireProblem(http.StatusInternalServerError, "internal_error")
			require.Len(t, a.json(), 5)
			logged := h.logs.FilterMessage("request failed").All()
			require.Len(t, logged, 1)
			require.Equal(t, zapcore.ErrorLevel, logged[0].Level)
			require.Equal(t, a.header.Get("X-Request-Id"), logged[0].ContextMap()["request_id"])
			require.Contains(t, logged[0].ContextMap()["error"], "connection refused")
		}
	})
	t.Run("what cannot be decrypted keeps its code, and the log names it", func(t *testing.T) {
		t.Parallel()
		h := failing(t, ports.ErrDecryptionFailed.WithDetail("id", int64(4)).WithDetail("version", int64(9)))
		a := h.admin(http.MethodGet, reads()[0], "")
		a.requireProblem(http.StatusInternalServerError, "decryption_failed")
		require.Len(t, a.json(), 5)
		logged := h.logs.FilterMessage("request failed").All()
		require.Len(t, logged, 1)
		require.EqualValues(t, 4, logged[0].ContextMap()["id"])
		require.EqualValues(t, 9, logged[0].ContextMap()["version"])
	})
	t.Run("a panic is 500, and logged with the stack and nothing of the request", func(t *testing.T) {
		t.Parallel()
		for _, target := range reads() {
			h := acting(t, func(context.Context) error { panic(errors.New(canary)) })
			a := h.send(http.MethodGet, target, "", with("X-API-Key", adminKey, "X-Canary", canary))
			a.requireProblem(http.StatusInternalServerError, "internal_error")
			logged := h.logs.FilterMessage("request handler panicked").All()
			require.Len(t, logged, 1)
			require.Contains(t, logged[0].ContextMap()["stack"].(string), "problem_test.go")
			require.NotContains(t, fmt.Sprint(logged[0].ContextMap()), "CANARY")
			require.NotContains(t, fmt.Sprint(logged[0].ContextMap()), adminKey)
			require.Len(t, h.logs.FilterMessage("request").All(), 1)
		}
	})
	t.Run("a broken invariant names itself in the log", func(t *testing.T) {
		t.Parallel()
		h := acting(t, func(context.Context) error { panic("a version without an action") })
		h.admin(http.MethodGet, reads()[0], "")
		require.Equal(t, "a version without an action", h.logs.FilterMessage("request handler panicked").All()[0].ContextMap()["panic"])
		h = acting(t, func(context.Context) error { var none []int; _ = none[len(none)]; return nil })
		h.admin(http.MethodGet, reads()[0], "")
		require.Contains(t, h.logs.FilterMessage("request handler panicked").All()[0].ContextMap()["panic"], "index out of range")
	})
	t.Run("an aborted handler stays one", func(t *testing.T) {
		t.Parallel()
		h := acting(t, func(context.Context) error { panic(http.ErrAbortHandler) })
		require.PanicsWithError(t, http.ErrAbortHandler.Error(), func() { h.admin(http.MethodGet, reads()[0], "") })
	})
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	short := func(o *ginapi.Options) { o.RequestTimeout = time.Millisecond }
	wait := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

	t.Run("work that takes too long is 503", func(t *testing.T) {
		t.Parallel()
		for _, target := range reads() {
			a := acting(t, wait, short).admin(http.MethodGet, target, "")
			a.requireProblem(http.StatusServiceUnavailable, "deadline_exceeded")
			require.NotEmpty(t, a.header.Get("Retry-After"))
		}
	})
	t.Run("a use case that says what it waited for is heard", func(t *testing.T) {
		t.Parallel()
		contended := func(ctx context.Context) error { <-ctx.Done(); return fault.ErrContended.WithCause(ctx.Err()) }
		acting(t, contended, short).admin(http.MethodGet, reads()[0], "").requireProblem(503, "contended")
	})
	t.Run("our deadline is no outage of the store", func(t *testing.T) {
		t.Parallel()
		interrupted := func(ctx context.Context) error { <-ctx.Done(); return fault.ErrUnavailable.WithCause(ctx.Err()) }
		acting(t, interrupted, short).admin(http.MethodGet, reads()[0], "").requireProblem(503, "deadline_exceeded")
		away := func(ctx context.Context) error {
			<-ctx.Done()
			return fault.ErrUnavailable.WithCause(fault.ErrUnreached)
		}
		acting(t, away, short).admin(http.MethodGet, reads()[0], "").requireProblem(503, "unavailable")
	})
	t.Run("every call of the API has one", func(t *testing.T) {
		t.Parallel()
		var bounded bool
		h := acting(t, func(ctx context.Context) error { _, bounded = ctx.Deadline(); return configuration.ErrNotFound })
		h.admin(http.MethodGet, reads()[0], "")
		require.True(t, bounded)
	})
	t.Run("a client that has gone is logged as 499 and as no failure", func(t *testing.T) {
		t.Parallel()
		for _, target := range reads() {
			ctx, leave := context.WithCancel(t.Context())
			h := acting(t, func(inner context.Context) error { leave(); <-inner.Done(); return inner.Err() })
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, target, nil)
			r.Header.Set("X-API-Key", adminKey)
			h.serve(r)
			require.Empty(t, h.logs.FilterMessage("request failed").All())
			require.EqualValues(t, 499, h.logs.FilterMessage("request").All()[0].ContextMap()["status"])
		}
	})
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	line := func(t *testing.T, h *testServer) (zapcore.Level, map[string]any) {
		t.Helper()
		lines := h.logs.TakeAll()
		require.Len(t, lines, 1)
		require.Equal(t, "request", lines[0].Message)
		return lines[0].Level, lines[0].ContextMap()
	}

	t.Run("a request is one line with its route's template", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.admin(http.MethodGet, "/api/v1/config/some-key/?environment=production&service_name=svc", "")
		level, fields := line(t, h)
		require.Equal(t, zapcore.InfoLevel, level)
		require.Equal(t, "GET", fields["method"])
		require.Equal(t, "/api/v1/config/{key}", fields["route"])
		require.EqualValues(t, 404, fields["status"])
		require.Equal(t, "adminkey", fields["key_id"])
		require.Equal(t, "made-1", fields["request_id"])
		require.Positive(t, fields["duration"])
		require.Len(t, fields, 6)
	})
	t.Run("successful reads are logged at debug level, all else at info", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.admin(http.MethodGet, "/api/v1/config/", "")
		level, _ := line(t, h)
		require.Equal(t, zapcore.DebugLevel, level)
		h.admin(http.MethodPost, "/api/v1/config/", goodCreate)
		level, fields := line(t, h)
		require.Equal(t, zapcore.InfoLevel, level)
		require.Equal(t, "/api/v1/config/", fields["route"])
	})
	t.Run("what leads nowhere, and methods that are none, are not repeated", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.send("CANARY", "/CANARY?CANARY", "", nil)
		_, fields := line(t, h)
		require.Equal(t, "unmatched", fields["route"])
		require.Equal(t, "other", fields["method"])
		require.NotContains(t, fmt.Sprint(fields), "CANARY")
	})
	t.Run("one request id is on all lines of a request", func(t *testing.T) {
		t.Parallel()
		h := failing(t, errNoDatabase)
		h.admin(http.MethodGet, reads()[0], "")
		require.Len(t, h.logs.All(), 2)
		for _, entry := range h.logs.All() {
			require.Equal(t, "made-1", entry.ContextMap()["request_id"])
		}
	})
}
