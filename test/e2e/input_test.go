package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInput(t *testing.T) {
	t.Parallel()
	c := boot(t, freshSQLite(t)).admin(t)
	whole := `{"key":"k","value":"v","environment":"production","service_name":"shop"}`
	replace := func(part, other string) string { return strings.Replace(whole, part, other, 1) }

	for _, r := range []struct {
		name   string
		body   string
		header with
		status int
		code   string
		places []string
	}{
		{name: "another content type", body: whole, header: with{"Content-Type", "text/plain"}, status: 415, code: "unsupported_media_type"},
		{name: "nothing", body: "", status: 400, code: "body_missing"},
		{name: "no JSON", body: "{", status: 400, code: "malformed_json"},
		{name: "something after the end", body: whole + "{}", status: 400, code: "malformed_json"},
		{name: "invalid UTF-8", body: replace(`"v"`, "\"\xff\""), status: 400, code: "malformed_json"},
		{name: "a lone surrogate", body: replace(`"v"`, `"\ud800"`), status: 400, code: "malformed_json"},
		{name: "a member twice", body: replace(`"value"`, `"key":"k","value"`), status: 400, code: "malformed_json"},
		{name: "too deep", body: strings.Repeat("[", 33) + strings.Repeat("]", 33), status: 400, code: "malformed_json"},
		{name: "too large", body: replace(`"v"`, `"`+strings.Repeat("v", 1<<20)+`"`), status: 413, code: "body_too_large"},
		{name: "an unknown member", body: replace(`"value"`, `"colour":1,"value"`), status: 422, code: "validation_failed", places: []string{"body.colour"}},
		{name: "another casing", body: replace(`"value"`, `"Value"`), status: 422, code: "validation_failed"},
		{name: "a missing member", body: `{"key":"k"}`, status: 422, code: "validation_failed", places: []string{"body.value", "body.environment", "body.service_name"}},
		{name: "null for a required member", body: replace(`"v"`, `null`), status: 422, code: "validation_failed", places: []string{"body.value"}},
		{name: "a wrong type", body: replace(`"v"`, `5`), status: 422, code: "validation_failed", places: []string{"body.value"}},
		{name: "a NUL", body: replace(`"v"`, `"a\u0000b"`), status: 422, code: "validation_failed", places: []string{"body.value"}},
		{name: "a list", body: `[]`, status: 422, code: "validation_failed"},
	} {
		t.Run("refused: "+r.name, func(t *testing.T) {
			t.Parallel()
			var headers []with
			if r.header.name != "" {
				headers = append(headers, r.header)
			}
			p := c.post(t, "/api/v1/config/", r.body, headers...).problem(t, r.status, r.code)
			if r.places != nil {
				require.ElementsMatch(t, r.places, places(t, p))
			}
		})
	}

	t.Run("null for an optional member is as if it were not there", func(t *testing.T) {
		t.Parallel()
		body := `{"key":"n","value":"v","environment":"staging","service_name":"shop","description":null,"is_encrypted":null}`
		c.post(t, "/api/v1/config/", body).want(t, http.StatusCreated)
	})

	t.Run("an unknown path is not found, and another method not allowed", func(t *testing.T) {
		t.Parallel()
		c.get(t, "/api/v2/config/").problem(t, http.StatusNotFound, "not_found")
		a := c.do(t, http.MethodPatch, "/api/v1/config/1", "{}")
		a.problem(t, http.StatusMethodNotAllowed, "method_not_allowed")
		require.Contains(t, a.header.Get("Allow"), http.MethodPut)
	})

	t.Run("a broken path or query is malformed", func(t *testing.T) {
		t.Parallel()
		c.get(t, "/api/v1/config/?environment=%zz").problem(t, http.StatusBadRequest, "malformed_query")
	})

	t.Run("an id that is none is refused", func(t *testing.T) {
		t.Parallel()
		p := c.put(t, "/api/v1/config/abc", `{"value":"v"}`).problem(t, http.StatusUnprocessableEntity, "validation_failed")
		require.Equal(t, []string{"path.config_id"}, places(t, p))
		c.put(t, "/api/v1/config/1", `{"value":"v"}`, with{"If-Match", "1"}).
			problem(t, http.StatusUnprocessableEntity, "validation_failed")
	})

	t.Run("a sane request id is taken, another is made anew", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "my-id_1.2", c.get(t, "/livez", with{"X-Request-Id", "my-id_1.2"}).header.Get("X-Request-Id"))
		made := c.get(t, "/livez", with{"X-Request-Id", "a b"}).header.Get("X-Request-Id")
		require.NotEmpty(t, made)
		require.NotEqual(t, "a b", made)
	})
}
