package ginapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
)

// hardRules are rules that take long for texts of many x.
func hardRules(rules int) string {
	rule := `{"variant":"off","conditions":[{"attribute":"a","operator":"matches","values":["(x+x+)+y"]}]}`
	return `"rules":[` + strings.Repeat(rule+",", rules-1) + rule + `]`
}

func boundsServer(t *testing.T) *testServer {
	t.Helper()
	h := newTestServer(t)
	h.flag(`{"name":"hard","environment":"production","is_enabled":true,` + hardRules(100) + `}`)
	h.flag(`{"name":"plain","environment":"production","is_enabled":true}`)
	return h
}

func TestContextsThatAreTooLarge(t *testing.T) {
	t.Parallel()
	h := boundsServer(t)
	context := `"context":{"targetingKey":"u","a":"` + strings.Repeat("x", 120_000) + `"}`

	t.Run("OFREP says so of a flag", func(t *testing.T) {
		t.Parallel()
		a := h.ofrep(ofrepPath+"/hard", `{`+context+`}`)
		a.requireOFREPError(http.StatusBadRequest, "hard", "INVALID_CONTEXT")
		assert.Equal(t, http.StatusOK, h.ofrep(ofrepPath+"/plain", `{`+context+`}`).status)
	})
	t.Run("OFREP says so of that flag among all", func(t *testing.T) {
		t.Parallel()
		a := h.ofrep(ofrepPath, `{`+context+`}`)
		require.Equal(t, http.StatusOK, a.status, a.body)
		flags := a.json()["flags"].([]any)
		require.Len(t, flags, 2)
		assert.Equal(t, "INVALID_CONTEXT", flags[0].(map[string]any)["errorCode"])
		assert.Equal(t, true, flags[1].(map[string]any)["value"])
	})
	t.Run("evaluate says so as a reason, alone and among others", func(t *testing.T) {
		t.Parallel()
		a := h.admin(http.MethodPost, flagsPath+"evaluate", `{"flag_name":"hard","environment":"production",`+context+`}`)
		require.Equal(t, http.StatusOK, a.status, a.body)
		assert.Equal(t, "invalid_context", a.json()["reason"])
		assert.Nil(t, a.json()["value"])
		a = h.admin(http.MethodPost, flagsPath+"evaluate/batch", `{"environment":"production",`+context+`}`)
		require.Equal(t, http.StatusOK, a.status, a.body)
		evaluations := a.json()["evaluations"].([]any)
		assert.Equal(t, "invalid_context", evaluations[0].(map[string]any)["reason"])
		assert.Equal(t, true, evaluations[1].(map[string]any)["value"])
	})
	t.Run("explain says where", func(t *testing.T) {
		t.Parallel()
		a := h.admin(http.MethodPost, flagsPath+"explain", `{"flag_name":"hard","environment":"production",`+context+`}`)
		require.Equal(t, http.StatusOK, a.status, a.body)
		assert.Equal(t, "invalid_context", a.json()["decision"].(map[string]any)["reason"])
	})
}

func TestEvaluationsThatAreTooLate(t *testing.T) {
	t.Parallel()
	h := boundsServer(t)
	h.options.RequestTimeout = time.Nanosecond
	h.api = ginapi.New(h.options)
	h.api.SetReady(true)
	context := `"context":{"targetingKey":"u","a":"` + strings.Repeat("x", 4096) + `"}`
	for _, path := range []string{"evaluate", "explain"} {
		a := h.admin(http.MethodPost, flagsPath+path, `{"flag_name":"hard","environment":"production",`+context+`}`)
		assert.Equal(t, http.StatusServiceUnavailable, a.status, "%s: %s", path, a.body)
		assert.Equal(t, "deadline_exceeded", a.json()["code"])
	}
	a := h.admin(http.MethodPost, flagsPath+"evaluate/batch", `{"environment":"production",`+context+`}`)
	assert.Equal(t, http.StatusServiceUnavailable, a.status, a.body)
	h.ofrep(ofrepPath+"/hard", `{`+context+`}`).requireOFREPError(http.StatusServiceUnavailable, "hard", "GENERAL")
	h.ofrep(ofrepPath, `{`+context+`}`).requireOFREPError(http.StatusServiceUnavailable, "", "GENERAL")
	a = h.admin(http.MethodPost, flagsPath+"evaluate", `{"flag_name":"plain","environment":"production",`+context+`}`)
	assert.Equal(t, http.StatusOK, a.status, "what takes no time does not look at it")
}
