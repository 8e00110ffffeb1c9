package ginapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIfNoneMatch(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *testServer {
		t.Helper()
		h := newTestServer(t)
		h.create("k", "v", true)
		return h
	}
	read := func(h *testServer, tags ...string) answer {
		headers := as(adminKey)
		headers["If-None-Match"] = tags
		return h.send(http.MethodGet, "/api/v1/config/k"+inBilling, "", headers)
	}

	t.Run("the present tag is 304 without a body, in a list, weak, or as a star", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		for _, tags := range [][]string{
			{`"1-revealed"`},
			{`W/"1-revealed"`},
			{`*`},
			{`"x", "1-revealed"`},
			{`"x"`, `W/"y,z" ,"1-revealed",`},
			{`"1-revealed-gzip"`},
			{`W/"1-revealed;gzip"`},
		} {
			a := read(h, tags...)
			require.Equal(t, http.StatusNotModified, a.status, tags)
			require.Empty(t, a.body)
			require.Equal(t, `"1-revealed"`, a.header.Get("ETag"))
			require.Equal(t, "no-store", a.header.Get("Cache-Control"), "the value was stored encrypted")
		}
	})
	t.Run("other tags, and what is no list of tags, are 200", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		for _, tags := range [][]string{{`"1"`}, {`"1-redacted"`}, {`"2-revealed"`}, {`1-revealed`}, {`"`}, {``}, {`*, "x"`}} {
			require.Equal(t, http.StatusOK, read(h, tags...).status, tags)
		}
	})
	t.Run("the tag changes with the version", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		require.Equal(t, http.StatusOK, h.admin(http.MethodPut, "/api/v1/config/1", `{"value":"w"}`).status)
		a := read(h, `"1-revealed"`)
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, `"2-revealed"`, a.header.Get("ETag"))
	})
	t.Run("a 404 is not hidden by a star", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		headers := as(adminKey)
		headers.Set("If-None-Match", "*")
		h.send(http.MethodGet, "/api/v1/config/other"+inBilling, "", headers).
			requireProblem(http.StatusNotFound, "configuration_not_found")
	})
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *testServer {
		t.Helper()
		h := newTestServer(t)
		h.create("k", "first", false)
		require.Equal(t, http.StatusOK, h.admin(http.MethodPut, "/api/v1/config/1", `{"value":"second"}`).status)
		return h
	}
	update := func(h *testServer, tags ...string) answer {
		headers := as(adminKey)
		headers["If-Match"] = tags
		return h.send(http.MethodPut, "/api/v1/config/1", `{"value":"third"}`, headers)
	}

	t.Run("the present version lets a write through, however it is shown", func(t *testing.T) {
		t.Parallel()
		for _, tags := range [][]string{
			{`"2"`}, {`"2-revealed"`}, {`"2-redacted"`}, {`*`}, {`"1", "2"`}, {`"x"`, `"2"`}, {`"2-gzip"`},
		} {
			require.Equal(t, http.StatusOK, update(setup(t), tags...).status, tags)
		}
	})
	t.Run("another version is 412 with the present one and its tag", func(t *testing.T) {
		t.Parallel()
		for _, tags := range [][]string{
			{`"1"`}, {`W/"2"`}, {`"x"`}, {`"02"`}, {`"+2"`}, {`"0"`}, {`"99999999999999999999"`}, {`"-2"`}, {`""`},
		} {
			a := update(setup(t), tags...)
			a.requireProblem(http.StatusPreconditionFailed, "stale_version")
			require.InEpsilon(t, 2, a.json()["current_version"], 0)
			require.Equal(t, `"2"`, a.header.Get("ETag"))
		}
	})
	t.Run("what is no list of tags is 422 and changes nothing", func(t *testing.T) {
		t.Parallel()
		for _, tags := range [][]string{{``}, {`2`}, {`"2`}, {`"2" "3"`}, {`*, "2"`}, {`w/"2"`}, {`"a b"`}, {`,`}} {
			h := setup(t)
			a := update(h, tags...)
			a.requireProblem(http.StatusUnprocessableEntity, "validation_failed")
			require.Contains(t, a.places(), "header.If-Match", tags)
			require.Equal(t, "second", h.admin(http.MethodGet, "/api/v1/config/k"+inBilling, "").json()["value"])
		}
	})
	t.Run("deleting and rolling back heed it too", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		headers := as(adminKey)
		headers.Set("If-Match", `"1"`)
		h.send(http.MethodDelete, "/api/v1/config/1", "", headers).requireProblem(412, "stale_version")
		h.send(http.MethodPost, "/api/v1/config/1/rollback", `{"version":1}`, headers).requireProblem(412, "stale_version")
		headers.Set("If-Match", `"2"`)
		require.Equal(t, http.StatusNoContent, h.send(http.MethodDelete, "/api/v1/config/1", "", headers).status)
	})
	t.Run("an unknown configuration is 404 also then", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		headers := as(adminKey)
		headers.Set("If-Match", `"2"`)
		h.send(http.MethodDelete, "/api/v1/config/5", "", headers).requireProblem(404, "configuration_not_found")
	})
}
