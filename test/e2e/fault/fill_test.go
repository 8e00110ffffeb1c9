package fault_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// stopped reports whether a process was stopped by a signal (proc(5), state T).
func stopped(p *e2etest.Process) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.Cmd.Process.Pid) + "/stat")
	_, rest, found := strings.Cut(string(text), ") ")
	return err == nil && found && strings.HasPrefix(rest, "T")
}

// TestFaultStaleFiller stops a replica between its question to the database and what
// it keeps of the answer; another one writes, and the first one goes on. Neither its
// memory nor Redis keeps what was.
func TestFaultStaleFiller(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	shared := e2etest.NewRedis(t)
	environ := append(shared.Environ(t), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	other := e2etest.Serve(t, databaseURL, environ...)
	id := other.Admin(t).CreateID(t, "k", "old")
	require.NoError(t, shared.Client.FlushDB(t.Context()).Err())
	filler := e2etest.Serve(t, databaseURL, append(environ, "SIGNALBOX_FAILPOINTS=before-keep=stop@1")...)
	t.Cleanup(func() { _ = filler.Cmd.Process.Signal(syscall.SIGCONT) })

	const path = "/api/v1/config/k?environment=production&service_name=shop"
	type result struct {
		a   e2etest.Response
		err error
	}
	first := make(chan result, 1)
	c := filler.Admin(t)
	go func() {
		a, err := c.Try(context.Background(), http.MethodGet, path, nil)
		first <- result{a, err}
	}()
	require.Eventually(t, func() bool { return stopped(filler) }, e2etest.Timeout, e2etest.PollInterval)
	other.Admin(t).Put(t, fmt.Sprintf("/api/v1/config/%d", id), e2etest.Object{"value": "new"}).Want(t, http.StatusOK)
	// What the writer shares is gone, so that nothing but the filler's own is there.
	require.NoError(t, shared.Client.Del(t.Context(), "config:production:shop:k").Err())
	require.NoError(t, filler.Cmd.Process.Signal(syscall.SIGCONT))
	asked := <-first
	require.NoError(t, asked.err)
	asked.a.Want(t, http.StatusOK) // it was asked before the write: either value is right

	require.Eventually(t, func() bool {
		return strings.Contains(string(c.Get(t, path).Want(t, http.StatusOK).Body), `"new"`)
	}, e2etest.PropagationBound, e2etest.PollInterval)
	for range 50 {
		assert.Contains(t, string(c.Get(t, path).Body), `"new"`, "it does not go back")
	}
	// A third one, which asks Redis first, is not told the old one either.
	third := e2etest.Serve(t, databaseURL, environ...).Admin(t)
	for range 50 {
		assert.Contains(t, string(third.Get(t, path).Body), `"new"`)
	}
}
