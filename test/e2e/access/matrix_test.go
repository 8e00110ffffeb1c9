package access_test

import (
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
	return slices.Contains([]string{"index", "health", "livez", "readyz", "ofrep-stream"}, id)
}

// TestMatrix makes every operation of the document as every role, on resources in and out
// of the key's scope.
func TestMatrix(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store.New(t))
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
			var op struct {
				OperationID string `json:"operationId"`
			}
			if !slices.Contains([]string{"get", "put", "post", "patch", "delete"}, method) {
				continue
			}
			require.NoError(t, json.Unmarshal(raw, &op))
			ids = append(ids, op.OperationID)
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
			w := newWorld(t, e2etest.NewSQLite(t), environ...)
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
