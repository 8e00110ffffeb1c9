package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestInput(t *testing.T) {
	t.Parallel()
	c := e2etest.Boot(t, e2etest.NewSQLite(t)).Admin(t)
	whole := `{"key":"k","value":"v","environment":"production","service_name":"shop"}`
	replace := func(part, other string) string { return strings.Replace(whole, part, other, 1) }

	for _, r := range []struct {
		name   string
		body   string
		header e2etest.Header
		status int
		code   string
		places []string
	}{
		{name: "another content type", body: whole, header: e2etest.With("Content-Type", "text/plain"), status: 415, code: "unsupported_media_type"},
		{name: "nothing", body: "", status: 400, code: "body_missing"},
		{name: "not JSON", body: "{", status: 400, code: "malformed_json"},
		{name: "data after the end", body: whole + "{}", status: 400, code: "malformed_json"},
		{name: "invalid UTF-8", body: replace(`"v"`, "\"\xff\""), status: 400, code: "malformed_json"},
		{name: "a lone surrogate", body: replace(`"v"`, `"\ud800"`), status: 400, code: "malformed_json"},
		{name: "a duplicate field", body: replace(`"value"`, `"key":"k","value"`), status: 400, code: "malformed_json"},
		{name: "too deep", body: strings.Repeat("[", 33) + strings.Repeat("]", 33), status: 400, code: "malformed_json"},
		{name: "too large", body: replace(`"v"`, `"`+strings.Repeat("v", 1<<20)+`"`), status: 413, code: "body_too_large"},
		{name: "an unknown field", body: replace(`"value"`, `"colour":1,"value"`), status: 422, code: "validation_failed", places: []string{"body.colour"}},
		{name: "a field in another case", body: replace(`"value"`, `"Value"`), status: 422, code: "validation_failed"},
		{name: "a missing field", body: `{"key":"k"}`, status: 422, code: "validation_failed", places: []string{"body.value", "body.environment", "body.service_name"}},
		{name: "null for a required field", body: replace(`"v"`, `null`), status: 422, code: "validation_failed", places: []string{"body.value"}},
		{name: "a wrong type", body: replace(`"v"`, `5`), status: 422, code: "validation_failed", places: []string{"body.value"}},
		{name: "a NUL", body: replace(`"v"`, `"a\u0000b"`), status: 422, code: "validation_failed", places: []string{"body.value"}},
		{name: "a list", body: `[]`, status: 422, code: "validation_failed"},
	} {
		t.Run("rejected: "+r.name, func(t *testing.T) {
			t.Parallel()
			var headers []e2etest.Header
			if r.header.Name != "" {
				headers = append(headers, r.header)
			}
			p := c.Post(t, "/api/v1/config/", r.body, headers...).Problem(t, r.status, r.code)
			if r.places != nil {
				require.ElementsMatch(t, r.places, e2etest.Locations(t, p))
			}
		})
	}

	t.Run("null for an optional field counts as omitted", func(t *testing.T) {
		t.Parallel()
		body := `{"key":"n","value":"v","environment":"staging","service_name":"shop","description":null,"is_encrypted":null}`
		c.Post(t, "/api/v1/config/", body).Want(t, http.StatusCreated)
	})

	t.Run("an unknown path is 404, and another method 405", func(t *testing.T) {
		t.Parallel()
		c.Get(t, "/api/v2/config/").Problem(t, http.StatusNotFound, "not_found")
		a := c.Do(t, http.MethodPatch, "/api/v1/config/1", "{}")
		a.Problem(t, http.StatusMethodNotAllowed, "method_not_allowed")
		require.Contains(t, a.Header.Get("Allow"), http.MethodPut)
	})

	t.Run("a broken path or query is malformed", func(t *testing.T) {
		t.Parallel()
		c.Get(t, "/api/v1/config/?environment=%zz").Problem(t, http.StatusBadRequest, "malformed_query")
	})

	t.Run("an invalid id is rejected", func(t *testing.T) {
		t.Parallel()
		p := c.Put(t, "/api/v1/config/abc", `{"value":"v"}`).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
		require.Equal(t, []string{"path.config_id"}, e2etest.Locations(t, p))
		c.Put(t, "/api/v1/config/1", `{"value":"v"}`, e2etest.With("If-Match", "1")).
			Problem(t, http.StatusUnprocessableEntity, "validation_failed")
	})

	t.Run("a valid request id is kept, another one is replaced", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "my-id_1.2", c.Get(t, "/livez", e2etest.With("X-Request-Id", "my-id_1.2")).Header.Get("X-Request-Id"))
		made := c.Get(t, "/livez", e2etest.With("X-Request-Id", "a b")).Header.Get("X-Request-Id")
		require.NotEmpty(t, made)
		require.NotEqual(t, "a b", made)
	})
}
