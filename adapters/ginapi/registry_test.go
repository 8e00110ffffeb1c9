package ginapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

const (
	registryPath = "/api/v1/registry"
	beatPath     = registryPath + "/shop/instances/a/heartbeat"
)

// registryServer returns a testServer with a registry that is ready.
func registryServer(tb testing.TB, change ...func(*ginapi.Options)) *testServer {
	tb.Helper()
	environments, err := scope.NewEnvironments("development", "production")
	require.NoError(tb, err)
	store, clock, stopwatch := fixture.NewServices(), fixture.NewClock(), fixture.NewStopwatch()
	leases := localcache.New(clock, stopwatch, fixture.NewEpoch().Present)
	services := registryapp.New(registryapp.Dependencies{
		Services: store, History: store, Source: store, Leases: leases, Readings: leases, Members: leases,
		Clock: clock, Stopwatch: stopwatch, Backoff: &fixture.NoWait{},
		Environments: environments, DefaultEnvironment: "production", Replica: "one",
	})
	require.NoError(tb, services.Refresh(tb.Context()))
	return newTestServer(tb, append(change, func(o *ginapi.Options) { o.Registry = services })...)
}

// register registers instance a of the shop, with more members.
func (h *testServer) register(more string) {
	h.tb.Helper()
	a := h.admin(http.MethodPost, registryPath+"/register",
		`{"service_name":"shop","instance_id":"a","service_url":"http://10.0.0.1:8080"`+more+`}`)
	require.Equal(h.tb, http.StatusCreated, a.status, a.body)
}

func TestHeartbeatBodies(t *testing.T) {
	t.Parallel()
	h := registryServer(t)
	h.register("")
	for _, body := range []string{
		`{"lease_epoch":1}`, ` { "lease_epoch" : 1 , "status" : null } `, `{"response_time":1.5e1,"lease_epoch":1}`,
		`{"lease_epoch":1,"status":"he\u0061lthy"}`, `{"lease_\u0065poch":1}`, `{"lease_epoch":1,"response_time":0}`,
	} {
		a := h.admin(http.MethodPut, beatPath, body)
		assert.Equal(t, http.StatusOK, a.status, "%s: %s", body, a.body)
		assert.JSONEq(t, `{"lease_epoch":1,"expires_in_ms":30000}`, a.body)
	}
	for body, code := range map[string]string{
		``: "body_missing", `{`: "malformed_json", `{"lease_epoch":1}x`: "malformed_json",
		`{"lease_epoch":1,"lease_epoch":1}`: "malformed_json", `[]`: "malformed_json", `null`: "malformed_json", `1`: "malformed_json",
		`{"lease_epoch":01}`:                      "malformed_json",
		"{\"lease_epoch\":1,\"status\":\"\xff\"}": "malformed_json", `{"lease_epoch":1,"response_time":NaN}`: "malformed_json",
	} {
		h.admin(http.MethodPut, beatPath, body).requireProblem(http.StatusBadRequest, code)
	}
	for _, body := range []string{
		`{}`, `{"lease_epoch":0}`, `{"lease_epoch":"1"}`, `{"lease_epoch":1.5}`, `{"lease_epoch":1e99}`,
		`{"lease_epoch":1,"colour":1}`, `{"lease_epoch":1,"status":1}`, `{"lease_epoch":1,"status":"fine"}`,
		`{"lease_epoch":1,"response_time":-1}`, `{"lease_epoch":1,"response_time":1e999}`,
		`{"lease_epoch":1,"response_time":1000000000.1}`,
	} {
		h.admin(http.MethodPut, beatPath, body).requireProblem(http.StatusUnprocessableEntity, "validation_failed")
	}
	h.admin(http.MethodPut, beatPath, `{"lease_epoch":2}`).requireProblem(http.StatusConflict, "lease_lost")
}

func TestDiscoveryIsRevalidated(t *testing.T) {
	t.Parallel()
	h := registryServer(t)
	h.register("")
	const path = "/api/v1/discovery/shop"
	first := h.admin(http.MethodGet, path, "")
	require.Equal(t, http.StatusOK, first.status)
	tag := first.header.Get("ETag")
	require.NotEmpty(t, tag)
	for _, sent := range []string{tag, "W/" + tag, `"0", ` + tag, "*"} {
		again := h.send(http.MethodGet, path, "", with("Authorization", "ApiKey "+adminKey, "If-None-Match", sent))
		assert.Equal(t, http.StatusNotModified, again.status, sent)
		assert.Empty(t, again.body)
	}
	assert.Equal(t, first.body, h.admin(http.MethodGet, path+"?ready=true", "").body)
	assert.Equal(t, first.body, h.admin(http.MethodGet, path+"?environment=production", "").body)
	assert.Equal(t, "[]", h.admin(http.MethodGet, path+"?zone=nowhere", "").body)
	h.admin(http.MethodGet, path+"?ready=yes", "").requireProblem(http.StatusUnprocessableEntity, "validation_failed")
	h.admin(http.MethodGet, "/api/v1/discovery/none", "").requireProblem(http.StatusNotFound, "service_not_found")
	h.admin(http.MethodPatch, registryPath+"/shop/instances/a", `{"desired":"draining"}`)
	drained := h.send(http.MethodGet, path+"?ready=true", "", with("Authorization", "ApiKey "+adminKey, "If-None-Match", tag))
	assert.Equal(t, http.StatusOK, drained.status)
	assert.Equal(t, "[]", drained.body)
}

func TestPrometheusBytes(t *testing.T) {
	t.Parallel()
	h := registryServer(t)
	assert.Equal(t, "[]", h.admin(http.MethodGet, "/prometheus/sd", "").body)
	h.register(`,"zone":"eu-1","version":"2","tags":["b","a"],"weight":7,` +
		`"metadata":{"metrics_path":"/m","metrics_scheme":"https","a-b":"1","a.b":[2]}`)
	a := h.admin(http.MethodGet, "/prometheus/sd", "")
	assert.Equal(t, "application/json", a.header.Get("Content-Type"))
	var groups []struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &groups))
	require.Len(t, groups, 1)
	assert.Equal(t, []string{"10.0.0.1:8080"}, groups[0].Targets)
	assert.Equal(t, map[string]string{
		"__meta_signalbox_service": "shop", "__meta_signalbox_environment": "production", "__meta_signalbox_zone": "eu-1",
		"__meta_signalbox_version": "2", "__meta_signalbox_instance_id": "a", "__meta_signalbox_status": "passing",
		"__meta_signalbox_weight": "7", "__meta_signalbox_tags": ",a,b,", "__meta_signalbox_meta_a_b": "[2]",
		"__meta_signalbox_meta_metrics_path": "/m", "__meta_signalbox_meta_metrics_scheme": "https",
		"__metrics_path__": "/m", "__scheme__": "https",
	}, groups[0].Labels)
	assert.Equal(t, a.body, h.admin(http.MethodGet, "/prometheus/sd?service=shop&environment=production", "").body)
	assert.Equal(t, "[]", h.admin(http.MethodGet, "/prometheus/sd?service=other", "").body)
	assert.Equal(t, http.StatusUnauthorized, h.send(http.MethodGet, "/prometheus/sd", "", nil).status)
}

func TestPrometheusLabels(t *testing.T) {
	t.Parallel()
	labels := func(t *testing.T, more string) map[string]string {
		t.Helper()
		h := registryServer(t)
		h.register(more)
		var groups []struct{ Labels map[string]string }
		require.NoError(t, json.Unmarshal([]byte(h.admin(http.MethodGet, "/prometheus/sd", "").body), &groups))
		require.Len(t, groups, 1)
		return groups[0].Labels
	}
	assert.Equal(t, `,a\,b,c,d\\,`, labels(t, `,"tags":["a,b","c","d\\"]`)["__meta_signalbox_tags"])
	assert.NotContains(t, labels(t, ""), "__scheme__")
	assert.NotContains(t, labels(t, `,"metadata":{"metrics_scheme":null,"metrics_path":7}`), "__metrics_path__")

	h := registryServer(t)
	register := func(more string) answer {
		return h.admin(http.MethodPost, registryPath+"/register", `{"service_name":"shop","instance_id":"b",`+more+`}`)
	}
	require.Equal(t, http.StatusCreated, register(`"service_url":"https://b"`).status)
	assert.Contains(t, h.admin(http.MethodGet, "/prometheus/sd", "").body, `"__scheme__":"https"`)
	for _, metadata := range []string{`{"metrics_scheme":"ftp"}`, `{"metrics_path":"metrics"}`, `{"metrics_path":"/a b"}`} {
		a := register(`"service_url":"http://b","metadata":` + metadata)
		a.requireProblem(http.StatusUnprocessableEntity, "validation_failed")
		assert.Contains(t, a.body, `"pointer":"/metadata/metrics_`)
	}
}

func TestWeightZeroIsNotSelected(t *testing.T) {
	t.Parallel()
	h := registryServer(t)
	h.register(`,"weight":0`)
	const discovery = "/api/v1/discovery/shop"
	assert.Contains(t, h.admin(http.MethodGet, discovery, "").body, `"weight":0`)
	assert.Equal(t, "[]", h.admin(http.MethodGet, discovery+"?ready=true", "").body)
	assert.Equal(t, "[]", h.admin(http.MethodGet, "/prometheus/sd?ready=true", "").body)
	service := h.admin(http.MethodGet, registryPath+"/shop", "").json()
	assert.Equal(t, "healthy", service["status"], "the service's status does not change")
}

func TestMessagesNameTheCause(t *testing.T) {
	t.Parallel()
	h := registryServer(t)
	register := func(members string) map[string]string {
		return h.admin(http.MethodPost, registryPath+"/register", `{"service_name":"shop","instance_id":"b",`+members+`}`).places()
	}
	for members, want := range map[string][2]string{
		`"service_url":"http://b","ttl_seconds":0`: {"body.ttl_seconds", "must be between 1 and 3600"},
		`"service_url":"http://b:0"`:               {"body.service_url", "must have a port between 1 and 65535, or none"},
		`"service_url":"http://b:99999"`:           {"body.service_url", "must have a port between 1 and 65535, or none"},
		`"service_url":"http://b:x"`:               {"body.service_url", "must have a port between 1 and 65535, or none"},
		`"service_url":"http://::1"`:               {"body.service_url", "must have a port between 1 and 65535, or none"},
		`"service_url":"http://[::1"`:              {"body.service_url", "must have a host name or an IP address, an IPv6 address in brackets"},
		`"service_url":"http://b\u00fc"`:           {"body.service_url", "must have a host name or an IP address, an IPv6 address in brackets"},
		`"service_url":"ftp://b"`:                  {"body.service_url", "must be an absolute URL that begins with http:// or https://"},
		`"service_url":"http://b/#a"`:              {"body.service_url", "must not contain a fragment (#)"},
		`"service_url":"http://b","weight":1.5`:    {"body.weight", "must be a whole number"},
	} {
		assert.Equal(t, want[1], register(members)[want[0]], members)
	}
	for _, offset := range []string{"2147483648", "99999999999999999999", "-1", "x"} {
		places := h.admin(http.MethodGet, "/api/v1/config/?offset="+offset, "").places()
		assert.Equal(t, "must be a whole number between 0 and 2147483647", places["query.offset"], offset)
	}
	for name, target := range map[string]string{
		"query.environment": "/api/v1/config/?environment=prod", "query.environment ": "/api/v1/changes?wait=0s&environment=moon",
	} {
		places := h.admin(http.MethodGet, target, "").places()
		message := places[strings.TrimSpace(name)]
		assert.Contains(t, message, "use one of development, production", target)
	}
	assert.Contains(t, h.admin(http.MethodGet, "/api/v1/config/?environment=prod", "").body, "did you mean production?")
}

// TestKeysInPaths reads, changes and deletes keys with every character that a path may
// encode.
func TestKeysInPaths(t *testing.T) {
	t.Parallel()
	h := newTestServer(t)
	for id, key := range []string{"routes[0].id", "limits/upload", "a:b@c+d", "_x-y.z", "a[b]/c"} {
		require.Equal(t, http.StatusCreated, h.create(key, "v", false).status, key)
		for _, encoded := range []string{url.PathEscape(key), strings.ReplaceAll(url.QueryEscape(key), "+", "%20")} {
			a := h.admin(http.MethodGet, "/api/v1/config/"+encoded+inBilling, "")
			require.Equal(t, http.StatusOK, a.status, encoded)
			require.Equal(t, key, a.json()["key"])
		}
		require.Contains(t, h.admin(http.MethodGet, "/api/v1/config/?key_prefix="+url.QueryEscape(key[:2]), "").body, key[2:])
		require.Equal(t, http.StatusNoContent, h.admin(http.MethodDelete, "/api/v1/config/"+strconv.Itoa(id+1), "").status)
	}
}

func FuzzHeartbeatBody(f *testing.F) {
	for _, body := range []string{
		`{"lease_epoch":1}`, `{"lease_epoch":1,"status":"healthy","response_time":1.5}`, `{"lease_epoch":1,"status":"\ud800"}`,
		`[{"lease_epoch":1}]`, `{"lease_epoch":-0}`, `{"lease_epoch":9223372036854775808}`,
	} {
		f.Add(body)
	}
	h := registryServer(f)
	h.register("")
	f.Fuzz(func(t *testing.T, body string) {
		a := h.within(t).admin(http.MethodPut, beatPath, body)
		require.Less(t, a.status, http.StatusInternalServerError, a.body)
		if a.status != http.StatusOK {
			return
		}
		var read struct {
			Epoch *float64 `json:"lease_epoch"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &read), "what is accepted is JSON")
		require.InDelta(t, 1, *read.Epoch, 0)
	})
}

func TestOneIDInTwoEnvironments(t *testing.T) {
	t.Parallel()
	h := registryServer(t)
	h.register(`,"environment":"production"`)
	h.register(`,"environment":"development"`)
	lists := func(a answer, code string) {
		t.Helper()
		var p struct{ Environments []string }
		a.requireProblem(http.StatusConflict, code)
		require.NoError(t, json.Unmarshal([]byte(a.body), &p))
		assert.Equal(t, []string{"development", "production"}, p.Environments)
	}

	for _, beat := range []struct {
		query, body string
		status      int
	}{
		{"", `{"lease_epoch":1}`, http.StatusOK},
		{"", `{"lease_epoch":2}`, http.StatusOK},
		{"?environment=production", `{"lease_epoch":1}`, http.StatusOK},
		{"", `{"lease_epoch":1,"environment":"production"}`, http.StatusOK},
		{"?environment=production", `{"lease_epoch":1,"environment":"production"}`, http.StatusOK},
		{"?environment=production", `{"lease_epoch":2}`, http.StatusConflict},
		{"?environment=production", `{"lease_epoch":1,"environment":"development"}`, http.StatusUnprocessableEntity},
		{"?environment=nowhere", `{"lease_epoch":1}`, http.StatusUnprocessableEntity},
		{"?colour=red", `{"lease_epoch":1}`, http.StatusUnprocessableEntity},
	} {
		a := h.admin(http.MethodPut, beatPath+beat.query, beat.body)
		assert.Equal(t, beat.status, a.status, "%v: %s", beat, a.body)
	}
	lists(h.admin(http.MethodPut, beatPath, `{"lease_epoch":9}`), "lease_lost")
	batch := h.admin(http.MethodPost, registryPath+"/heartbeats", `{"heartbeats":[
		{"service_name":"shop","instance_id":"a","lease_epoch":2,"environment":"development"},
		{"service_name":"shop","instance_id":"a","lease_epoch":9}]}`)
	assert.Contains(t, batch.body, `"status":200,"lease_epoch":2`)
	assert.Contains(t, batch.body, `"environments":["development","production"]`)

	const instance, history = registryPath + "/shop/instances/a", registryPath + "/shop/health-history?instance_id=a"
	report := func(more string) string {
		return `{"service_name":"shop","instance_id":"a","status":"warning"` + more + `}`
	}
	required := "environment_required"
	lists(h.admin(http.MethodPatch, instance, `{"weight":1}`), required)
	lists(h.admin(http.MethodDelete, instance, ""), required)
	lists(h.admin(http.MethodPut, registryPath+"/health", report("")), required)
	lists(h.admin(http.MethodGet, history, ""), required)
	lists(h.admin(http.MethodDelete, registryPath+"/shop", ""), required)

	for _, call := range [][]string{
		{http.MethodPatch, instance + "?environment=production", `{"weight":1}`},
		{http.MethodPut, registryPath + "/health", report(`,"environment":"production"`)},
		{http.MethodPut, registryPath + "/health?environment=production", report("")},
		{http.MethodGet, history + "&environment=production", ""},
		{http.MethodDelete, instance + "?environment=production", ""},
		{http.MethodDelete, registryPath + "/shop?environment=*", ""},
	} {
		a := h.admin(call[0], call[1], call[2])
		assert.Contains(t, []int{http.StatusOK, http.StatusNoContent}, a.status, "%v: %s", call, a.body)
	}
	h.admin(http.MethodGet, registryPath+"/shop", "").requireProblem(http.StatusNotFound, "service_not_found")
}

func TestDotSegmentsAreNoNames(t *testing.T) {
	t.Parallel()
	h := registryServer(t)
	for _, id := range []string{".", ".."} {
		h.admin(http.MethodPost, registryPath+"/register",
			`{"service_name":"shop","instance_id":"`+id+`","service_url":"http://10.0.0.1:8080"}`).
			requireProblem(http.StatusUnprocessableEntity, "validation_failed")
		h.admin(http.MethodPut, registryPath+"/health", `{"service_name":"shop","instance_id":"`+id+`","status":"healthy"}`).
			requireProblem(http.StatusUnprocessableEntity, "validation_failed")
	}
	h.register("")
	for _, id := range []string{"%2e", "%2E%2e", ".%2e"} {
		h.admin(http.MethodPut, registryPath+"/shop/instances/"+id+"/heartbeat", `{"lease_epoch":1}`).
			requireProblem(http.StatusUnprocessableEntity, "validation_failed")
		h.admin(http.MethodDelete, registryPath+"/shop/instances/"+id, "").
			requireProblem(http.StatusUnprocessableEntity, "validation_failed")
	}
	assert.Equal(t, http.StatusOK, h.admin(http.MethodGet, registryPath+"/shop", "").status)
}
