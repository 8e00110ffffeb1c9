package ginapi_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/exchange"
)

// TestDocumentOfRequests observes what the document says about requests that clients seldom
// send. Each response is checked against it by testServer.send.
func TestDocumentOfRequests(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0", 1000)

	t.Run("an optional member may be null, a required one may not", func(t *testing.T) {
		t.Parallel()
		const check = "/api/v1/access/check"
		for body, valid := range map[string]bool{
			`{"action":"flag.read","resource":null,"key_id":null}`: true,
			`{"action":null}`: false,
		} {
			err := documented().CheckBody("post", check, []byte(body))
			require.Equal(t, valid, err == nil, "%s: %v", body, err)
			status := newTestServer(t).admin(http.MethodPost, check, body).status
			require.Equal(t, valid, status == http.StatusOK, "%s: %d", body, status)
		}
		require.NoError(t, documented().CheckBody("post", "/api/v1/feature-flags/", []byte(
			`{"name":"f","environment":"production","is_enabled":true,"type":null,"default":null,"variants":null}`)))
	})
	t.Run("a parameter is as long as it says at most", func(t *testing.T) {
		t.Parallel()
		h := registryServer(t)
		zeros := func(n int) string { return strings.Repeat("0", n) }
		for target, most := range map[string]int{
			"/prometheus/sd?service=": 1024, "/api/v1/changes?wait=0s&service_name=": 100,
			"/api/v1/config/?key_prefix=": 255, "/api/v1/audit/?action=": 1024,
		} {
			require.Equal(t, http.StatusOK, h.admin(http.MethodGet, target+zeros(most), "").status, target)
			a := h.admin(http.MethodGet, target+zeros(most+1), "")
			require.Equal(t, http.StatusUnprocessableEntity, a.status, target)
			require.Contains(t, a.body, "must be at most "+strconv.Itoa(most)+" characters long")
		}
		require.Equal(t, http.StatusOK, h.admin(http.MethodGet, "/prometheus/sd?service="+strings.Repeat("%C3%BC", 1024), "").status,
			"characters count, not bytes")
	})
	t.Run("a watch is narrowed to a name that a service may have, the audit log to any", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		a := h.admin(http.MethodGet, "/api/v1/changes?wait=0s&service_name=%C2%84", "")
		require.Equal(t, http.StatusUnprocessableEntity, a.status, a.body)
		require.Contains(t, a.body, "service_name")
		require.Equal(t, http.StatusOK, h.admin(http.MethodGet, "/api/v1/audit/?service_name=%C2%84&environment=%C2%84&resource_type=A", "").status)
	})
	t.Run("so is a header", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.create("k", "v", false)
		for name, most := range map[string]int{"If-Match": 4096, "If-None-Match": 4096, "If-Unmodified-Since": 1024} {
			a := h.conditional(http.MethodPut, "/api/v1/config/1", `{"value":"w"}`, name, `"`+strings.Repeat("0", most-1)+`"`)
			require.Equal(t, http.StatusUnprocessableEntity, a.status, name)
			require.Contains(t, a.body, "header."+name)
		}
		a := h.ofrep(ofrepPath, `{}`, "If-None-Match", strings.Repeat("0", 4097))
		require.Equal(t, http.StatusBadRequest, a.status, "also of OFREP, in its terms")
	})
	t.Run("a failure of OFREP repeats a key of any length", func(t *testing.T) {
		t.Parallel()
		a := newTestServer(t).ofrep(ofrepPath+"/"+long, `{}`)
		require.Equal(t, http.StatusNotFound, a.status)
		require.Equal(t, long, a.json()["key"])
	})
	t.Run("a heartbeat of many is answered with its names as they were sent", func(t *testing.T) {
		t.Parallel()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/registry/heartbeats",
			strings.NewReader(`{"heartbeats":[{"service_name":"`+long+`","instance_id":"`+long+`","lease_epoch":1}]}`))
		r.Header = as(adminKey)
		a := registryServer(t).serve(r)
		require.Equal(t, http.StatusOK, a.status, a.body)
		result := a.json()["results"].([]any)[0].(map[string]any)
		require.Equal(t, long, result["service_name"])
		require.Equal(t, long, result["instance_id"])
		require.InDelta(t, http.StatusUnprocessableEntity, result["status"], 0)
		require.NoError(t, documented().Check(exchange.Exchange{
			Method: r.Method, URL: r.URL, Body: []byte(`{"heartbeats":[]}`), Status: a.status, Header: a.header,
			Response: []byte(a.body),
		}))
	})
	t.Run("null is no name of a flag", func(t *testing.T) {
		t.Parallel()
		a := newTestServer(t).admin(http.MethodPost, flagsPath+"evaluate/batch",
			`{"environment":"production","flag_names":[null]}`)
		require.Equal(t, http.StatusUnprocessableEntity, a.status, a.body)
		require.Contains(t, a.body, "must be a list of names")
	})
}
