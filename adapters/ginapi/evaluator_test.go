package ginapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEvaluatorKey holds a key of the role evaluator to its environment's flags.
func TestEvaluatorKey(t *testing.T) {
	t.Parallel()

	t.Run("it evaluates in its environment, in every way", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		for path, body := range map[string]string{
			ofrepPath:                              `{}`,
			ofrepPath + "/falsy":                   `{}`,
			"/environments/production" + ofrepPath: `{}`,
			flagsPath + "evaluate":                 `{"flag_name":"falsy","environment":"production"}`,
			flagsPath + "evaluate/batch":           `{"environment":"production"}`,
		} {
			a := h.send(http.MethodPost, path, body, as(evaluatorKey))
			assert.Equal(t, http.StatusOK, a.status, "%s: %s", path, a.body)
		}
	})

	t.Run("another environment is 403", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		for path, body := range map[string]string{
			"/environments/development" + ofrepPath:                `{}`,
			"/environments/development" + ofrepPath + "/elsewhere": `{}`,
			flagsPath + "evaluate":                                 `{"flag_name":"elsewhere","environment":"development"}`,
			flagsPath + "evaluate/batch":                           `{"environment":"development"}`,
		} {
			a := h.send(http.MethodPost, path, body, as(evaluatorKey))
			assert.Equal(t, http.StatusForbidden, a.status, "%s: %s", path, a.body)
			assert.NotContains(t, a.body, "elsewhere\",\"reason")
		}
		a := h.send(http.MethodPost, ofrepPath, `{}`, with("Authorization", "Bearer "+evaluatorKey, "X-Environment", "development"))
		assert.Equal(t, http.StatusForbidden, a.status, a.body)
	})

	t.Run("it sees no definition, no configuration, no service and no change", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		h.create("plain", "v", false)
		for _, target := range []string{
			"/api/v1/config/", "/api/v1/config/plain" + inBilling, "/api/v1/config/1/history",
			flagsPath, flagsPath + "?environment=production", flagsPath + "falsy?environment=production", flagsPath + "1/history",
			changesPath, changesPath + "?type=feature_flag&environment=production", changesPath + "/stream",
			changesPath + "/stream?type=feature_flag&environment=production",
		} {
			a := h.send(http.MethodGet, target, "", as(evaluatorKey))
			assert.Equal(t, http.StatusForbidden, a.status, "%s: %s", target, a.body)
		}
		for target, body := range map[string]string{
			flagsPath + "explain":   `{"flag_name":"falsy","environment":"production"}`,
			flagsPath:               `{"name":"new","environment":"production"}`,
			flagsPath + "1/preview": `{"is_enabled":false}`,
			"/api/v1/config/":       `{"key":"k","value":"v","environment":"production","service_name":"s"}`,
		} {
			a := h.send(http.MethodPost, target, body, as(evaluatorKey))
			assert.Equal(t, http.StatusForbidden, a.status, "%s: %s", target, a.body)
		}
	})

	t.Run("health stays open", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		for _, target := range []string{"/livez", "/health"} {
			require.NotEqual(t, http.StatusForbidden, h.send(http.MethodGet, target, "", as(evaluatorKey)).status)
		}
	})
}
