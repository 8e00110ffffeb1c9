package client_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestRegistryOfTheOriginal runs the example of the service that Signalbox replaces.
func TestRegistryOfTheOriginal(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			s := e2etest.Boot(t, store.New(t))
			out := python(t, "requests", "original_registry.py", "", "SIGNALBOX_URL="+s.URL, "SIGNALBOX_KEY="+e2etest.AdminKey(t))
			evaluation := strings.Split(strings.TrimSpace(out), "\n")
			require.Len(t, evaluation, 4)
			for _, part := range []string{
				"201 ", "'service_name': 'user-service'", "'service_url': 'http://user-service:8080'",
				"'health_check_url': 'http://user-service:8080/health'", "'status': 'unknown'", "'last_health_check': None",
				"'response_time': None", "'metadata': {}", "'registered_at': '", "'updated_at': '",
			} {
				require.Contains(t, evaluation[0], part)
			}
			require.Equal(t, "Found 0 healthy services", evaluation[1], "it is not registered yet")
			for _, part := range []string{"200 ", "'status': 'healthy'", "'response_time': 12.5"} {
				require.Contains(t, evaluation[2], part)
			}
			require.NotContains(t, evaluation[2], "'last_health_check': None")
			require.Equal(t, "Found 1 healthy services", evaluation[3])
			t.Log(out)
		})
	}
}
