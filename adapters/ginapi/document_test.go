package ginapi_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestDocument(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) map[string]any {
		t.Helper()
		body, err := ginapi.Document("1.2.3", fixture.Modules())
		require.NoError(t, err)
		var d map[string]any
		require.NoError(t, json.Unmarshal(body, &d))
		return d
	}

	t.Run("it is the same each time, and what an API serves", func(t *testing.T) {
		t.Parallel()
		first, err := ginapi.Document("1.2.3", fixture.Modules())
		require.NoError(t, err)
		second, err := ginapi.Document("1.2.3", fixture.Modules())
		require.NoError(t, err)
		require.Equal(t, string(first), string(second))
		h := newTestServer(t)
		a := h.send(http.MethodGet, "/openapi.json", "", nil)
		require.Equal(t, string(first), a.body)
		require.Equal(t, "application/openapi+json", a.header.Get("Content-Type"))
		a = h.send(http.MethodGet, "/openapi.yaml", "", nil)
		require.Contains(t, a.body, "openapi: ")
		require.Contains(t, a.body, "/api/v1/config/{config}:")
	})
	t.Run("it has every operation once, and every operation it has is served", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		want := []string{
			"get /", "get /health", "get /livez", "get /readyz",
			"get /api/v1/config/", "post /api/v1/config/",
			"get /api/v1/config/{config}", "put /api/v1/config/{config}", "delete /api/v1/config/{config}",
			"get /api/v1/config/{config_id}/history", "post /api/v1/config/{config_id}/rollback",
			"get /api/v1/feature-flags/", "post /api/v1/feature-flags/", "get /api/v1/feature-flags/{flag}",
			"put /api/v1/feature-flags/{flag}", "delete /api/v1/feature-flags/{flag}",
			"get /api/v1/feature-flags/{flag_id}/history", "post /api/v1/feature-flags/{flag_id}/rollback",
			"post /api/v1/feature-flags/{flag_id}/preview", "post /api/v1/feature-flags/evaluate",
			"post /api/v1/feature-flags/evaluate/batch", "post /api/v1/feature-flags/explain",
			"post /ofrep/v1/evaluate/flags", "post /ofrep/v1/evaluate/flags/{key}",
			"post /api/v1/registry/register", "get /api/v1/registry/", "get /api/v1/registry/healthy",
			"put /api/v1/registry/health", "post /api/v1/registry/heartbeats",
			"get /api/v1/registry/{service_name}", "delete /api/v1/registry/{service_name}",
			"get /api/v1/registry/{service_name}/health-history",
			"patch /api/v1/registry/{service_name}/instances/{instance_id}",
			"delete /api/v1/registry/{service_name}/instances/{instance_id}",
			"put /api/v1/registry/{service_name}/instances/{instance_id}/heartbeat",
			"get /api/v1/discovery/{service_name}", "get /prometheus/sd",
			"get /api/v1/changes", "get /api/v1/changes/stream", "get /ofrep/v1/stream",
			"get /api/v1/access/keys/", "post /api/v1/access/keys/", "get /api/v1/access/keys/{key_id}",
			"patch /api/v1/access/keys/{key_id}", "delete /api/v1/access/keys/{key_id}",
			"post /api/v1/access/keys/{key_id}/rotate", "post /api/v1/access/check", "post /api/v1/access/login/jwt",
			"get /api/v1/access/issuers/", "post /api/v1/access/issuers/", "get /api/v1/access/issuers/{issuer_id}",
			"patch /api/v1/access/issuers/{issuer_id}", "delete /api/v1/access/issuers/{issuer_id}",
			"get /api/v1/access/bindings/", "post /api/v1/access/bindings/", "get /api/v1/access/bindings/{binding_id}",
			"patch /api/v1/access/bindings/{binding_id}", "delete /api/v1/access/bindings/{binding_id}",
			"get /api/v1/audit/", "get /api/v1/audit/verify", "get /api/v1/audit/head",
			"get /api/v1/encryption/status", "post /api/v1/encryption/rotate",
		}
		h.api.Stop() // ends watches at once
		var got []string
		for path, item := range setup(t)["paths"].(map[string]any) {
			for method := range item.(map[string]any) {
				got = append(got, method+" "+path)
				target := strings.NewReplacer("{config}", "1", "{flag}", "1", "{key}", "k", "{config_id}", "1", "{flag_id}", "1", "{name}", "n").Replace(path)
				a := h.admin(strings.ToUpper(method), target, "")
				require.NotContains(t, []string{"not_found", "method_not_allowed"}, code(a), target)
			}
		}
		require.ElementsMatch(t, want, got)
	})
	t.Run("every route that is served is in it", func(t *testing.T) {
		t.Parallel()
		paths := setup(t)["paths"].(map[string]any)
		documented := map[string]bool{}
		anonymous := strings.NewReplacer("{config}", "*", "{flag}", "*", "{key}", "*", "{config_id}", "*", "{flag_id}", "*", "{name}", "*",
			"{service_name}", "*", "{instance_id}", "*", "{key_id}", "*", "{issuer_id}", "*", "{binding_id}", "*")
		for path, item := range paths {
			for method := range item.(map[string]any) {
				documented[strings.ToUpper(method)+strings.TrimSuffix(anonymous.Replace(path), "/")] = true
			}
		}
		for _, route := range newTestServer(t).api.Routes() {
			path := strings.NewReplacer(":p1", "*", ":p2", "*", "/api/v1/services", "/api/v1/registry").Replace(route.Path)
			path = strings.TrimSuffix(path, "/")
			if route.Method == http.MethodHead || !strings.HasPrefix(path, "/api/v1/") {
				continue
			}
			require.True(t, documented[route.Method+path], "%s %s", route.Method, route.Path)
		}
	})
	t.Run("its references lead somewhere, and nothing is in it that nobody sends", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		schemas := d["components"].(map[string]any)["schemas"].(map[string]any)
		used := map[string]bool{}
		collectReferences(d, used)
		headers := d["components"].(map[string]any)["headers"].(map[string]any)
		for name := range used {
			if header, ok := strings.CutPrefix(name, "#/components/headers/"); ok {
				require.Contains(t, headers, header)
				continue
			}
			require.NotNil(t, schemas[name], name)
		}
		for name := range headers {
			require.True(t, used["#/components/headers/"+name], name)
		}
		for name := range schemas {
			require.True(t, used[name], name)
		}
	})
	t.Run("bodies are closed, and failures are problems", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		schemas := d["components"].(map[string]any)["schemas"].(map[string]any)
		for _, name := range []string{"ConfigurationCreate", "ConfigurationUpdate", "RollBack"} {
			require.Equal(t, false, schemas[name].(map[string]any)["additionalProperties"])
		}
		for path, item := range d["paths"].(map[string]any) {
			for _, op := range item.(map[string]any) {
				responses := op.(map[string]any)["responses"].(map[string]any)
				if strings.HasPrefix(path, "/ofrep/") {
					require.Contains(t, responses["400"].(map[string]any)["content"], "application/json")
					continue
				}
				require.Contains(t, responses["default"].(map[string]any)["content"], "application/problem+json")
			}
		}
	})
	t.Run("every operation is described, and every request has an example that is valid", func(t *testing.T) {
		t.Parallel()
		for path, item := range setup(t)["paths"].(map[string]any) {
			for method, o := range item.(map[string]any) {
				op := o.(map[string]any)
				require.NotEmpty(t, op["description"], "%s %s", method, path)
				body, _ := op["requestBody"].(map[string]any)
				if body == nil {
					continue
				}
				example := body["content"].(map[string]any)["application/json"].(map[string]any)["example"]
				require.NotNil(t, example, "%s %s", method, path)
				text, err := json.Marshal(example)
				require.NoError(t, err)
				require.NoError(t, documented().CheckBody(method, path, text), "%s %s", method, path)
			}
		}
	})
	t.Run("every string is constrained, and no two paths are identical templates", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		requireConstrained(t, "", d)
		templates := map[string]string{}
		for path := range d["paths"].(map[string]any) {
			plain := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(path, "{}")
			require.Empty(t, templates[plain], path)
			templates[plain] = path
		}
		require.NotEmpty(t, d["servers"])
	})
	t.Run("a problem has the members that it promises", func(t *testing.T) {
		t.Parallel()
		schemas := setup(t)["components"].(map[string]any)["schemas"].(map[string]any)
		promised := schemas["Problem"].(map[string]any)["properties"].(map[string]any)
		a := newTestServer(t).admin(http.MethodGet, "/api/v1/config/?limit=0", "")
		for name := range a.json() {
			require.Contains(t, promised, name)
		}
		for _, name := range schemas["Problem"].(map[string]any)["required"].([]any) {
			require.Contains(t, a.json(), name)
		}
	})
}

// requireConstrained asserts that every schema of a string has a constraint, but for bodies
// of other media types.
func requireConstrained(t *testing.T, at string, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		if v["type"] == "string" && !strings.Contains(at, "text/") && !strings.HasSuffix(at, "/example") {
			constrained := v["maxLength"] != nil || v["enum"] != nil || v["format"] != nil || v["pattern"] != nil
			require.True(t, constrained, at)
		}
		for name, inner := range v {
			requireConstrained(t, at+"/"+name, inner)
		}
	case []any:
		for _, inner := range v {
			requireConstrained(t, at, inner)
		}
	}
}

// collectReferences notes the names of the schemas that a document refers to.
func collectReferences(v any, used map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			used[strings.TrimPrefix(ref, "#/components/schemas/")] = true
		}
		for _, inner := range v {
			collectReferences(inner, used)
		}
	case []any:
		for _, inner := range v {
			collectReferences(inner, used)
		}
	}
}

// code returns that of a problem, and nothing of what is none.
func code(a answer) any {
	if a.header.Get("Content-Type") != "application/problem+json" {
		return nil
	}
	return a.json()["code"]
}
