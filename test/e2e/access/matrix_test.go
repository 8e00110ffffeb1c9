package access_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// openToAll reports whether an operation needs no key.
func openToAll(id string) bool {
	return slices.Contains([]string{"index", "health", "livez", "readyz", "ofrep-stream", "login-with-token"}, id)
}

// TestMatrix makes every operation of the document as every role, on resources in and out
// of the key's scope.
func TestMatrix(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store.New(t), e2etest.Encryption(t)...)
			expected := operations()
			for _, id := range documented(t, w) {
				assert.Contains(t, expected, id, "the operation has no expectation; add it to operations()")
			}
			for _, role := range []string{"admin", "operator", "editor", "service", "reader", "evaluator"} {
				client, _ := w.key(t, grant(role, false))
				for id, o := range expected {
					for _, in := range []string{own, foreign} {
						a := o.call(t, w, in).by(t, client)
						check(t, role+" "+id+" in "+in, a, o, o.allows(role) || openToAll(id), in == own)
					}
				}
			}
		})
	}
}

// check compares an answer with what is expected.
func check(t *testing.T, what string, a e2etest.Response, o operation, allowed, inScope bool) {
	t.Helper()
	succeeds := a.Status >= 200 && a.Status < 300
	switch {
	case !allowed:
		assert.Equal(t, http.StatusForbidden, a.Status, "%s: %s", what, a.Body)
	case inScope || o.kind == open:
		assert.True(t, succeeds, "%s: %d %s", what, a.Status, a.Body)
	case o.kind == absent:
		assert.Equal(t, http.StatusNotFound, a.Status, "%s: %s", what, a.Body)
	case o.kind == refused:
		assert.Equal(t, http.StatusForbidden, a.Status, "%s: %s", what, a.Body)
	case o.kind == filtered:
		assert.True(t, succeeds, "%s: %d %s", what, a.Status, a.Body)
		assert.NotContains(t, string(a.Body), `"`+foreign+`-`, what)
		assert.NotContains(t, string(a.Body), `"`+foreign+`"`, what)
		assert.Contains(t, string(a.Body), own, what)
	}
}

// documented returns the ids of the operations in the document.
func documented(t *testing.T, w *world) []string {
	t.Helper()
	var document struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(w.admin.Get(t, "/openapi.json").Want(t, http.StatusOK).Body, &document))
	var ids []string
	for _, item := range document.Paths {
		for method, raw := range item {
			var op map[string]any
			if !slices.Contains([]string{"get", "put", "post", "patch", "delete"}, method) {
				continue
			}
			require.NoError(t, json.Unmarshal(raw, &op))
			ids = append(ids, op["operationId"].(string))
		}
	}
	require.Greater(t, len(ids), 40)
	return ids
}

// TestAnonymousMatrix makes every operation without a key, where keys are required, where
// callers without one may read, and where no key is required.
func TestAnonymousMatrix(t *testing.T) {
	t.Parallel()
	for mode, environ := range map[string][]string{
		"required": nil, "read": {"ALLOW_ANONYMOUS_ACCESS=true"}, "disabled": {"AUTH_ENABLED=false"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, e2etest.NewSQLite(t), append(e2etest.Encryption(t), environ...)...)
			anonymous := w.admin
			anonymous.Key = ""
			for id, o := range operations() {
				a := o.call(t, w, own).by(t, anonymous)
				allowed := openToAll(id) || mode == "disabled" || mode == "read" && o.allows("anonymous")
				if allowed {
					assert.Less(t, a.Status, 300, "%s: %s", id, a.Body)
					continue
				}
				assert.Equal(t, http.StatusUnauthorized, a.Status, "%s: %s", id, a.Body)
			}
		})
	}
}

// TestReveal reads an encrypted configuration as every role, with the right to reveal and
// without, in and out of scope.
func TestReveal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, e2etest.NewSQLite(t), e2etest.Encryption(t)...)
	const value = "the secret value"
	for _, in := range []string{own, foreign} {
		w.admin.Post(t, configPath, e2etest.Object{
			"key": "sealed", "value": value, "environment": in, "service_name": "shop", "is_encrypted": true,
		}).Want(t, http.StatusCreated)
	}
	for _, role := range []string{"admin", "operator", "editor", "service", "reader"} {
		for _, reveal := range []bool{false, true} {
			client, _ := w.key(t, grant(role, reveal))
			shows := reveal || role == "admin" || role == "operator"
			a := client.Get(t, configPath+"sealed?service_name=shop&environment="+own).Want(t, http.StatusOK)
			assert.Equal(t, shows, strings.Contains(string(a.Body), value), "%s %v: %s", role, reveal, a.Body)
			client.Get(t, configPath+"sealed?service_name=shop&environment="+foreign).
				Problem(t, http.StatusNotFound, "configuration_not_found")
			list := client.Get(t, configPath).Want(t, http.StatusOK)
			assert.NotContains(t, string(list.Body), value)
			assert.Contains(t, string(list.Body), `"total":1`, "what is out of scope does not count")
		}
	}
	w.admin.Post(t, keysPath, e2etest.Object{
		"name": "web", "grants": []e2etest.Object{grant("evaluator", true)},
	}).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
}

// TestBatchOfHeartbeats sends heartbeats of instances in and out of scope together.
func TestBatchOfHeartbeats(t *testing.T) {
	t.Parallel()
	w := newWorld(t, e2etest.NewSQLite(t))
	client, _ := w.key(t, grant("service", false))
	mine, mineEpoch := w.instance(t, own)
	other, otherEpoch := w.instance(t, foreign)
	beats := []e2etest.Object{
		{"service_name": other, "instance_id": "i", "lease_epoch": otherEpoch},
		{"service_name": mine, "instance_id": "i", "lease_epoch": mineEpoch},
		{"service_name": "unknown", "instance_id": "i", "lease_epoch": 1, "environment": own},
	}
	a := client.Post(t, e2etest.RegistryPath+"heartbeats", e2etest.Object{"heartbeats": beats}).Want(t, http.StatusOK)
	got := e2etest.Decode[struct{ Results []struct{ Status int } }](t, a)
	require.Len(t, got.Results, 3)
	assert.Equal(t, http.StatusNotFound, got.Results[0].Status)
	assert.Equal(t, http.StatusOK, got.Results[1].Status)
	assert.Equal(t, http.StatusNotFound, got.Results[2].Status)
}

// TestStreamContents compares what keys are shown of one feed, by long poll and by stream.
func TestStreamContents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, e2etest.NewSQLite(t))
	for _, in := range []string{own, foreign} {
		w.configuration(t, in)
		w.flag(t, in)
		w.instance(t, in)
	}
	w.admin.Post(t, configPath, e2etest.Object{
		"key": "ui.color", "value": "red", "environment": own, "service_name": "billing",
	}).Want(t, http.StatusCreated)
	awaitLast(t, w.admin, "ui.color")
	for name, row := range map[string]struct {
		grants []e2etest.Object
		want   func(c change) bool
	}{
		"an environment": {
			[]e2etest.Object{grant("reader", false)}, func(c change) bool { return c.Environment == own },
		},
		"a service": {
			[]e2etest.Object{{"role": "reader", "services": []string{"billing"}}},
			func(c change) bool { return c.ResourceType == "configuration" && c.Data.ServiceName == "billing" },
		},
		"prefixes": {
			[]e2etest.Object{{"role": "editor", "prefixes": []string{"ui.", foreign + "-"}}},
			func(c change) bool {
				name := c.Data.Key + c.Data.Name + c.Data.ServiceName
				return strings.HasPrefix(name, "ui.") || strings.HasPrefix(name, foreign+"-")
			},
		},
		"everything": {[]e2etest.Object{{"role": "reader"}}, func(change) bool { return true }},
	} {
		client, _ := w.key(t, row.grants...)
		everything := changes(t, w.admin)
		var want []int64
		for _, c := range everything {
			if row.want(c) {
				want = append(want, c.Revision)
			}
		}
		require.NotEmpty(t, want, name)
		assert.Equal(t, want, revisions(changes(t, client)), name)
		assert.Equal(t, want, streamed(t, client, len(want)), name)
	}
}

// change is a change as watchers receive it.
type change struct {
	Revision     int64
	Environment  string
	ResourceType string `json:"resource_type"`
	Data         struct {
		Key, Name   string
		ServiceName string `json:"service_name"`
	}
}

func changes(t *testing.T, c e2etest.Client) []change {
	t.Helper()
	a := c.Get(t, "/api/v1/changes?since=0&limit=1000").Want(t, http.StatusOK)
	return e2etest.Decode[struct{ Changes []change }](t, a).Changes
}

// awaitLast waits until the feed has the change of a key, and with it those before.
func awaitLast(t *testing.T, c e2etest.Client, key string) {
	t.Helper()
	require.Eventually(t, func() bool {
		list := changes(t, c)
		return len(list) > 0 && list[len(list)-1].Data.Key == key
	}, patience, pause)
}

func revisions(list []change) []int64 {
	var numbers []int64
	for _, c := range list {
		numbers = append(numbers, c.Revision)
	}
	return numbers
}

// streamed returns the revisions of the first changes of a stream.
func streamed(t *testing.T, c e2etest.Client, count int) []int64 {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL+"/api/v1/changes/stream?since=0", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "ApiKey "+c.Key)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	var list []change
	for lines := bufio.NewScanner(response.Body); len(list) < count && lines.Scan(); {
		text, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		var c change
		require.NoError(t, json.Unmarshal([]byte(text), &c))
		list = append(list, c)
	}
	return revisions(list)
}

// TestPrefixes narrows a key to names within one environment: evaluations and lists.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, e2etest.NewSQLite(t))
	for _, name := range []string{"ui.new", "ui.old", "billing.new"} {
		w.admin.Post(t, flagsPath, e2etest.Object{"name": name, "environment": own, "is_enabled": true}).
			Want(t, http.StatusCreated)
	}
	client, id := w.key(t, e2etest.Object{"role": "reader", "environments": []string{own}, "prefixes": []string{"ui."}})
	context := e2etest.Object{"context": e2etest.Object{"targetingKey": "u"}}
	bulk := func(headers ...e2etest.Header) e2etest.Response {
		return client.Post(t, "/ofrep/v1/evaluate/flags", context, append(headers, e2etest.With("X-Environment", own))...)
	}
	a := bulk().Want(t, http.StatusOK)
	assert.Contains(t, string(a.Body), "ui.new")
	assert.NotContains(t, string(a.Body), "billing.new")
	bulk(e2etest.With("If-None-Match", a.Header.Get("ETag"))).Want(t, http.StatusNotModified)
	one := client.Post(t, "/ofrep/v1/evaluate/flags/billing.new", context, e2etest.With("X-Environment", own))
	assert.Equal(t, http.StatusNotFound, one.Status)
	assert.Contains(t, string(one.Body), "FLAG_NOT_FOUND")
	batch := client.Post(t, flagsPath+"evaluate/batch", e2etest.Object{"environment": own, "user_id": "u"})
	assert.NotContains(t, string(batch.Want(t, http.StatusOK).Body), "billing.new")
	list := client.Get(t, flagsPath).Want(t, http.StatusOK)
	assert.Contains(t, string(list.Body), `"total":2`)

	grants := []e2etest.Object{{"role": "reader", "environments": []string{own}, "prefixes": []string{"billing."}}}
	w.admin.Do(t, http.MethodPatch, keysPath+id, e2etest.Object{"grants": grants}).Want(t, http.StatusOK)
	changed := bulk(e2etest.With("If-None-Match", a.Header.Get("ETag"))).Want(t, http.StatusOK)
	assert.Contains(t, string(changed.Body), "billing.new", "another scope is another representation")
	assert.NotContains(t, string(changed.Body), "ui.new")
}

// TestServicesElsewhere compares the answers for a service that lives out of scope alone
// with those for one that does not exist.
func TestServicesElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, e2etest.NewSQLite(t))
	elsewhere, epoch := w.instance(t, foreign)
	client, _ := w.key(t, grant("operator", false))
	answers := func(service string) (list []string) {
		for _, c := range []call{
			{method: http.MethodGet, path: "/api/v1/discovery/" + service + "?environment=" + own},
			{method: http.MethodGet, path: e2etest.RegistryPath + service},
			{method: http.MethodGet, path: e2etest.RegistryPath + service + "/health-history?environment=" + own},
			{method: http.MethodPatch, path: e2etest.RegistryPath + service + "/instances/i", body: e2etest.Object{"weight": 1}},
			{method: http.MethodDelete, path: e2etest.RegistryPath + service + "/instances/i"},
			{method: http.MethodDelete, path: e2etest.RegistryPath + service + "?environment=*"},
			{method: http.MethodDelete, path: e2etest.RegistryPath + service + "?environment=" + own},
			{method: http.MethodPut, path: e2etest.RegistryPath + "health", body: e2etest.Object{
				"service_name": service, "instance_id": "i", "status": "healthy",
			}},
			{method: http.MethodPut, path: e2etest.RegistryPath + service + "/instances/i/heartbeat", body: e2etest.Object{
				"lease_epoch": epoch,
			}},
		} {
			a := c.by(t, client)
			assert.Equal(t, http.StatusNotFound, a.Status, "%s %s: %s", c.method, c.path, a.Body)
			list = append(list, e2etest.Decode[struct{ Code string }](t, a).Code)
		}
		return list
	}
	assert.Equal(t, answers("unknown"), answers(elsewhere))
}
