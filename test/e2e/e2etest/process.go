package e2etest

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Process is a running binary.
type Process struct {
	Server
	Cmd    *exec.Cmd
	Exited chan struct{}
}

// Start runs the binary in an empty folder until the test ends, with the given settings
// alone.
func Start(t *testing.T, args []string, environ ...string) *Process {
	t.Helper()
	binary, err := built().plain()
	if slices.ContainsFunc(environ, func(e string) bool { return strings.HasPrefix(e, "SIGNALBOX_FAILPOINTS=") }) {
		binary, err = built().failpoints()
	}
	require.NoError(t, err)
	p := &Process{Server: Server{Log: NewLines(), Out: NewLines()}, Exited: make(chan struct{})}
	// The context outlives the test's own, which ends before the cleanup.
	p.Cmd = exec.CommandContext(context.Background(), binary, args...)
	p.Cmd.Dir, p.Cmd.Env = t.TempDir(), append([]string{"PATH=" + os.Getenv("PATH")}, environ...)
	p.Cmd.Stdout, p.Cmd.Stderr = p.Out, p.Log
	require.NoError(t, p.Cmd.Start())
	go func() {
		// Cmd.ProcessState has the outcome.
		_ = p.Cmd.Wait()
		close(p.Exited)
	}()
	t.Cleanup(func() {
		p.Kill(t)
		if t.Failed() {
			t.Logf("the log of %v: %s", args, p.Log)
		}
	})
	return p
}

// Serve runs the binary as a service on a database and returns when it is ready.
func Serve(t *testing.T, databaseURL string, environ ...string) *Process {
	t.Helper()
	p := StartServer(t, databaseURL, environ...)
	p.AwaitReady(t)
	return p
}

// StartServer is Serve without waiting.
func StartServer(t *testing.T, databaseURL string, environ ...string) *Process {
	t.Helper()
	environ = append([]string{"DATABASE_URL=" + databaseURL, "SERVICE_PORT=0"}, environ...)
	p := Start(t, []string{"serve"}, environ...)
	p.DatabaseURL = databaseURL
	return p
}

// FirstKey returns the admin key that the first start wrote beside the SQLite file, or "".
func FirstKey(tb testing.TB, databaseURL string) string {
	tb.Helper()
	text, err := os.ReadFile(strings.TrimPrefix(databaseURL, "sqlite://") + ".admin-key")
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(tb, err)
	}
	return strings.TrimSpace(string(text))
}

// AwaitReady waits until the service listens.
func (p *Process) AwaitReady(tb testing.TB) {
	tb.Helper()
	var line struct {
		Address string `json:"address"`
	}
	require.NoError(tb, json.Unmarshal([]byte(p.Log.Await(tb, `"msg":"ready"`, p.Exited)), &line))
	p.URL = loopbackURL(line.Address)
}

// AwaitReadyOrExit waits until the process is ready or has exited, and reports whether it
// is ready.
func (p *Process) AwaitReadyOrExit(tb testing.TB) bool {
	tb.Helper()
	deadline := time.After(Timeout)
	for {
		text, changed := p.Log.read()
		if lineWith(text, `"msg":"ready"`) != "" {
			return true
		}
		select {
		case <-changed:
		case <-p.Exited:
			return false
		case <-deadline:
			require.FailNow(tb, "the program neither became ready nor exited", "it wrote: %s", p.Log)
		}
	}
}

// Kill kills the process, as a crash does, and waits until it has exited.
func (p *Process) Kill(tb testing.TB) {
	tb.Helper()
	if err := p.Cmd.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
		require.NoError(tb, err)
	}
	p.AwaitExit(tb)
}

// Terminate requests a graceful stop.
func (p *Process) Terminate(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, p.Cmd.Process.Signal(syscall.SIGTERM))
}

// AwaitExit waits until the process has exited and returns its exit code, -1 if it was
// killed.
func (p *Process) AwaitExit(tb testing.TB) int {
	tb.Helper()
	return p.AwaitExitWithin(tb, Timeout)
}

// AwaitExitWithin is AwaitExit with another timeout.
func (p *Process) AwaitExitWithin(tb testing.TB, within time.Duration) int {
	tb.Helper()
	select {
	case <-p.Exited:
		return p.Cmd.ProcessState.ExitCode()
	case <-time.After(within):
		require.FailNow(tb, "the process did not exit", "it wrote: %s", p.Log)
		return 0
	}
}

// Goroutines kills the process and returns how many goroutines it had.
func (p *Process) Goroutines(tb testing.TB) int {
	tb.Helper()
	require.NoError(tb, p.Cmd.Process.Signal(syscall.SIGQUIT))
	p.AwaitExit(tb)
	return strings.Count(p.Log.String(), "\ngoroutine ")
}

// AwaitRefusal waits until the service refuses connections.
func (p *Process) AwaitRefusal(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.URL, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, Timeout, 5*time.Millisecond)
}
