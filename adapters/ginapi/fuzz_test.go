package ginapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// badBodies are what clients get wrong; every fuzz target of a body begins with
// them.
func badBodies() []string {
	return []string{
		``, ` `, `null`, `[]`, `{}`, `{`, `}`, `"`, `"\ud800"`, "\xff", "\ufeff{}", `{"a":1}{`, `{"a":1,"a":2}`, `{"":1}`,
		`{"a":{"b":[{"c":`, strings.Repeat("[", 40), strings.Repeat(`{"key":`, 40), `{"value":"\u0000"}`, `{"value":1e999}`,
		`{"version":1e999}`, `{"version":-1}`, `{"version":1.5}`, `{"version":9223372036854775808}`, `{"version":"1"}`,
		`{"value":null,"description":null,"is_encrypted":null}`, `{"VALUE":"x"}`, `{"is_encrypted":"yes"}`, `{"a/~1":1}`,
		goodCreate, `{"value":"x","description":"y","is_encrypted":true}`, `{"version":1}`,
	}
}

// fuzzServer returns a testServer that holds one configuration, for a fuzz target whose
// requests may change it.
func fuzzServer(tb testing.TB) *testServer {
	tb.Helper()
	h := newTestServer(tb)
	h.create("k", "v", false)
	return h
}

// within returns the testServer as one run of a target uses it.
func (h *testServer) within(tb testing.TB) *testServer {
	tb.Helper()
	mine := *h
	mine.tb = tb
	return &mine
}

// requireSound asserts what holds of every answer to any input.
func requireSound(tb testing.TB, h *testServer, a answer) {
	tb.Helper()
	require.Less(tb, a.status, http.StatusInternalServerError, a.body)
	for _, entry := range h.logs.TakeAll() {
		require.NotEqual(tb, "request handler panicked", entry.Message)
	}
	if a.status < http.StatusBadRequest {
		return
	}
	require.Equal(tb, "application/problem+json", a.header.Get("Content-Type"))
	require.True(tb, json.Valid([]byte(a.body)), a.body)
	require.NotEmpty(tb, a.json()["code"])
}

func fuzzBody(f *testing.F, method, target string) {
	f.Helper()
	for _, body := range badBodies() {
		f.Add(body)
	}
	h := fuzzServer(f)
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
		r.Header.Set("X-Api-Key", adminKey)
		r.Header.Set("Content-Type", "application/json")
		requireSound(t, h, h.within(t).serve(r))
	})
}

func FuzzCreateBody(f *testing.F) { fuzzBody(f, http.MethodPost, "/api/v1/config/") }

func FuzzUpdateBody(f *testing.F) { fuzzBody(f, http.MethodPut, "/api/v1/config/1") }

func FuzzRollBackBody(f *testing.F) { fuzzBody(f, http.MethodPost, "/api/v1/config/1/rollback") }

func FuzzQuery(f *testing.F) {
	for _, query := range []string{
		"", "?", "&&", "a=b", "%", "%zz=1", "limit=1;offset=2", "limit=-1&offset=x", "limit=1&limit=2", "deleted=2",
		"limit=99999999999999999999", "environment=%00", "service_name=%ff", "key_prefix=%2F%2f", "=", "=x", "%41=1",
		"environment=production&service_name=billing&version=0", "environment=production&service_name=billing&at=0000",
		"environment=production&service_name=billing&at=9999-12-31T23:59:59.999999999-23:59", "version=1&at=now",
		"environment=production&service_name=billing&at=2026-01-31T12:00:00Z",
		"environment=production&service_name=billing&version=9007199254740992",
		"cursor=MQ&limit=1", "from=2026-01-31T12:00:00Z&to=0000", "from=-1&to=9223372036854775807", "outcome=x", "actor_key_id=%00",
	} {
		f.Add(query)
	}
	h := fuzzServer(f)
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{
			"/api/v1/config/", "/api/v1/config/k", "/api/v1/config/1/history", "/api/v1/audit/", "/api/v1/audit/verify",
			"/api/v1/access/keys/",
		} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.URL.RawQuery = query
			r.Header.Set("X-Api-Key", adminKey)
			requireSound(t, h, h.within(t).serve(r))
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, path := range []string{
		"", "/", "a", "a/", "%2F", "a%2Fb", "%252F", "%00", "%ff", "+", "%2B", "..", "%2e%2e", "a//b", "1/history", "a/history",
		"0/history", "-1/history", "9223372036854775808/history", "1/rollback", "a?b", "a#b", strings.Repeat("a", 300), "*", ":p1",
	} {
		f.Add(path)
	}
	h := fuzzServer(f)
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI("/api/v1/config/" + path)
		if err != nil {
			t.Skip("no server passes such a request line on")
		}
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodPost, http.MethodPut} {
			r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(`{}`))
			r.URL = u
			r.Header.Set("X-Api-Key", adminKey)
			r.Header.Set("Content-Type", "application/json")
			requireSound(t, h, h.within(t).serve(r))
		}
	})
}

func FuzzEntityTags(f *testing.F) {
	for _, tags := range []string{
		``, `*`, `"1"`, `W/"1"`, `"1", "2"`, `"`, `""`, `"a" "b"`, `,`, `*,*`, `"1-revealed"`, `"-redacted"`, `"0"`, `W/`, `w/"1"`,
		`"99999999999999999999"`, "\"\x00\"", "\"\xff\"", `"1",`, ` "1" , `, `"1"x`,
	} {
		f.Add(tags)
	}
	h := fuzzServer(f)
	f.Fuzz(func(t *testing.T, tags string) {
		headers := with("X-API-Key", adminKey, "Content-Type", "application/json")
		headers["If-Match"] = []string{tags}
		requireSound(t, h, h.within(t).send(http.MethodPut, "/api/v1/config/1", `{"value":"v"}`, headers))
		headers = with("X-API-Key", adminKey)
		headers["If-None-Match"] = []string{tags}
		requireSound(t, h, h.within(t).send(http.MethodGet, "/api/v1/config/k"+inBilling, "", headers))
	})
}

func FuzzKeys(f *testing.F) {
	for _, credentials := range []string{"", " ", "ApiKey", "Bearer ", "Basic x", "ApiKey " + adminKey, "\x00", "ApiKey a b"} {
		f.Add(credentials)
	}
	h := fuzzServer(f)
	f.Fuzz(func(t *testing.T, credentials string) {
		headers := http.Header{"Authorization": {credentials}, "X-Request-Id": {credentials}, "Content-Type": {credentials}}
		requireSound(t, h, h.within(t).send(http.MethodPost, "/api/v1/config/1/rollback", `{"version":1}`, headers))
	})
}
