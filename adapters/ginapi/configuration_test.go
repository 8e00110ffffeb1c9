package ginapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCreating(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *testServer { t.Helper(); return newTestServer(t) }

	t.Run("a new configuration is 201 with location, tag and all its members", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.admin(http.MethodPost, "/api/v1/config/",
			`{"key":"db/url@a+b","value":"postgres://x","environment":"production","service_name":"billing",`+
				`"description":"where the data is"}`)
		require.Equal(t, http.StatusCreated, a.status, a.body)
		require.Equal(t, `"1"`, a.header.Get("ETag"))
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
		require.Equal(t, "no-store", a.header.Get("Cache-Control"))
		require.Equal(t,
			"/api/v1/config/db%2Furl@a+b?environment=production&service_name=billing", a.header.Get("Location"))
		got := a.json()
		require.Regexp(t, `^2026-01-31T12:00:\d\d\.000000Z$`, got["created_at"])
		require.Equal(t, got["created_at"], got["updated_at"])
		delete(got, "created_at")
		delete(got, "updated_at")
		require.Equal(t, map[string]any{
			"id": 1.0, "key": "db/url@a+b", "value": "postgres://x", "environment": "production",
			"service_name": "billing", "description": "where the data is", "is_encrypted": false,
			"version": 1.0, "updated_by": "ann",
		}, got)
	})
	t.Run("the location leads to what was created", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		location := h.create("a/b+c:d@e", "v", false).header.Get("Location")
		a := h.admin(http.MethodGet, location, "")
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Equal(t, "a/b+c:d@e", a.json()["key"])
	})
	t.Run("one that exists is 409 with the other's id", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.create("taken", "v", false)
		a := h.admin(http.MethodPost, "/api/v1/config",
			`{"key":"taken","value":"w","environment":"production","service_name":"billing"}`)
		a.requireProblem(http.StatusConflict, "already_exists")
		require.InEpsilon(t, 1, a.json()["id"], 0)
	})
	t.Run("the answer redacts an encrypted value", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.create("secret", "canary", true)
		require.NotContains(t, a.body, "canary")
		require.NotContains(t, a.json(), "value")
		require.Equal(t, true, a.json()["value_redacted"])
		require.Equal(t, `"1-redacted"`, a.header.Get("ETag"))
	})
	t.Run("null for an optional member is as not given", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.admin(http.MethodPost, "/api/v1/config/",
			`{"key":"k","value":"","environment":"production","service_name":"billing","description":null,"is_encrypted":null}`)
		require.Equal(t, http.StatusCreated, a.status, a.body)
		require.Contains(t, a.body, `"description":null`)
		require.Empty(t, a.json()["value"])
		require.Contains(t, a.json(), "value")
	})
	t.Run("rules of the domain name their places in the body", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.admin(http.MethodPost, "/api/v1/config/",
			`{"key":"a//b","value":"x\u0000","environment":"moon","service_name":"-"}`)
		a.requireProblem(http.StatusUnprocessableEntity, "validation_failed")
		require.Len(t, a.places(), 4)
		for _, member := range []string{"key", "value", "environment", "service_name"} {
			require.Contains(t, a.places(), "body."+member)
		}
	})
}

func TestReading(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *testServer {
		t.Helper()
		h := newTestServer(t)
		h.create("plain", "first", false)
		h.create("secret", "canary", true)
		return h
	}

	t.Run("one is 200 with strong tag and time of the last change", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.send(http.MethodGet, "/api/v1/config/plain"+inBilling, "", as(readerKey))
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Equal(t, "first", a.json()["value"])
		require.Equal(t, `"1"`, a.header.Get("ETag"))
		require.Equal(t, "private, no-cache", a.header.Get("Cache-Control"))
		h.later(time.Minute)
		a = h.send(http.MethodGet, "/api/v1/config/plain"+inBilling, "", as(readerKey))
		require.Regexp(t, `^Sat, 31 Jan 2026 12:00:\d\d GMT$`, a.header.Get("Last-Modified"))
	})
	t.Run("callers that may reveal an encrypted value see it, under another tag", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		for _, key := range []string{adminKey, revealerKey} {
			a := h.send(http.MethodGet, "/api/v1/config/secret"+inBilling, "", as(key))
			require.Equal(t, "canary", a.json()["value"])
			require.NotContains(t, a.json(), "value_redacted")
			require.Equal(t, `"1-revealed"`, a.header.Get("ETag"))
		}
		a := h.send(http.MethodGet, "/api/v1/config/secret"+inBilling, "", as(readerKey))
		require.NotContains(t, a.body, "canary")
		require.Equal(t, true, a.json()["value_redacted"])
		require.Equal(t, `"1-redacted"`, a.header.Get("ETag"))
	})
	t.Run("an earlier version or time reads what stood then", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		created := h.admin(http.MethodGet, "/api/v1/config/plain"+inBilling, "").json()["created_at"].(string)
		require.Equal(t, http.StatusOK, h.admin(http.MethodPut, "/api/v1/config/1", `{"value":"second"}`).status)
		for _, query := range []string{"&version=1", "&at=" + created} {
			a := h.admin(http.MethodGet, "/api/v1/config/plain"+inBilling+query, "")
			require.Equal(t, http.StatusOK, a.status, a.body)
			require.Equal(t, "first", a.json()["value"])
		}
		h.admin(http.MethodGet, "/api/v1/config/plain"+inBilling+"&version=9", "").
			requireProblem(http.StatusNotFound, "version_not_found")
		h.admin(http.MethodGet, "/api/v1/config/plain"+inBilling+"&at=1999-01-01T00:00:00Z", "").
			requireProblem(http.StatusNotFound, "configuration_not_found")
	})
	t.Run("without environment or service it is 422 naming both", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.admin(http.MethodGet, "/api/v1/config/plain?environment=", "")
		a.requireProblem(http.StatusUnprocessableEntity, "validation_failed")
		require.Equal(t, map[string]string{"query.environment": "is required", "query.service_name": "is required"}, a.places())
	})
	t.Run("version and time together are 422", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.admin(http.MethodGet, "/api/v1/config/plain"+inBilling+"&version=1&at=2026-01-31T12:00:00Z", "")
		a.requireProblem(http.StatusUnprocessableEntity, "validation_failed")
		require.Contains(t, a.places(), "query.at")
	})
	t.Run("an unknown one is 404", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.admin(http.MethodGet, "/api/v1/config/nothing"+inBilling, "").
			requireProblem(http.StatusNotFound, "configuration_not_found")
	})
	t.Run("a key is unescaped once, by the rules of paths", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.create("a+b/c", "plus", false)
		for _, path := range []string{"a+b%2Fc", "a%2Bb%2fc", "%61+b%2Fc/"} {
			a := h.admin(http.MethodGet, "/api/v1/config/"+path+inBilling, "")
			require.Equal(t, http.StatusOK, a.status, path)
			require.Equal(t, "plus", a.json()["value"])
		}
		for _, path := range []string{"a+b%252Fc", "100%25", "a%20b", "%07"} {
			a := h.admin(http.MethodGet, "/api/v1/config/"+path+inBilling, "")
			a.requireProblem(http.StatusUnprocessableEntity, "validation_failed")
			require.Contains(t, a.places(), "path.key")
		}
	})
	t.Run("no key is hidden by a fixed segment", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		for _, key := range []string{"history", "rollback", "config", "1"} {
			h.create(key, "of "+key, false)
			a := h.admin(http.MethodGet, "/api/v1/config/"+key+inBilling, "")
			require.Equal(t, "of "+key, a.json()["value"])
		}
	})
}

func TestListing(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *testServer {
		t.Helper()
		h := newTestServer(t)
		h.create("a", "1", false)
		h.create("b.x", "canary", true)
		h.create("b.y", "3", false)
		return h
	}

	t.Run("a page tells the true total, with and without the slash", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		for _, path := range []string{"/api/v1/config/", "/api/v1/config"} {
			a := h.send(http.MethodGet, path+"?limit=2&offset=1", "", as(readerKey))
			require.Equal(t, http.StatusOK, a.status, a.body)
			list := a.json()["configurations"].([]any)
			require.Len(t, list, 2)
			require.Equal(t, "b.x", list[0].(map[string]any)["key"])
			require.InEpsilon(t, 3, a.json()["total"], 0)
			require.InEpsilon(t, 2, a.json()["limit"], 0)
			require.InEpsilon(t, 1, a.json()["offset"], 0)
		}
	})
	t.Run("the defaults are 100 and 0", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.admin(http.MethodGet, "/api/v1/config/", "")
		require.InEpsilon(t, 100, a.json()["limit"], 0)
		require.Zero(t, a.json()["offset"])
	})
	t.Run("encrypted values are never in it", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.admin(http.MethodGet, "/api/v1/config/?key_prefix=b.x", "")
		require.NotContains(t, a.body, "canary")
		require.Contains(t, a.body, `"value_redacted":true`)
	})
	t.Run("nothing found is an empty list", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.admin(http.MethodGet, "/api/v1/config/?environment=development&service_name=other", "")
		require.Contains(t, a.body, `"configurations":[]`)
		require.Zero(t, a.json()["total"])
	})
	t.Run("deleted ones are a list of their own and marked", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		require.Equal(t, http.StatusNoContent, h.admin(http.MethodDelete, "/api/v1/config/1", "").status)
		a := h.admin(http.MethodGet, "/api/v1/config/?deleted=true", "")
		require.InEpsilon(t, 1, a.json()["total"], 0)
		require.Contains(t, a.body, `"deleted":true`)
		require.NotContains(t, h.admin(http.MethodGet, "/api/v1/config/", "").body, `"deleted"`)
	})
}

func TestChanging(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *testServer {
		t.Helper()
		h := newTestServer(t)
		h.create("k", "first", false)
		return h
	}

	t.Run("an update is 200 with the next version, and what is not named stays", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.admin(http.MethodPut, "/api/v1/config/1/", `{"description":""}`)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Equal(t, `"2"`, a.header.Get("ETag"))
		require.Equal(t, "first", a.json()["value"])
		require.Contains(t, a.body, `"description":""`)
	})
	t.Run("an update of nothing answers what is there", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.admin(http.MethodPut, "/api/v1/config/1", `{"value":null}`)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.InEpsilon(t, 1, a.json()["version"], 0)
	})
	t.Run("a deletion is 204 without a body, and then all is 404 but the history", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.admin(http.MethodDelete, "/api/v1/config/1", "")
		require.Equal(t, http.StatusNoContent, a.status)
		require.Empty(t, a.body)
		h.admin(http.MethodGet, "/api/v1/config/k"+inBilling, "").requireProblem(404, "configuration_not_found")
		h.admin(http.MethodPut, "/api/v1/config/1", `{}`).requireProblem(404, "configuration_not_found")
		h.admin(http.MethodDelete, "/api/v1/config/1", "").requireProblem(404, "configuration_not_found")
		require.Equal(t, http.StatusOK, h.admin(http.MethodGet, "/api/v1/config/1/history", "").status)
	})
	t.Run("a rollback is 200 with a new version", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.admin(http.MethodPut, "/api/v1/config/1", `{"value":"second"}`)
		a := h.admin(http.MethodPost, "/api/v1/config/1/rollback", `{"version":1}`)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.InEpsilon(t, 3, a.json()["version"], 0)
		require.Equal(t, "first", a.json()["value"])
		require.Equal(t, `"3"`, a.header.Get("ETag"))
	})
	t.Run("a rollback to a deletion is 409, to what never was 404", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.admin(http.MethodDelete, "/api/v1/config/1", "")
		h.admin(http.MethodPost, "/api/v1/config/1/rollback", `{"version":2}`).requireProblem(409, "version_is_delete")
		h.admin(http.MethodPost, "/api/v1/config/1/rollback", `{"version":7}`).requireProblem(404, "version_not_found")
		h.admin(http.MethodPost, "/api/v1/config/9/rollback", `{"version":1}`).
			requireProblem(404, "configuration_not_found")
	})
}

func TestHistory(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *testServer {
		t.Helper()
		h := newTestServer(t)
		h.create("k", "first", false)
		h.send(http.MethodPut, "/api/v1/config/1", `{"value":"second","description":"why"}`,
			with("X-API-Key", adminKey, "X-Request-Id", "req-2"))
		return h
	}

	t.Run("entries come newest first with all their members", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		a := h.send(http.MethodGet, "/api/v1/config/1/history?limit=1", "", as(readerKey))
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.InEpsilon(t, 2, a.json()["total"], 0)
		list := a.json()["history"].([]any)
		require.Len(t, list, 1)
		got := list[0].(map[string]any)
		require.Regexp(t, `^2026-01-31T12:00:\d\d\.000000Z$`, got["changed_at"])
		delete(got, "changed_at")
		require.Equal(t, map[string]any{
			"id": 2.0, "configuration_id": 1.0, "version": 2.0, "action": "update",
			"old_value": "first", "new_value": "second", "description": "why", "is_encrypted": false,
			"changed_by": "ann", "changed_by_key_id": "adminkey", "request_id": "req-2",
		}, got)
	})
	t.Run("a value that is none is null", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.admin(http.MethodDelete, "/api/v1/config/1", "")
		a := h.admin(http.MethodGet, "/api/v1/config/1/history", "")
		list := a.json()["history"].([]any)
		deleted, created := list[0].(map[string]any), list[2].(map[string]any)
		require.Equal(t, "delete", deleted["action"])
		require.Equal(t, "second", deleted["old_value"])
		require.Contains(t, deleted, "new_value")
		require.Nil(t, deleted["new_value"])
		require.Contains(t, created, "old_value")
		require.Nil(t, created["old_value"])
	})
	t.Run("encryption turned on leaves out every value", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		require.Equal(t, http.StatusOK, h.admin(http.MethodPut, "/api/v1/config/1", `{"is_encrypted":true}`).status)
		a := h.admin(http.MethodGet, "/api/v1/config/1/history", "")
		require.NotContains(t, a.body, "first")
		require.NotContains(t, a.body, "second")
		for _, item := range a.json()["history"].([]any) {
			entry := item.(map[string]any)
			require.NotContains(t, entry, "new_value")
			require.Equal(t, true, entry["value_redacted"])
		}
	})
	t.Run("that of an unknown one is 404", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.admin(http.MethodGet, "/api/v1/config/77/history/", "").requireProblem(404, "configuration_not_found")
	})
}
