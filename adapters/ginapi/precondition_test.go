package ginapi_test

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
)

// conditional sends a request with one more header.
func (h *testServer) conditional(method, target, body, name, value string) answer {
	h.tb.Helper()
	headers := as(adminKey)
	headers.Set(name, value)
	return h.send(method, target, body, headers)
}

// changes are writes of a configuration and of a flag that exist.
func changes() map[string]struct{ method, target, body string } {
	return map[string]struct{ method, target, body string }{
		"update":              {http.MethodPut, "/api/v1/config/1", `{"value":"w"}`},
		"delete":              {http.MethodDelete, "/api/v1/config/1", ""},
		"roll back":           {http.MethodPost, "/api/v1/config/1/rollback", `{"version":1}`},
		"update of a flag":    {http.MethodPut, "/api/v1/feature-flags/1", `{"is_enabled":false}`},
		"delete of a flag":    {http.MethodDelete, "/api/v1/feature-flags/1", ""},
		"roll back of a flag": {http.MethodPost, "/api/v1/feature-flags/1/rollback", `{"version":1}`},
	}
}

// TestPreconditionsOfWrites covers RFC 9110, section 13, on every write.
func TestPreconditionsOfWrites(t *testing.T) {
	t.Parallel()
	const early, late = "Fri, 01 Jan 1999 00:00:00 GMT", "Sun, 01 Jan 2090 00:00:00 GMT"
	rows := []struct {
		name, header, value string
		refused             bool
	}{
		{"unmodified since later", "If-Unmodified-Since", late, false},
		{"modified since", "If-Unmodified-Since", early, true},
		{"a time in another form", "If-Unmodified-Since", "Friday, 01-Jan-99 00:00:00 GMT", true},
		{"a time that is none is ignored", "If-Unmodified-Since", "yesterday", false},
		{"none of the star", "If-None-Match", "*", true},
		{"none of the present version", "If-None-Match", `"1"`, true},
		{"none of the present version, weak", "If-None-Match", `W/"1"`, true},
		{"none of another version", "If-None-Match", `"7"`, false},
		{"modified since is for reads", "If-Modified-Since", late, false},
	}
	for name, change := range changes() {
		for _, row := range rows {
			t.Run(name+", "+row.name, func(t *testing.T) {
				t.Parallel()
				h := newTestServer(t)
				h.create("k", "v", false)
				h.flag(`{"name":"f","environment":"production","is_enabled":true}`)
				a := h.conditional(change.method, change.target, change.body, row.header, row.value)
				if row.refused {
					a.requireProblem(http.StatusPreconditionFailed, "stale_version")
					require.InEpsilon(t, 1, a.json()["current_version"], 0)
					return
				}
				require.Less(t, a.status, 300, a.body)
			})
		}
	}

	t.Run("If-Match comes before If-Unmodified-Since", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.create("k", "v", false)
		headers := as(adminKey)
		headers.Set("If-Match", `"1"`)
		headers.Set("If-Unmodified-Since", early)
		require.Equal(t, http.StatusOK, h.send(http.MethodPut, "/api/v1/config/1", `{"value":"w"}`, headers).status)
	})
	t.Run("an If-None-Match that is no list of tags is 422", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.create("k", "v", false)
		a := h.conditional(http.MethodPut, "/api/v1/config/1", `{"value":"w"}`, "If-None-Match", "1")
		a.requireProblem(http.StatusUnprocessableEntity, "validation_failed")
		require.Contains(t, a.places(), "header.If-None-Match")
	})
}

// TestLastModified checks that the header identifies one version: an update that sends it
// back loses no change, also one of the same second.
func TestLastModified(t *testing.T) {
	t.Parallel()
	h := newTestServer(t)
	h.create("k", "first", false)
	const read = "/api/v1/config/k" + inBilling
	require.Empty(t, h.admin(http.MethodGet, read, "").header.Get("Last-Modified"))
	h.later(time.Minute)
	modified := h.admin(http.MethodGet, read, "").header.Get("Last-Modified")
	require.NotEmpty(t, modified)
	require.Equal(t, http.StatusNotModified, h.conditional(http.MethodGet, read, "", "If-Modified-Since", modified).status)

	require.Equal(t, http.StatusOK,
		h.conditional(http.MethodPut, "/api/v1/config/1", `{"value":"second"}`, "If-Unmodified-Since", modified).status)
	h.conditional(http.MethodPut, "/api/v1/config/1", `{"value":"third"}`, "If-Unmodified-Since", modified).
		requireProblem(http.StatusPreconditionFailed, "stale_version")
	require.Equal(t, http.StatusOK, h.conditional(http.MethodGet, read, "", "If-Modified-Since", modified).status)
}

func TestPreconditionsOfReads(t *testing.T) {
	t.Parallel()
	h := newTestServer(t)
	h.create("k", "v", false)
	const read = "/api/v1/config/k" + inBilling
	require.Equal(t, http.StatusOK, h.conditional(http.MethodGet, read, "", "If-Match", `"1"`).status)
	h.conditional(http.MethodGet, read, "", "If-Match", `"2"`).requireProblem(http.StatusPreconditionFailed, "stale_version")
	h.conditional(http.MethodGet, read, "", "If-Unmodified-Since", "Sat, 31 Jan 2026 11:59:00 GMT").
		requireProblem(http.StatusPreconditionFailed, "stale_version")
	require.Equal(t, http.StatusOK, h.conditional(http.MethodGet, read, "", "Range", "bytes=0-1").status, "there are no ranges")
}

// TestPreconditionsWithoutValidators covers writes of resources that have no ETag.
func TestPreconditionsWithoutValidators(t *testing.T) {
	t.Parallel()
	h := registryServer(t)
	const instance = "/api/v1/registry/shop/instances/i-1"
	h.conditional(http.MethodDelete, instance, "", "If-Match", `"1"`).
		requireProblem(http.StatusPreconditionFailed, "precondition_unsupported")
	h.conditional(http.MethodPatch, instance, `{}`, "If-Unmodified-Since", "Sat, 31 Jan 2026 11:59:00 GMT").
		requireProblem(http.StatusPreconditionFailed, "precondition_unsupported")
	h.conditional(http.MethodPost, "/api/v1/config/", goodCreate, "If-Match", "*").
		requireProblem(http.StatusPreconditionFailed, "precondition_unsupported")
	require.Equal(t, http.StatusCreated,
		h.conditional(http.MethodPost, "/api/v1/config/", goodCreate, "If-None-Match", "*").status, "it must be absent anyway")
}

// TestReservedNames covers names beside a parameter, which are no resources.
func TestReservedNames(t *testing.T) {
	t.Parallel()
	h := registryServer(t)
	for _, row := range []struct{ method, path, allow string }{
		{http.MethodPut, "/api/v1/feature-flags/evaluate", "POST"},
		{http.MethodDelete, "/api/v1/feature-flags/evaluate", "POST"},
		{http.MethodDelete, "/api/v1/feature-flags/explain/", "POST"},
		{http.MethodPatch, "/api/v1/feature-flags/evaluate", "POST"},
		{http.MethodDelete, "/api/v1/registry/healthy", "GET, HEAD"},
		{http.MethodDelete, "/api/v1/registry/register", "POST"},
		{http.MethodPut, "/api/v1/registry/register", "POST"},
		{http.MethodDelete, "/api/v1/services/heartbeats", "POST"},
		{http.MethodDelete, "/api/v1/registry/health", "PUT"},
		{http.MethodPatch, "/api/v1/config/", "GET, HEAD, POST"},
		{http.MethodPost, "/health", "GET, HEAD"},
	} {
		a := h.admin(row.method, row.path, "")
		a.requireProblem(http.StatusMethodNotAllowed, "method_not_allowed")
		require.Equal(t, row.allow, a.header.Get("Allow"), "%s %s", row.method, row.path)
	}
	a := h.admin(http.MethodPatch, "/api/v1/config/5", "")
	a.requireProblem(http.StatusMethodNotAllowed, "method_not_allowed")
	require.Equal(t, "GET, HEAD, PUT, DELETE", a.header.Get("Allow"))
	require.Equal(t, http.StatusUnprocessableEntity, h.admin(http.MethodPut, "/api/v1/feature-flags/evaluated", "{}").status)
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	h := newTestServer(t)
	for _, credentials := range []string{
		"Bearer " + adminKey, "Bearer  " + adminKey, "bearer " + adminKey, "ApiKey   " + adminKey, "Bearer " + adminKey + " ",
	} {
		a := h.send(http.MethodGet, "/api/v1/config/", "", with("Authorization", credentials))
		require.Equal(t, http.StatusOK, a.status, credentials)
	}
	for _, credentials := range []string{"Bearer", "Bearer ", "Bearer" + adminKey, "Basic " + adminKey} {
		h.send(http.MethodGet, "/api/v1/config/", "", with("Authorization", credentials)).requireProblem(401, "api_key_invalid")
	}
}

func TestRepeatedSlashes(t *testing.T) {
	t.Parallel()
	h := ofrepServer(t)
	for _, path := range []string{
		"//ofrep/v1/evaluate/flags/new_checkout_flow", "///ofrep/v1/evaluate/flags/new_checkout_flow",
		"/environments/production//ofrep/v1/evaluate/flags/new_checkout_flow",
	} {
		a := h.ofrep(path, `{"context":{"targetingKey":"user123"}}`)
		require.Equal(t, http.StatusOK, a.status, path)
	}
	require.Equal(t, http.StatusOK, h.admin(http.MethodGet, "//api/v1/config/", "").status)
	require.Equal(t, http.StatusOK, h.admin(http.MethodGet, "//health", "").status)
	h.admin(http.MethodGet, "/api/v1/config//history", "").requireProblem(404, "not_found")
	for _, path := range []string{"/ofrep", "/ofrep/", "/ofrep/v2/evaluate", "//ofrep/v1/nothing"} {
		h.ofrep(path, "{}").requireOFREPError(http.StatusNotFound, "", "GENERAL")
	}
}

func TestOFREPDetailsStandAlone(t *testing.T) {
	t.Parallel()
	a := ofrepServer(t).ofrep(ofrepPath+"/new_checkout_flow", `{"context":[]}`)
	require.Equal(t, http.StatusBadRequest, a.status, a.body)
	require.NotContains(t, a.body, "errors lists")
}

// TestCrossOriginWrites covers browsers where keys are not required.
func TestCrossOriginWrites(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, origins ...string) *testServer {
		t.Helper()
		return ofrepServer(t, func(o *ginapi.Options) { o.WithoutKeys, o.CORSOrigins = true, origins })
	}
	const foreign = "https://evil.example"
	write := func(h *testServer, headers ...string) answer {
		all := as(adminKey)
		maps.Copy(all, with(headers...))
		return h.send(http.MethodPost, "/api/v1/config/", goodCreate, all)
	}
	write(open(t), "Origin", foreign).requireProblem(http.StatusForbidden, "cross_origin")
	write(open(t), "Sec-Fetch-Site", "cross-site").requireProblem(http.StatusForbidden, "cross_origin")
	require.Equal(t, http.StatusCreated, write(open(t)).status, "programs send no origin")
	require.Equal(t, http.StatusCreated, write(open(t, foreign), "Origin", foreign).status)
	require.Equal(t, http.StatusCreated, write(open(t, "*"), "Origin", foreign).status)
	require.Equal(t, http.StatusCreated, write(newTestServer(t), "Origin", foreign).status, "keys are required")
	a := open(t).ofrep(ofrepPath+"/new_checkout_flow", `{"context":{"targetingKey":"user123"}}`, "Origin", foreign)
	require.Equal(t, http.StatusOK, a.status, "an evaluation changes nothing")
	a = open(t).send(http.MethodPost, "/api/v1/feature-flags/evaluate",
		`{"flag_name":"new_checkout_flow","environment":"production","user_id":"u"}`, with("Origin", foreign, "X-Api-Key", adminKey))
	require.Equal(t, http.StatusOK, a.status, a.body)
}
