package ginapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
)

const ofrepPath = "/ofrep/v1/evaluate/flags"

// ofrep sends a request of OFREP with a reader's key; headers are names and values in turn.
func (h *testServer) ofrep(path, body string, headers ...string) answer {
	h.tb.Helper()
	return h.send(http.MethodPost, path, body, with(append(headers, "X-Api-Key", readerKey)...))
}

// requireOFREPError asserts a failure in OFREP's form, whole.
func (a answer) requireOFREPError(status int, key, code string) {
	a.tb.Helper()
	require.Equal(a.tb, status, a.status, a.body)
	require.Equal(a.tb, "application/json", a.header.Get("Content-Type"))
	require.Equal(a.tb, code, a.json()["errorCode"])
	require.NotEmpty(a.tb, a.json()["errorDetails"])
	if key == "" {
		require.NotContains(a.tb, a.json(), "key")
		return
	}
	require.Equal(a.tb, key, a.json()["key"])
}

func ofrepServer(tb testing.TB, change ...func(*ginapi.Options)) *testServer {
	tb.Helper()
	h := newTestServer(tb, change...)
	h.flag(checkout)
	h.flag(`{"name":"team/float","environment":"production","is_enabled":true,"type":"float",` +
		`"variants":{"ten":10},"default":{"variant":"ten"}}`)
	h.flag(`{"name":"falsy","environment":"production","is_enabled":true,"type":"object",` +
		`"variants":{"bare":{}},"default":{"variant":"bare"}}`)
	h.flag(`{"name":"parked","environment":"production","type":"string","variants":{"a":""},"default":{"variant":"a"}}`)
	h.flag(`{"name":"elsewhere","environment":"development","is_enabled":true}`)
	return h
}

func TestOFREPSingle(t *testing.T) {
	t.Parallel()

	t.Run("a value comes with key, reason, variant and metadata without nulls", func(t *testing.T) {
		t.Parallel()
		a := ofrepServer(t).ofrep(ofrepPath+"/new_checkout_flow", `{"context":{"targetingKey":"user123"}}`)
		require.Equal(t, http.StatusOK, a.status, a.body)
		assert.JSONEq(t, `{"key":"new_checkout_flow","reason":"TARGETING_MATCH","variant":"on","value":true,`+
			`"metadata":{"version":1,"flag_id":1,"environment":"production"}}`, a.body)
	})

	t.Run("a float has a decimal point, falsy values are values", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		assert.Contains(t, h.ofrep(ofrepPath+"/team/float", `{}`).body, `"value":10.0,`)
		assert.Contains(t, h.ofrep(ofrepPath+"/falsy", `{}`).body, `"value":{},`)
	})

	t.Run("disabled without an off variant has no value", func(t *testing.T) {
		t.Parallel()
		a := ofrepServer(t).ofrep(ofrepPath+"/parked", `{}`)
		require.Equal(t, http.StatusOK, a.status)
		assert.Equal(t, "DISABLED", a.json()["reason"])
		assert.Empty(t, a.json()["variant"])
		assert.NotContains(t, a.json(), "value")
	})

	t.Run("a slash is a slash, raw or escaped, and one at the end is tolerated", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		for _, path := range []string{"/team/float", "/team%2Ffloat", "/team%2ffloat/", "/falsy/"} {
			assert.Equal(t, http.StatusOK, h.ofrep(ofrepPath+path, `{}`).status, path)
		}
	})

	t.Run("no body, no context and any members are fine until a rollout is reached", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		for _, body := range []string{
			"", `{}`, `{"context":null}`, `{"context":{}}`,
			`{"context":{"a":[1,{"b":null}],"n":1e400},"more":[{}]}`,
		} {
			assert.Equal(t, http.StatusOK, h.ofrep(ofrepPath+"/falsy", body).status, body)
			h.ofrep(ofrepPath+"/new_checkout_flow", body).
				requireOFREPError(400, "new_checkout_flow", "TARGETING_KEY_MISSING")
		}
	})

	t.Run("failures have OFREP's form and name the key", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		h.ofrep(ofrepPath+"/a%2Fb", `{}`).requireOFREPError(404, "a/b", "FLAG_NOT_FOUND")
		h.ofrep(ofrepPath+"/falsy", `{"context":`).requireOFREPError(400, "falsy", "PARSE_ERROR")
		h.ofrep(ofrepPath+"/falsy", `{"context":{"a":1,"a":2}}`).requireOFREPError(400, "falsy", "PARSE_ERROR")
		h.ofrep(ofrepPath+"/falsy", `{"context":"x"}`).requireOFREPError(400, "falsy", "INVALID_CONTEXT")
		h.ofrep(ofrepPath+"/falsy", `{}`, "X-Environment", "mars").requireOFREPError(400, "falsy", "GENERAL")
		h.ofrep(ofrepPath+"/falsy", `{"context":{"a":"`+strings.Repeat("x", 200_000)+`"}}`).
			requireOFREPError(413, "falsy", "GENERAL")
		h.send(http.MethodPost, ofrepPath+"/falsy", `{}`, as("wrong")).requireOFREPError(401, "falsy", "GENERAL")
		h.send(http.MethodPost, ofrepPath+"/falsy", `{}`, nil).requireOFREPError(401, "falsy", "GENERAL")
		h.send(http.MethodPost, ofrepPath, `{}`, nil).requireOFREPError(401, "", "GENERAL")
		h.send(http.MethodGet, ofrepPath+"/falsy", "", as(readerKey)).requireOFREPError(405, "falsy", "GENERAL")
		h.send(http.MethodPost, "/ofrep/v1/configuration", `{}`, as(readerKey)).requireOFREPError(404, "", "GENERAL")
	})

	t.Run("the environment is the header's, the path's or the default", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		h.ofrep(ofrepPath+"/elsewhere", `{}`).requireOFREPError(404, "elsewhere", "FLAG_NOT_FOUND")
		assert.Equal(t, http.StatusOK, h.ofrep(ofrepPath+"/elsewhere", `{}`, "X-Environment", "development").status)
		below := "/environments/development" + ofrepPath
		assert.Equal(t, http.StatusOK, h.ofrep(below+"/elsewhere", `{}`).status)
		assert.Equal(t, http.StatusOK, h.ofrep(below, `{}`).status)
		h.ofrep(below+"/elsewhere", `{}`, "X-Environment", "production").requireOFREPError(400, "elsewhere", "GENERAL")
	})

	t.Run("many small members are answered or refused at once", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		var b strings.Builder
		for n := range 100_000 {
			b.WriteString(`,"` + strings.Repeat("a", n%7+1) + string(rune('a'+n%26)) + `":1`)
		}
		h.ofrep(ofrepPath+"/falsy", `{"context":{"x":1`+b.String()+`}}`).requireOFREPError(413, "falsy", "GENERAL")
	})
}

func TestOFREPBulk(t *testing.T) {
	t.Parallel()

	t.Run("all flags by key, a failure in its place, identical bytes each time", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		a := h.ofrep(ofrepPath, `{}`)
		require.Equal(t, http.StatusOK, a.status, a.body)
		var keys []string
		for _, f := range a.json()["flags"].([]any) {
			keys = append(keys, f.(map[string]any)["key"].(string))
		}
		assert.Equal(t, []string{"falsy", "new_checkout_flow", "parked", "team/float"}, keys)
		failed := a.json()["flags"].([]any)[1].(map[string]any)
		assert.Equal(t, "TARGETING_KEY_MISSING", failed["errorCode"])
		assert.Equal(t, a.body, h.ofrep(ofrepPath+"/", `{}`).body)
		assert.Equal(t, "private, no-cache", a.header.Get("Cache-Control"))
	})

	t.Run("an environment without flags is an empty list", func(t *testing.T) {
		t.Parallel()
		a := newTestServer(t).ofrep(ofrepPath, `{}`)
		require.Equal(t, http.StatusOK, a.status)
		assert.JSONEq(t, `{"flags":[],"eventStreams":[{"type":"sse","endpoint":{
			"requestUri":"/ofrep/v1/stream?pass=readerky~production"}}]}`, a.body)
	})

	t.Run("304 only for the same context and the same flags", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		const body = `{"context":{"targetingKey":"u","plan":"gold"}}`
		tag := h.ofrep(ofrepPath, body).header.Get("ETag")
		bare := strings.Trim(tag, `"`)
		for _, held := range []string{tag, "W/" + tag, "*", `"x", ` + tag, bare, `"` + bare + `-gzip"`} {
			a := h.ofrep(ofrepPath, body, "If-None-Match", held)
			assert.Equal(t, http.StatusNotModified, a.status, held)
			assert.Empty(t, a.body)
			assert.Equal(t, tag, a.header.Get("ETag"))
		}
		other := h.ofrep(ofrepPath, `{"context":{"targetingKey":"u","plan":"tin"}}`, "If-None-Match", tag)
		assert.Equal(t, http.StatusOK, other.status)
		h.admin(http.MethodPut, flagsPath+"1", `{"is_enabled":false}`)
		assert.Equal(t, http.StatusOK, h.ofrep(ofrepPath, body, "If-None-Match", tag).status)
	})

	t.Run("a snapshot that we have is not waited for", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		tag := h.ofrep(ofrepPath, `{}`).header.Get("ETag")
		a := h.ofrep(ofrepPath+"?flagConfigEtag="+tag[1:3], `{}`, "If-None-Match", tag)
		assert.Equal(t, http.StatusNotModified, a.status)
	})
}

// TestOFREPWaitsForTheSnapshot runs in a bubble with a clock of its own.
func TestOFREPWaitsForTheSnapshot(t *testing.T) {
	t.Parallel()

	t.Run("one that comes is answered from, with 200", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h := ofrepServer(t)
			tag := h.ofrep(ofrepPath, `{}`).header.Get("ETag")
			answered := make(chan answer)
			go func() { answered <- h.ofrep(ofrepPath+`?flagConfigEtag="5"`, `{}`, "If-None-Match", tag) }()
			synctest.Wait()
			h.flag(`{"name":"late","environment":"production"}`)
			a := <-answered
			assert.Equal(t, http.StatusOK, a.status)
			assert.Contains(t, a.body, `"late"`)
		})
	})

	t.Run("one that does not come is given up after two seconds, with 200", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h := ofrepServer(t)
			tag := h.ofrep(ofrepPath, `{}`).header.Get("ETag")
			began := time.Now()
			a := h.ofrep(ofrepPath+`?flagConfigEtag="99"`, `{}`, "If-None-Match", tag)
			assert.Equal(t, 2*time.Second, time.Since(began))
			assert.Equal(t, http.StatusOK, a.status)
			assert.Equal(t, tag, a.header.Get("ETag"))
		})
	})
}

func TestCORS(t *testing.T) {
	t.Parallel()
	preflight := with("Origin", "https://app.example.com", "Access-Control-Request-Method", "POST")

	t.Run("no origin may call unless it is named", func(t *testing.T) {
		t.Parallel()
		a := newTestServer(t).send(http.MethodOptions, ofrepPath, "", preflight)
		assert.Equal(t, http.StatusNoContent, a.status)
		assert.Empty(t, a.header.Get("Access-Control-Allow-Origin"))
	})

	t.Run("one that is named may call OFREP and read what its clients need, and nothing else", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t, func(o *ginapi.Options) { o.CORSOrigins = []string{"https://app.example.com"} })
		a := h.send(http.MethodOptions, ofrepPath+"/falsy", "", preflight)
		assert.Equal(t, http.StatusNoContent, a.status)
		assert.Equal(t, "https://app.example.com", a.header.Get("Access-Control-Allow-Origin"))
		assert.Contains(t, a.header.Get("Access-Control-Allow-Headers"), "Authorization")
		called := h.ofrep(ofrepPath, `{}`, "Origin", "https://app.example.com")
		assert.Equal(t, "https://app.example.com", called.header.Get("Access-Control-Allow-Origin"))
		assert.Contains(t, called.header.Get("Access-Control-Expose-Headers"), "ETag")
		assert.Contains(t, called.header.Values("Vary"), "Origin")
		foreign := h.ofrep(ofrepPath, `{}`, "Origin", "https://evil.example.com")
		assert.Empty(t, foreign.header.Get("Access-Control-Allow-Origin"))
		elsewhere := h.send(http.MethodOptions, flagsPath, "", preflight)
		assert.Empty(t, elsewhere.header.Get("Access-Control-Allow-Origin"))
	})
}

// FuzzOFREP holds the call for one flag to its form, whatever is sent.
func FuzzOFREP(f *testing.F) {
	h := ofrepServer(f)
	for _, body := range []string{``, `{}`, `{"context":{"targetingKey":"u","a":{"b":[1,"x",null]}}}`, `{"context":[`, `{"context":"\ud800"}`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		h.tb = t
		a := h.ofrep(ofrepPath+"/new_checkout_flow", body)
		require.Contains(t, []int{200, 400, 413}, a.status)
		require.True(t, json.Valid([]byte(a.body)), a.body)
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
	})
}

// FuzzEvaluate holds the original's call to 200, 400, 413 and 422.
func FuzzEvaluate(f *testing.F) {
	h := newTestServer(f)
	h.flag(checkout)
	f.Add(`{"flag_name":"new_checkout_flow","environment":"production","user_id":1,"context":{}}`)
	f.Add(`{"user_id":[{}],"version":{"a":[]},"flag_name":{}}`)
	f.Fuzz(func(t *testing.T, body string) {
		h.tb = t
		for _, path := range []string{"evaluate", "evaluate/batch", "explain"} {
			a := h.send(http.MethodPost, flagsPath+path, body, as(readerKey))
			require.Contains(t, []int{200, 400, 404, 413, 422}, a.status, a.body)
			require.True(t, json.Valid([]byte(a.body)), a.body)
		}
	})
}
