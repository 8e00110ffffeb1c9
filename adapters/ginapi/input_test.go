package ginapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// create bodies are written around this one.
const goodCreate = `{"key":"k","value":"v","environment":"production","service_name":"billing"}`

func TestBodies(t *testing.T) {
	t.Parallel()
	without := func(member string) string { return strings.Replace(goodCreate, `"`+member+`":`, `"x":`, 1) }
	rows := []struct {
		name, body string
		status     int
		code       string
		place      string
	}{
		{"empty", " \n", 400, "body_missing", ""},
		{"not JSON", `{"key"`, 400, "malformed_json", "body.key"},
		{"a byte order mark", "\ufeff" + goodCreate, 400, "malformed_json", "body"},
		{"a comment", goodCreate + "// x", 400, "malformed_json", "body"},
		{"a second value", goodCreate + "{}", 400, "malformed_json", "body"},
		{"a repeated member", strings.Replace(goodCreate, `{`, `{"key":"a",`, 1), 400, "malformed_json", "body.key"},
		{"invalid UTF-8", strings.Replace(goodCreate, `"v"`, "\"\xff\"", 1), 400, "malformed_json", "body.value"},
		{"a lone surrogate", strings.Replace(goodCreate, `"v"`, `"\ud800"`, 1), 400, "malformed_json", "body.value"},
		{"nested 33 deep", strings.Repeat("[", 33) + strings.Repeat("]", 33), 400, "malformed_json", "body"},
		{"nested far too deep", strings.Repeat(`{"a":`, 200_000), 400, "malformed_json", "body"},
		{"an array", `[]`, 422, "validation_failed", "body"},
		{"nested 32 deep", strings.Repeat("[", 32) + strings.Repeat("]", 32), 422, "validation_failed", "body"},
		{"a text", `"x"`, 422, "validation_failed", "body"},
		{"null", `null`, 422, "validation_failed", "body"},
		{"a missing member", without("value"), 422, "validation_failed", "body.value"},
		{"an unknown member", strings.Replace(goodCreate, `{`, `{"extra":1,`, 1), 422, "validation_failed", "body.extra"},
		{"another casing", strings.Replace(goodCreate, `"key"`, `"Key"`, 1), 422, "validation_failed", "body.Key"},
		{"a casing beside", strings.Replace(goodCreate, `{`, `{"KEY":"x",`, 1), 422, "validation_failed", "body.KEY"},
		{"null for a required member", strings.Replace(goodCreate, `"v"`, `null`, 1), 422, "validation_failed", "body.value"},
		{"a number for a text", strings.Replace(goodCreate, `"v"`, `5`, 1), 422, "validation_failed", "body.value"},
		{"an object for a text", strings.Replace(goodCreate, `"v"`, `{"a":1}`, 1), 422, "validation_failed", "body.value"},
		{
			"a text for a boolean", strings.Replace(goodCreate, `{`, `{"is_encrypted":"yes",`, 1),
			422, "validation_failed", "body.is_encrypted",
		},
		{"a NUL", strings.Replace(goodCreate, `"v"`, `"\u0000"`, 1), 422, "validation_failed", "body.value"},
		{
			"a value over 256 KiB", strings.Replace(goodCreate, `"v"`, `"`+strings.Repeat("x", 256<<10+1)+`"`, 1),
			422, "validation_failed", "body.value",
		},
		{"over 1 MiB", strings.Replace(goodCreate, `"v"`, `"`+strings.Repeat("x", 1<<20)+`"`, 1), 413, "body_too_large", ""},
		{"1 MiB of blanks", strings.Repeat(" ", 1<<20), 400, "body_missing", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := newTestServer(t)
			a := h.admin(http.MethodPost, "/api/v1/config/", row.body)
			a.requireProblem(row.status, row.code)
			if row.place != "" {
				require.Contains(t, a.places(), row.place, a.body)
			}
			require.Empty(t, h.store.Outbox())
		})
	}

	t.Run("members of all kinds at fault are named at once", func(t *testing.T) {
		t.Parallel()
		a := newTestServer(t).admin(http.MethodPost, "/api/v1/config/", `{"Key":1,"value":"v"}`)
		require.Equal(t, map[string]string{
			"body.Key": "unknown field", "body.key": "is required",
			"body.environment": "is required", "body.service_name": "is required",
		}, a.places())
	})
	t.Run("a rollback wants a whole number from 1 to 2^53", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.create("k", "v", false)
		for _, version := range []string{`0`, `-1`, `1.5`, `"1"`, `true`, `null`, `9007199254740994`, `1e300`} {
			a := h.admin(http.MethodPost, "/api/v1/config/1/rollback", `{"version":`+version+`}`)
			a.requireProblem(http.StatusUnprocessableEntity, "validation_failed")
			require.Contains(t, a.places(), "body.version", version)
		}
		for _, version := range []string{`1e400`, `1.0`, `1e0`, `-0`} {
			a := h.admin(http.MethodPost, "/api/v1/config/1/rollback", `{"version":`+version+`}`)
			require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, a.status, version)
			require.NotEmpty(t, a.places())
		}
	})
	t.Run("a body where none is wanted is passed over", func(t *testing.T) {
		t.Parallel()
		a := newTestServer(t).admin(http.MethodGet, "/api/v1/config/", `not json`)
		require.Equal(t, http.StatusOK, a.status)
	})
}

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	send := func(t *testing.T, body string, headers ...string) answer {
		t.Helper()
		all := as(adminKey)
		maps.Copy(all, with(headers...))
		return newTestServer(t).send(http.MethodPost, "/api/v1/config/", body, all)
	}

	t.Run("JSON with parameters is taken", func(t *testing.T) {
		t.Parallel()
		for _, mediaType := range []string{"application/json; charset=utf-8", "Application/JSON", "application/json;a=b"} {
			require.Equal(t, http.StatusCreated, send(t, goodCreate, "Content-Type", mediaType).status, mediaType)
		}
	})
	t.Run("anything else, none, several or compressed is 415", func(t *testing.T) {
		t.Parallel()
		for _, mediaType := range []string{
			"text/plain", "application/x-json", "application/problem+json", "json", "", "application/json, text/plain", ";",
		} {
			send(t, goodCreate, "Content-Type", mediaType).requireProblem(415, "unsupported_media_type")
		}
		send(t, goodCreate, "Content-Type", "application/json", "Content-Type", "application/json").
			requireProblem(415, "unsupported_media_type")
	})
	t.Run("a compressed body is 415 with the coding that is accepted", func(t *testing.T) {
		t.Parallel()
		for _, coding := range []string{"gzip", "br", "identity, gzip", "GZIP", "x"} {
			a := send(t, goodCreate, "Content-Encoding", coding)
			a.requireProblem(415, "unsupported_content_coding")
			require.Equal(t, "identity", a.header.Get("Accept-Encoding"))
		}
		require.Equal(t, http.StatusCreated, send(t, goodCreate, "Content-Encoding", "Identity").status)
	})
	t.Run("a body without a type is read as JSON", func(t *testing.T) {
		t.Parallel()
		headers := as(adminKey)
		headers["Content-Type"] = nil
		a := newTestServer(t).send(http.MethodPost, "/api/v1/config/", goodCreate, headers)
		require.Equal(t, http.StatusCreated, a.status, a.body)
	})
	t.Run("a byte order mark is named", func(t *testing.T) {
		t.Parallel()
		a := send(t, "\uFEFF"+goodCreate)
		a.requireProblem(400, "malformed_json")
		require.Contains(t, a.places()["body"], "byte order mark")
	})
	t.Run("a response is JSON whatever is requested", func(t *testing.T) {
		t.Parallel()
		for _, accept := range []string{"text/html", "application/problem+json", "application/cbor", "nonsense"} {
			a := send(t, goodCreate, "Accept", accept)
			require.Equal(t, http.StatusCreated, a.status)
			require.Equal(t, "application/json", a.header.Get("Content-Type"))
		}
	})
}

func TestQueries(t *testing.T) {
	t.Parallel()
	const list, read, history = "/api/v1/config/", "/api/v1/config/k", "/api/v1/config/1/history"
	rows := []struct {
		name, target string
		status       int
		code         string
		place        string
	}{
		{"a broken escape", list + "?limit=%zz", 400, "malformed_query", ""},
		{"a semicolon", list + "?limit=1;offset=2", 400, "malformed_query", ""},
		{"an unknown parameter", list + "?colour=red", 422, "validation_failed", "query.colour"},
		{"another casing", list + "?Limit=1", 422, "validation_failed", "query.Limit"},
		{"a parameter twice", list + "?limit=1&limit=1", 422, "validation_failed", "query.limit"},
		{"limit 0", list + "?limit=0", 422, "validation_failed", "query.limit"},
		{"limit 1001", list + "?limit=1001", 422, "validation_failed", "query.limit"},
		{"limit that is no number", list + "?limit=ten", 422, "validation_failed", "query.limit"},
		{"limit that is empty", list + "?limit=", 422, "validation_failed", "query.limit"},
		{"limit with a fraction", list + "?limit=1.5", 422, "validation_failed", "query.limit"},
		{"limit beyond all numbers", list + "?limit=99999999999999999999", 422, "validation_failed", "query.limit"},
		{"offset below 0", list + "?offset=-1", 422, "validation_failed", "query.offset"},
		{"offset beyond 32 bits", list + "?offset=2147483648", 422, "validation_failed", "query.offset"},
		{"deleted that is neither", list + "?deleted=maybe", 422, "validation_failed", "query.deleted"},
		{"an unsupported environment", list + "?environment=moon", 422, "validation_failed", "query.environment"},
		{"a prefix of no key", list + "?key_prefix=%07", 422, "validation_failed", "query.key_prefix"},
		{"limit of a history", history + "?limit=0", 422, "validation_failed", "query.limit"},
		{"an unknown parameter of a history", history + "?environment=x", 422, "validation_failed", "query.environment"},
		{"an unknown parameter of a read", read + inBilling + "&limit=1", 422, "validation_failed", "query.limit"},
		{"an unknown parameter of a write", "/api/v1/config/?dry_run=1", 422, "validation_failed", "query.dry_run"},
		{"version 0", read + inBilling + "&version=0", 422, "validation_failed", "query.version"},
		{"version that is no number", read + inBilling + "&version=v1", 422, "validation_failed", "query.version"},
		{"version that is empty", read + inBilling + "&version=", 422, "validation_failed", "query.version"},
		{"version over 2^53", read + inBilling + "&version=9007199254740993", 422, "validation_failed", "query.version"},
		{"a time that is none", read + inBilling + "&at=yesterday", 422, "validation_failed", "query.at"},
		{"a time that is empty", read + inBilling + "&at=", 422, "validation_failed", "query.at"},
		{"a time before the years", read + inBilling + "&at=0001-01-01T00:00:00Z", 422, "validation_failed", "query.at"},
		{"a time after the years", read + inBilling + "&at=9999-12-31T23:59:59-23:59", 422, "validation_failed", "query.at"},
		{"an environment twice", read + inBilling + "&environment=production", 422, "validation_failed", "query.environment"},
		{"an id that is no number", "/api/v1/config/k/history", 422, "validation_failed", "path.config_id"},
		{"id 0", "/api/v1/config/0/history", 422, "validation_failed", "path.config_id"},
		{"an id beyond all numbers", "/api/v1/config/99999999999999999999/history", 422, "validation_failed", "path.config_id"},
		{"a query of a probe", "/health?verbose=1", 422, "validation_failed", "query.verbose"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := newTestServer(t).admin(http.MethodGet, row.target, "")
			a.requireProblem(row.status, row.code)
			if row.place != "" {
				require.Contains(t, a.places(), row.place, a.body)
			}
		})
	}

	t.Run("the greatest numbers are taken", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		require.Equal(t, http.StatusOK, h.admin(http.MethodGet, list+"?limit=1000&offset=2147483647", "").status)
		h.create("k", "v", false)
		h.admin(http.MethodGet, read+inBilling+"&version=9007199254740992", "").requireProblem(404, "version_not_found")
	})
}

// canary is what must never come back, wherever it was sent.
const canary = "CANARY-5ecret-!"

func TestNothingSentComesBackInAProblem(t *testing.T) {
	t.Parallel()
	quoted := `"` + canary + `"`
	bodies := []string{
		quoted, `{` + quoted, `{` + quoted + `:1}`, `{"key":` + quoted + `}`, `[` + quoted + `]`, canary,
		strings.Replace(goodCreate, `"k"`, quoted, 1), strings.Replace(goodCreate, `"production"`, quoted, 1),
		strings.Replace(goodCreate, `"billing"`, quoted, 1), strings.Replace(goodCreate, `"v"`, `[`+quoted+`]`, 1),
		strings.Replace(goodCreate, `"v"`, `"`+canary+`\u0000"`, 1), goodCreate + quoted,
		strings.Replace(goodCreate, `{`, `{"is_encrypted":`+quoted+`,`, 1), `{"version":` + quoted + `}`,
		`{` + quoted + `:1,` + quoted + `:2}`, `{"value":{"a":` + quoted + `}}`, `{"value":"` + canary + `\ud800"}`,
		`{"version":1e999,` + quoted + `:1}`,
	}
	escaped := strings.ReplaceAll(canary, "!", "%21")
	targets := []string{
		"/api/v1/config/" + escaped + inBilling, "/api/v1/config/k?environment=" + escaped + "&service_name=" + escaped,
		"/api/v1/config/k" + inBilling + "&version=" + escaped, "/api/v1/config/k" + inBilling + "&at=" + escaped,
		"/api/v1/config/?limit=" + escaped, "/api/v1/config/?deleted=" + escaped, "/api/v1/config/?" + escaped + "=1",
		"/api/v1/config/?key_prefix=" + escaped, "/api/v1/config/" + escaped + "/history", "/api/v1/" + escaped,
		"/" + escaped, "/api/v1/config/?environment=" + escaped + ";",
	}

	h := newTestServer(t)
	h.create("k", "v", false)
	check := func(a answer) {
		require.GreaterOrEqual(t, a.status, 400, a.body)
		require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
		require.NotContains(t, a.body, "CANARY", a.body)
	}
	for _, body := range bodies {
		check(h.admin(http.MethodPost, "/api/v1/config/", body))
		check(h.admin(http.MethodPost, "/api/v1/config/1/rollback", body))
		if !strings.HasPrefix(body, goodCreate) && body != strings.Replace(goodCreate, `"k"`, quoted, 1) {
			check(h.admin(http.MethodPut, "/api/v1/config/1", body))
		}
	}
	for _, target := range targets {
		check(h.admin(http.MethodGet, target, ""))
		check(h.admin(http.MethodPut, target, `{"value":5}`))
	}
	check(h.send(http.MethodGet, "/api/v1/config/", "", as(canary)))
	check(h.send(http.MethodPut, "/api/v1/config/1", `{}`, with("X-API-Key", adminKey, "If-Match", canary)))
	check(h.send(http.MethodPost, "/api/v1/config/", goodCreate, with("X-API-Key", adminKey, "Content-Type", canary)))
	for _, entry := range h.logs.All() {
		require.NotContains(t, entry.Message, "CANARY")
		for name, value := range entry.ContextMap() {
			require.NotContains(t, fmt.Sprint(value), "CANARY", name)
		}
	}
}
