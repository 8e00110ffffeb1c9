package ginapi_test

import (
	"encoding/json"
	"net/http"
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
