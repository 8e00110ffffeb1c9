package ginapi_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPathsAndQueriesAreText sends to every operation of the document a path and a query
// that are no text.
func TestPathsAndQueriesAreText(t *testing.T) {
	t.Parallel()
	h := newTestServer(t)
	parameter := regexp.MustCompile(`\{[^}]*\}`)
	paths, _ := document(t, h)["paths"].(map[string]any)
	require.NotEmpty(t, paths)
	for path, item := range paths {
		for method := range item.(map[string]any) {
			if method = strings.ToUpper(method); !strings.Contains("GET HEAD POST PUT PATCH DELETE", method) {
				continue
			}
			for _, illegible := range []string{"%00", "a%00b", "%ff", "%C3%28"} {
				plain := parameter.ReplaceAllString(path, "1")
				targets := map[string]string{plain + "?x=" + illegible: "malformed_query", plain + "?" + illegible + "=1": "malformed_query"}
				if strings.Contains(path, "{") {
					targets[parameter.ReplaceAllString(path, illegible)] = "malformed_path"
				}
				for target, code := range targets {
					a := h.admin(method, target, "{}")
					assert.Equal(t, http.StatusBadRequest, a.status, "%s %s: %s", method, target, a.body)
					if !strings.HasPrefix(path, "/ofrep") && method != http.MethodHead {
						a.requireProblem(http.StatusBadRequest, code)
					}
				}
			}
		}
	}
	h.admin(http.MethodGet, "/nothing%00", "").requireProblem(http.StatusBadRequest, "malformed_path")
	h.admin(http.MethodGet, "/api/v1/config/a%C3%A4?environment=production&service_name=shop", "").
		requireProblem(http.StatusUnprocessableEntity, "validation_failed")
}

func TestBodiesAreUTF8(t *testing.T) {
	t.Parallel()
	h := registryServer(t)
	for _, target := range []string{"/api/v1/config/", "/api/v1/feature-flags/evaluate", registryPath + "/heartbeats"} {
		for charset, supported := range map[string]bool{
			"utf-8": true, "UTF-8": true, `"utf-8"`: true, "us-ascii": true,
			"utf-16": false, "UTF-16LE": false, "iso-8859-1": false, "windows-1252": false, "x": false,
		} {
			a := h.send(http.MethodPost, target, `{}`, with(
				"Authorization", "ApiKey "+adminKey, "Content-Type", "application/json; charset="+charset,
			))
			assert.Equal(t, !supported, a.status == http.StatusUnsupportedMediaType, "%s: %s", charset, a.body)
		}
	}
}

func TestLocationsAreOfOneForm(t *testing.T) {
	t.Parallel()
	h := registryServer(t)
	for body, want := range map[string]struct{ target, location string }{
		`{"name":"n","grants":[{"role":"reader","environments":[]}]}`: {"/api/v1/access/keys/", "body.grants[0].environments"},
		`{"name":"n","grants":[{"role":5}]}`:                          {"/api/v1/access/keys/", "body.grants[0].role"},
		`{"action":"flag.read","resource":{"environment":"moon"}}`:    {"/api/v1/access/check", "body.resource.environment"},
		`{"service_name":"a","instance_id":"b","service_url":"http://a","check":{"type":"http","interval_seconds":0}}`: {
			registryPath + "/register", "body.check.interval_seconds",
		},
		`{"name":"a","environment":"production","rules":[{"variant":"b"}]}`: {flagsPath, "body.rules[0].variant"},
		`{"heartbeats":[{"service_name":"a","instance_id":"x","lease_epoch":1},{"service_name":"health","instance_id":"x","lease_epoch":1}]}`: {
			registryPath + "/heartbeats", "body.heartbeats[1].service_name",
		},
	} {
		a := h.admin(http.MethodPost, want.target, body)
		assert.Contains(t, a.body, `"location":"`+want.location+`"`, want.target)
	}
}

func TestTimesAreThoseOfRFC3339(t *testing.T) {
	t.Parallel()
	h := newTestServer(t)
	for _, at := range []string{
		"0000-01-01T00:00:00+23:59", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-00:01",
		"2030-01-31T18:00:00+24:00", "2030-01-31T18:00:00-24:00", "2030-01-31T18:00:00+23:60",
		"2030-01-31T1:00:00Z", "2030-02-30T00:00:00Z",
	} {
		for _, field := range []string{"expires_at", "not_before"} {
			a := h.admin(http.MethodPost, "/api/v1/access/keys/", `{"name":"n","grants":[{"role":"reader"}],"`+field+`":"`+at+`"}`)
			a.requireProblem(http.StatusUnprocessableEntity, "validation_failed")
			assert.Contains(t, a.places(), "body."+field)
		}
		a := h.admin(http.MethodGet, "/api/v1/audit/?from="+strings.ReplaceAll(at, "+", "%2B"), "")
		a.requireProblem(http.StatusUnprocessableEntity, "validation_failed")
	}
}
