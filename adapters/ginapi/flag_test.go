package ginapi_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const flagsPath = "/api/v1/feature-flags/"

// checkout is the original's example.
const checkout = `{"name":"new_checkout_flow","environment":"production","is_enabled":true,` +
	`"rollout_percentage":50,"target_users":["user123"]}`

// flag stores a flag.
func (h *testServer) flag(body string) answer {
	h.tb.Helper()
	a := h.admin(http.MethodPost, flagsPath, body)
	require.Equal(h.tb, http.StatusCreated, a.status, a.body)
	return a
}

func TestFlags(t *testing.T) {
	t.Parallel()

	t.Run("a created flag shows all that it is, and where to read it", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		a := h.flag(checkout)
		f := a.json()
		assert.Equal(t, `"1"`, a.header.Get("ETag"))
		assert.InDelta(t, 50, f["rollout_percentage"], 0)
		assert.Equal(t, map[string]any{"on": true, "off": false}, f["variants"])
		assert.Equal(t, "boolean", f["type"])
		assert.Nil(t, f["off_variant"])
		assert.Equal(t, "ann", f["updated_by"])
		assert.Len(t, f["salt"], 32)
		read := h.admin(http.MethodGet, a.header.Get("Location"), "")
		require.Equal(t, http.StatusOK, read.status)
		assert.JSONEq(t, a.body, read.body)
	})

	t.Run("a name with a slash is read as %2F", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		a := h.flag(`{"name":"team/checkout","environment":"production"}`)
		assert.Equal(t, flagsPath+"team%2Fcheckout?environment=production", a.header.Get("Location"))
		assert.Equal(t, http.StatusOK, h.admin(http.MethodGet, a.header.Get("Location"), "").status)
	})

	t.Run("what the caller holds is 304, and a missing environment 422", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.flag(checkout)
		path := flagsPath + "new_checkout_flow?environment=production"
		headers := as(readerKey)
		headers.Set("If-None-Match", `"1"`)
		assert.Equal(t, http.StatusNotModified, h.send(http.MethodGet, path, "", headers).status)
		h.admin(http.MethodGet, flagsPath+"new_checkout_flow", "").requireProblem(422, "validation_failed")
		h.admin(http.MethodGet, flagsPath+"unknown?environment=production", "").requireProblem(404, "flag_not_found")
	})

	t.Run("a taken name is 409 with the id", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.flag(checkout)
		a := h.admin(http.MethodPost, flagsPath, checkout)
		a.requireProblem(409, "already_exists")
		assert.InDelta(t, 1, a.json()["id"], 0)
	})

	t.Run("a change is a version, and a stale one 412", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.flag(checkout)
		headers := as(adminKey)
		headers.Set("If-Match", `"1"`)
		a := h.send(http.MethodPut, flagsPath+"1", `{"rollout_percentage":33.3333}`, headers)
		require.Equal(t, http.StatusOK, a.status, a.body)
		assert.Equal(t, `"2"`, a.header.Get("ETag"))
		assert.InDelta(t, 33.3333, a.json()["rollout_percentage"], 0)
		stale := h.send(http.MethodPut, flagsPath+"1", `{"is_enabled":false}`, headers)
		stale.requireProblem(412, "stale_version")
		assert.Equal(t, `"2"`, stale.header.Get("ETag"))
	})

	t.Run("history holds the whole definition before and after", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.flag(checkout)
		h.admin(http.MethodPut, flagsPath+"1", `{"is_enabled":false}`)
		history := h.admin(http.MethodGet, flagsPath+"1/history", "").json()["history"].([]any)
		require.Len(t, history, 2)
		newest, oldest := history[0].(map[string]any), history[1].(map[string]any)
		assert.Equal(t, true, newest["old"].(map[string]any)["is_enabled"])
		assert.Equal(t, false, newest["new"].(map[string]any)["is_enabled"])
		assert.Nil(t, oldest["old"])
	})

	t.Run("a rollback restores the very same ranges", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		before := h.flag(checkout).json()
		h.admin(http.MethodPut, flagsPath+"1", `{"rollout_percentage":10}`)
		a := h.admin(http.MethodPost, flagsPath+"1/rollback", `{"version":1}`)
		require.Equal(t, http.StatusOK, a.status, a.body)
		assert.Equal(t, before["default"], a.json()["default"])
		assert.Equal(t, before["salt"], a.json()["salt"])
	})

	t.Run("a deleted flag is gone, listed as deleted, and comes back under its id", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.flag(checkout)
		assert.Equal(t, http.StatusNoContent, h.admin(http.MethodDelete, flagsPath+"1", "").status)
		h.admin(http.MethodGet, flagsPath+"new_checkout_flow?environment=production", "").requireProblem(404, "flag_not_found")
		list := h.admin(http.MethodGet, flagsPath+"?deleted=true", "").json()
		assert.InDelta(t, 1, list["total"], 0)
		back := h.flag(checkout).json()
		assert.InDelta(t, 1, back["id"], 0)
		assert.InDelta(t, 3, back["version"], 0)
	})

	t.Run("lists narrow by environment and prefix", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		for _, name := range []string{"b", "a1", "a2"} {
			h.flag(`{"name":"` + name + `","environment":"production"}`)
		}
		h.flag(`{"name":"a3","environment":"development"}`)
		list := h.admin(http.MethodGet, flagsPath+"?environment=production&name_prefix=a&limit=1", "").json()
		assert.InDelta(t, 2, list["total"], 0)
		assert.Equal(t, "a1", list["flags"].([]any)[0].(map[string]any)["name"])
	})

	t.Run("a preview lists the users that would move, and stores nothing", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.flag(checkout)
		a := h.send(http.MethodPost, flagsPath+"1/preview", `{"rollout_percentage":60}`, as(readerKey))
		require.Equal(t, http.StatusOK, a.status, a.body)
		moves := a.json()["moves"].([]any)
		require.Len(t, moves, 1)
		assert.Equal(t, map[string]any{
			"place": "default", "from": "off", "to": "on", "buckets": 100_000.0, "percentage": 10.0,
		}, moves[0])
		assert.Equal(t, true, a.json()["changes"])
		assert.InDelta(t, 1, h.admin(http.MethodGet, flagsPath+"new_checkout_flow?environment=production", "").json()["version"], 0)
	})

	t.Run("a reader may not write", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.send(http.MethodPost, flagsPath, checkout, as(readerKey)).requireProblem(403, "forbidden")
	})
}

// TestBadFlags holds each wrong place to its JSON pointer.
func TestBadFlags(t *testing.T) {
	t.Parallel()
	deep := `{"attribute":"a","operator":"exists"}`
	for range 6 {
		deep = `{"any":[` + deep + `]}`
	}
	rule := func(conditions, serve string) string {
		return `"rules":[{"conditions":[` + conditions + `],` + serve + `}]`
	}
	for name, row := range map[string]struct{ body, pointer string }{
		"a variant of another type":  {`"type":"integer","variants":{"a":"x"},"default":{"variant":"a"}`, "/variants/a"},
		"an unknown variant":         {rule("", `"variant":"maybe"`), "/rules/0/variant"},
		"weights that do not sum":    {`"default":{"allocation":{"on":1,"off":2}}`, "/default/allocation"},
		"a pattern that is none":     {rule(`{"attribute":"a","operator":"matches","values":["("]}`, `"variant":"on"`), "/rules/0/conditions/0/values/0"},
		"an unknown operator":        {rule(`{"attribute":"a","operator":"like","values":["x"]}`, `"variant":"on"`), "/rules/0/conditions/0/operator"},
		"an unknown member":          {`"colour":"blue"`, "/colour"},
		"an unknown member inside":   {rule(`{"attribute":"a","operator":"exists","like":1}`, `"variant":"on"`), "/rules/0/conditions/0/like"},
		"a percentage over 100":      {`"rollout_percentage":100.1`, "/rollout_percentage"},
		"a percentage of no number":  {`"rollout_percentage":"NaN"`, "/rollout_percentage"},
		"a user twice":               {`"target_users":["a","b","a"]`, "/target_users/2"},
		"10,001 users":               {`"target_users":[` + strings.Repeat(`"u",`, 10_000) + `"v"]`, "/target_users"},
		"groups that nest too deep":  {rule(deep, `"variant":"on"`), "/rules/0/conditions/0/any/0/any/0/any/0/any/0/any/0/any"},
		"a missing default":          {`"type":"string","variants":{"a":"x"}`, "/default"},
		"an environment that is not": {`"environment":"mars"`, "/environment"},
		"a name that is none":        {`"name":"../x"`, "/name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `{` + row.body
			if !strings.Contains(row.body, `"name"`) {
				body += `,"name":"f"`
			}
			if !strings.Contains(row.body, `"environment"`) {
				body += `,"environment":"production"`
			}
			a := newTestServer(t).admin(http.MethodPost, flagsPath, body+"}")
			a.requireProblem(422, "validation_failed")
			var pointers []string
			for _, e := range a.json()["errors"].([]any) {
				pointer := e.(map[string]any)["pointer"].(string)
				index := regexp.MustCompile(`/(\d+)`)
				location := "body" + strings.ReplaceAll(index.ReplaceAllString(pointer, "[$1]"), "/", ".")
				assert.Equal(t, location, e.(map[string]any)["location"], "both name the place")
				pointers = append(pointers, pointer)
			}
			assert.Contains(t, pointers, row.pointer)
		})
	}

	t.Run("NaN is no JSON", func(t *testing.T) {
		t.Parallel()
		newTestServer(t).admin(http.MethodPost, flagsPath, `{"rollout_percentage":NaN}`).requireProblem(400, "malformed_json")
	})
}

func TestEvaluation(t *testing.T) {
	t.Parallel()

	evaluate := func(h *testServer, body string) map[string]any {
		a := h.send(http.MethodPost, flagsPath+"evaluate", body, as(readerKey))
		require.Equal(h.tb, http.StatusOK, a.status, a.body)
		return a.json()
	}

	t.Run("reasons are the original's words", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.flag(checkout)
		h.flag(`{"name":"disabled","environment":"production"}`)
		h.flag(`{"name":"everybody","environment":"production","is_enabled":true}`)
		h.flag(`{"name":"nobody","environment":"production","is_enabled":true,"rollout_percentage":0}`)
		h.flag(`{"name":"ruled","environment":"production","is_enabled":true,` +
			`"rules":[{"conditions":[{"attribute":"plan","operator":"equals","values":["gold"]}],"variant":"off"}]}`)
		h.flag(`{"name":"colour","environment":"production","is_enabled":true,"type":"string",` +
			`"variants":{"red":"#f00","none":""},"default":{"variant":"red"},"off_variant":"none"}`)
		for body, want := range map[string][2]any{
			`"flag_name":"new_checkout_flow","user_id":"user123"`:                  {true, "user_targeted"},
			`"flag_name":"new_checkout_flow","user_id":"user2"`:                    {true, "rollout_percentage_50.0"},
			`"flag_name":"new_checkout_flow","user_id":"user1"`:                    {false, "rollout_excluded"},
			`"flag_name":"new_checkout_flow"`:                                      {false, "targeting_key_missing"},
			`"flag_name":"disabled"`:                                               {false, "globally_disabled"},
			`"flag_name":"everybody"`:                                              {true, "globally_enabled"},
			`"flag_name":"nobody","user_id":"user1"`:                               {false, "rollout_excluded"},
			`"flag_name":"ruled","context":{"plan":"gold"}`:                        {false, "rule_matched"},
			`"flag_name":"ruled","user_id":null,"context":null`:                    {true, "globally_enabled"},
			`"flag_name":"colour"`:                                                 {true, "default"},
			`"flag_name":"no such flag"`:                                           {false, "flag_not_found"},
			`"flag_name":"new_checkout_flow","context":{"targetingKey":"user123"}`: {true, "user_targeted"},
		} {
			got := evaluate(h, `{"environment":"production",`+body+`}`)
			assert.Equal(t, want, [2]any{got["enabled"], got["reason"]}, body)
		}
	})

	t.Run("user_id wins over the context's targeting key", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.flag(checkout)
		got := evaluate(h, `{"flag_name":"new_checkout_flow","environment":"production","user_id":"user123",`+
			`"context":{"targetingKey":"someone"}}`)
		assert.Equal(t, "user_targeted", got["reason"])
	})

	t.Run("a batch answers in the order of the names, on one snapshot", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.flag(checkout)
		h.flag(`{"name":"another","environment":"production","is_enabled":true}`)
		a := h.send(http.MethodPost, flagsPath+"evaluate/batch",
			`{"environment":"production","user_id":"user123","flag_names":["new_checkout_flow","gone","another"]}`, as(readerKey))
		require.Equal(t, http.StatusOK, a.status, a.body)
		assert.InDelta(t, 2, a.json()["revision"], 0)
		var reasons []string
		for _, e := range a.json()["evaluations"].([]any) {
			reasons = append(reasons, e.(map[string]any)["reason"].(string))
		}
		assert.Equal(t, []string{"user_targeted", "flag_not_found", "globally_enabled"}, reasons)
		all := h.send(http.MethodPost, flagsPath+"evaluate/batch", `{"environment":"production"}`, as(readerKey))
		assert.Equal(t, "another", all.json()["evaluations"].([]any)[0].(map[string]any)["flag_name"])
	})

	t.Run("explain shows every step, also of an earlier version", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.flag(`{"name":"ruled","environment":"production","is_enabled":true,"target_users":["vip"],"rollout_percentage":50,` +
			`"rules":[{"id":"gold","conditions":[{"attribute":"plan","operator":"equals","values":["gold"]}],"variant":"off"}]}`)
		h.admin(http.MethodPut, flagsPath+"1", `{"is_enabled":false}`)
		a := h.send(http.MethodPost, flagsPath+"explain",
			`{"flag_name":"ruled","environment":"production","user_id":"user1","context":{"plan":"tin"},"version":1}`, as(readerKey))
		require.Equal(t, http.StatusOK, a.status, a.body)
		var kinds []string
		for _, s := range a.json()["steps"].([]any) {
			kinds = append(kinds, s.(map[string]any)["step"].(string))
		}
		assert.Equal(t, []string{"target_users", "conditions", "serve"}, kinds)
		assert.Contains(t, a.body, `"seen":"tin"`)
		assert.Contains(t, a.body, `"bucket":`)
		assert.Equal(t, "SPLIT", a.json()["cause"])
		now := h.send(http.MethodPost, flagsPath+"explain", `{"flag_name":"ruled","environment":"production"}`, as(readerKey))
		assert.Equal(t, "DISABLED", now.json()["cause"])
	})

	t.Run("bodies are read strictly", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		post := func(body string) answer { return h.send(http.MethodPost, flagsPath+"evaluate", body, as(readerKey)) }
		post(`{"flag_name":"a","environment":"production","colour":1}`).requireProblem(422, "validation_failed")
		post(`{"flag_name":"a"}`).requireProblem(422, "validation_failed")
		post(`{"environment":"production"}`).requireProblem(422, "validation_failed")
		post(`{"flag_name":"a","environment":"mars"}`).requireProblem(422, "validation_failed")
		post(`{"flag_name":"a","environment":"production","context":[]}`).requireProblem(422, "validation_failed")
		post(`{"flag_name":"a","environment":"production","user_id":{}}`).requireProblem(422, "validation_failed")
		post(`{"flag_name":"a","flag_name":"b"}`).requireProblem(400, "malformed_json")
		post(`{"flag_name":"a"} x`).requireProblem(400, "malformed_json")
		post(`[]`).requireProblem(400, "malformed_json")
		post(`{"context":`+strings.Repeat(`{"a":`, 40)+`1`+strings.Repeat(`}`, 40)+`}`).requireProblem(400, "malformed_json")
		post(`{"context":{"a":"`+strings.Repeat("x", 200_000)+`"}}`).requireProblem(413, "body_too_large")
		many, err := json.Marshal(make([]string, 501))
		require.NoError(t, err)
		h.send(http.MethodPost, flagsPath+"evaluate/batch", `{"environment":"production","flag_names":`+string(many)+`}`,
			as(readerKey)).requireProblem(422, "validation_failed")
	})

	t.Run("without a key nothing is evaluated", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.send(http.MethodPost, flagsPath+"evaluate", `{}`, nil).requireProblem(401, "api_key_required")
	})
}
