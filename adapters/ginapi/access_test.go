package ginapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *testServer {
		t.Helper()
		h := newTestServer(t)
		h.create("plain", "v", false)
		h.create("secret", "canary", true)
		return h
	}
	list := func(h *testServer, headers http.Header) answer {
		return h.send(http.MethodGet, "/api/v1/config/", "", headers)
	}

	t.Run("each form of a key opens", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		for _, headers := range []http.Header{
			with("Authorization", "ApiKey "+readerKey), with("Authorization", "Bearer "+readerKey),
			with("Authorization", "apikey   "+readerKey+" "), with("Authorization", "BEARER "+readerKey),
			with("X-API-Key", readerKey), with("x-api-key", readerKey, "Authorization", "Bearer "+readerKey),
		} {
			require.Equal(t, http.StatusOK, list(h, headers).status, headers)
		}
	})
	t.Run("no key is 401 with both challenges", func(t *testing.T) {
		t.Parallel()
		a := list(setup(t), nil)
		a.requireProblem(http.StatusUnauthorized, "api_key_required")
		require.Equal(t, []string{`ApiKey realm="signalbox"`, `Bearer realm="signalbox"`}, a.header["Www-Authenticate"])
	})
	t.Run("a wrong key, another scheme or two keys are 401", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.access.anonymous = nil
		for _, headers := range []http.Header{
			as("wrong"), with("Authorization", readerKey), with("Authorization", "Basic "+readerKey),
			with("Authorization", "Bearer"), with("Authorization", ""), with("X-API-Key", ""),
			with("Authorization", "Bearer "+readerKey, "X-API-Key", adminKey),
			with("X-API-Key", readerKey, "X-API-Key", adminKey),
			with("Authorization", "ApiKey "+readerKey, "Authorization", "ApiKey "+adminKey),
		} {
			a := list(h, headers)
			a.requireProblem(http.StatusUnauthorized, "api_key_invalid")
			require.NotEmpty(t, a.header.Get("Www-Authenticate"))
		}
	})
	t.Run("the caller is authenticated first, before route, method, query and body", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		for _, target := range []string{"/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/config/?limit=x", "/api/v1/config/x/y"} {
			for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodOptions, "INVENTED"} {
				h.send(method, target, "not json", nil).requireProblem(http.StatusUnauthorized, "api_key_required")
			}
		}
	})
	t.Run("a reader that writes is 403", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.send(http.MethodPost, "/api/v1/config/", goodCreate, as(readerKey)).requireProblem(403, "forbidden")
		h.send(http.MethodPut, "/api/v1/config/1", `{}`, as(readerKey)).requireProblem(403, "forbidden")
		h.send(http.MethodPut, "/api/v1/config/99", `{}`, as(readerKey)).requireProblem(403, "forbidden")
		h.send(http.MethodDelete, "/api/v1/config/1", "", as(readerKey)).requireProblem(403, "forbidden")
		h.send(http.MethodPost, "/api/v1/config/1/rollback", `{"version":1}`, as(readerKey)).requireProblem(403, "forbidden")
	})
	t.Run("where anonymous callers may read they do, without encrypted values, and cannot write", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.access.anonymous = nil
		require.Equal(t, "v", h.send(http.MethodGet, "/api/v1/config/plain"+inBilling, "", nil).json()["value"])
		require.NotContains(t, h.send(http.MethodGet, "/api/v1/config/secret"+inBilling, "", nil).body, "canary")
		a := h.send(http.MethodPost, "/api/v1/config/", goodCreate, nil)
		a.requireProblem(http.StatusUnauthorized, "api_key_required")
		require.NotEmpty(t, a.header.Get("Www-Authenticate"))
	})
	t.Run("a store that cannot identify the caller is 503", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.access.anonymous = fault.ErrUnavailable
		a := list(h, nil)
		a.requireProblem(http.StatusServiceUnavailable, "unavailable")
		require.Equal(t, "1", a.header.Get("Retry-After"))
	})
}

func TestPreflights(t *testing.T) {
	t.Parallel()
	headers := with("Origin", "https://elsewhere.example", "Access-Control-Request-Method", "PUT")

	t.Run("a preflight passes without a key and allows no origin", func(t *testing.T) {
		t.Parallel()
		for _, target := range []string{"/api/v1/config/1", "/health"} {
			a := newTestServer(t).send(http.MethodOptions, target, "", headers)
			require.Equal(t, http.StatusNoContent, a.status)
			require.Empty(t, a.body)
			for name := range a.header {
				require.NotContains(t, name, "Access-Control")
			}
		}
	})
	t.Run("other calls with an origin need a key", func(t *testing.T) {
		t.Parallel()
		newTestServer(t).send(http.MethodGet, "/api/v1/config/", "", headers).requireProblem(401, "api_key_required")
		newTestServer(t).send(http.MethodOptions, "/api/v1/config/", "", with("Origin", "x")).requireProblem(401, "api_key_required")
	})
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	targets := []string{"/health", "/api/v1/config/", "/nothing", "/docs", "/api/v1/config/?x=1"}

	t.Run("a sane one is taken and comes back on every response", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		for _, target := range targets {
			for _, method := range []string{http.MethodGet, http.MethodPatch} {
				a := h.send(method, target, "", with("X-Request-Id", "Ab-9_.z", "X-API-Key", adminKey))
				require.Equal(t, "Ab-9_.z", a.header.Get("X-Request-Id"))
			}
		}
	})
	t.Run("another is replaced", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		for _, sent := range []string{"", "a b", "ä", "a\"b", "x/y", "a\x00b", longID(65)} {
			a := h.send(http.MethodGet, "/livez", "", with("X-Request-Id", sent))
			require.Regexp(t, `^made-\d+$`, a.header.Get("X-Request-Id"))
		}
		a := h.send(http.MethodGet, "/livez", "", with("X-Request-Id", longID(64)))
		require.Equal(t, longID(64), a.header.Get("X-Request-Id"))
	})
	t.Run("it stands beside the change in the history", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.send(http.MethodPost, "/api/v1/config/", goodCreate, with("X-API-Key", adminKey, "X-Request-Id", "from-me"))
		require.Contains(t, h.admin(http.MethodGet, "/api/v1/config/1/history", "").body, `"request_id":"from-me"`)
	})
}

func longID(n int) string { return strings.Repeat("a", n) }

func TestRoutes(t *testing.T) {
	t.Parallel()

	t.Run("an unknown path is 404", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		for _, target := range []string{
			"/nothing", "/api", "/api/v1", "/api/v1/", "/api/v1/config//", "/api/v1/config/a/b", "/api/v1/config/1/history/2",
			"/api/v1/config/a//history", "/API/v1/config/", "/docs/none.js", "/openapi.xml", "//", "/api/v1/config/./x",
		} {
			h.admin(http.MethodGet, target, "").requireProblem(http.StatusNotFound, "not_found")
		}
	})
	t.Run("a known path with another method is 405 and lists the methods", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		for target, allow := range map[string][]string{
			"/api/v1/config":            {"GET", "HEAD", "POST"},
			"/api/v1/config/":           {"GET", "HEAD", "POST"},
			"/api/v1/config/k":          {"DELETE", "GET", "HEAD", "PUT"},
			"/api/v1/config/1/history":  {"GET", "HEAD"},
			"/api/v1/config/1/rollback": {"POST"},
			"/health":                   {"GET", "HEAD"},
			"/openapi.json":             {"GET", "HEAD"},
		} {
			a := h.admin(http.MethodPatch, target, "")
			a.requireProblem(http.StatusMethodNotAllowed, "method_not_allowed")
			require.ElementsMatch(t, allow, splitList(a.header.Get("Allow")), target)
		}
	})
	t.Run("no request is redirected", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		for _, target := range []string{"/health/", "/docs/", "/api/v1/config", "/api/v1/config/x/", "/Docs"} {
			a := h.admin(http.MethodGet, target, "")
			require.Empty(t, a.header.Get("Location"), target)
			require.False(t, a.status >= 300 && a.status < 400, target)
		}
	})
	t.Run("every response forbids guessing its type, and but for reads its keeping", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		for _, target := range []string{"/health", "/nothing", "/api/v1/config/", "/"} {
			a := h.admin(http.MethodGet, target, "")
			require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
			require.Equal(t, "no-store", a.header.Get("Cache-Control"))
		}
	})
	t.Run("an odd request line is answered", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		for _, path := range []string{"", "*", "no-slash"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodConnect, "/", nil)
			r.URL.Path = path
			require.Equal(t, http.StatusNotFound, h.serve(r).status)
		}
	})
	t.Run("a percent sign that escapes nothing is no key", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/config/x"+inBilling, nil)
		r.Header.Set("X-Api-Key", adminKey)
		r.URL.Path, r.URL.RawPath = "/api/v1/config/%zz", "/api/v1/config/%zz"
		a := h.serve(r)
		a.requireProblem(http.StatusUnprocessableEntity, "validation_failed")
		require.Contains(t, a.places(), "path.key")
	})
}

func splitList(text string) []string { return strings.Split(text, ", ") }
