package client_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// TestPrometheusDiscovery runs the test of the module prometheussd, which reads targets
// with Prometheus' own code, on an empty service.
func TestPrometheusDiscovery(t *testing.T) {
	t.Parallel()
	const module = "../../prometheussd"
	s := e2etest.Boot(t, e2etest.NewSQLite(t))
	ctx, cancel := context.WithTimeout(t.Context(), installTimeout)
	defer cancel()
	command := func(args ...string) *exec.Cmd {
		run := exec.CommandContext(ctx, "go", args...)
		run.Dir = module
		run.Env = append(os.Environ(), "GOWORK=off", "SIGNALBOX_URL="+s.URL, "SIGNALBOX_KEY="+s.Program(t).Key)
		return run
	}
	if text, err := command("mod", "download").CombinedOutput(); err != nil {
		t.Logf("%s", text)
		harness.Skip(t, "no way to install Prometheus' discovery: is the module proxy reached?")
	}
	out, err := command("test", "-count=1", "-v", "./...").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: TestTargets")
	t.Log(string(out))
}
