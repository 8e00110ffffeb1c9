package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/harness"
)

// buildDir holds the built binary for as long as the tests run.
var buildDir = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "signalbox-e2e-") })

// builtBinary builds the binary once for all tests that run it, faultyBinary one that
// looks at failpoints.
var (
	builtBinary  = sync.OnceValues(func() (string, error) { return build("signalbox") })
	faultyBinary = sync.OnceValues(func() (string, error) { return build("signalbox-faulty", "-tags=failpoints") })
)

func build(name string, args ...string) (string, error) {
	dir, err := buildDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	args = append(append([]string{"build", "-o", path}, args...), "github.com/signalbox-hq/signalbox/bootstrap/cmd/signalbox")
	command := exec.CommandContext(context.Background(), "go", args...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, text)
	}
	return path, nil
}

func TestMain(m *testing.M) {
	code := harness.Run(m)
	if dir, err := buildDir(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// process is the binary, running.
type process struct {
	service
	cmd   *exec.Cmd
	ended chan struct{}
}

// start runs the binary in an empty folder until the test ends, with no settings
// but the given ones.
func start(t *testing.T, args []string, environ ...string) *process {
	t.Helper()
	binary, err := builtBinary()
	if slices.ContainsFunc(environ, func(e string) bool { return strings.HasPrefix(e, "SIGNALBOX_FAILPOINTS=") }) {
		binary, err = faultyBinary()
	}
	require.NoError(t, err)
	p := &process{service: service{log: newLines(), out: newLines()}, ended: make(chan struct{})}
	// The context outlives the test's own, which ends before the cleanup.
	p.cmd = exec.CommandContext(context.Background(), binary, args...)
	p.cmd.Dir, p.cmd.Env = t.TempDir(), append([]string{"PATH=" + os.Getenv("PATH")}, environ...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	require.NoError(t, p.cmd.Start())
	go func() {
		// How it ended is asked of cmd.ProcessState.
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill(t)
		if t.Failed() {
			t.Logf("the log of %v: %s", args, p.log)
		}
	})
	return p
}

// serve runs the binary as a service on a database and returns when it is ready.
func serve(t *testing.T, databaseURL string, environ ...string) *process {
	t.Helper()
	p := begin(t, databaseURL, environ...)
	p.awaitReady(t)
	return p
}

// begin is serve without waiting.
func begin(t *testing.T, databaseURL string, environ ...string) *process {
	t.Helper()
	environ = append([]string{"DATABASE_URL=" + databaseURL, "SERVICE_PORT=0"}, environ...)
	p := start(t, []string{"serve"}, environ...)
	p.databaseURL = databaseURL
	return p
}

// awaitReady waits for the line that says where the service listens.
func (p *process) awaitReady(tb testing.TB) {
	tb.Helper()
	var line struct {
		Address string `json:"address"`
	}
	require.NoError(tb, json.Unmarshal([]byte(p.log.await(tb, `"msg":"ready"`, p.ended)), &line))
	p.url = loopback(line.Address)
}

// startsOrEnds waits until the process is ready, or has ended instead, and
// reports which.
func (p *process) startsOrEnds(tb testing.TB) bool {
	tb.Helper()
	deadline := time.After(patience)
	for {
		text, changed := p.log.read()
		if lineWith(text, `"msg":"ready"`) != "" {
			return true
		}
		select {
		case <-changed:
		case <-p.ended:
			return false
		case <-deadline:
			require.FailNow(tb, "the program neither started nor ended", "it wrote: %s", p.log)
		}
	}
}

// kill ends the process at once, as a crash does, and waits for it.
func (p *process) kill(tb testing.TB) {
	tb.Helper()
	if err := p.cmd.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
		require.NoError(tb, err)
	}
	p.awaitEnd(tb)
}

// terminate asks the process to stop, as an operator does.
func (p *process) terminate(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, p.cmd.Process.Signal(syscall.SIGTERM))
}

// awaitEnd waits for the process and returns its exit code, -1 if it was killed.
func (p *process) awaitEnd(tb testing.TB) int {
	tb.Helper()
	return p.awaitEndWithin(tb, patience)
}

// awaitEndWithin is awaitEnd for a process that takes longer.
func (p *process) awaitEndWithin(tb testing.TB, within time.Duration) int {
	tb.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		require.FailNow(tb, "the process did not end", "it wrote: %s", p.log)
		return 0
	}
}
