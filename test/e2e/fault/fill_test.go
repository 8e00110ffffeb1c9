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

// TestFaultStaleFiller pauses a replica between its query of the database and the fill of
// its caches; another one writes, and the first one continues. Neither the local nor the
// shared cache has the old value.
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
	// The writer's value is removed from Redis, so that only the filler's is left.
	require.NoError(t, shared.Client.Del(t.Context(), "config:production:shop:k").Err())
	require.NoError(t, filler.Cmd.Process.Signal(syscall.SIGCONT))
	response := <-first
	require.NoError(t, response.err)
	response.a.Want(t, http.StatusOK) // it began before the write: either value is right

	require.Eventually(t, func() bool {
		return strings.Contains(string(c.Get(t, path).Want(t, http.StatusOK).Body), `"new"`)
	}, e2etest.PropagationBound, e2etest.PollInterval)
	for range 50 {
		assert.Contains(t, string(c.Get(t, path).Body), `"new"`, "reads are monotonic")
	}
	// A third one, which reads Redis first, does not get the old value either.
	third := e2etest.Serve(t, databaseURL, environ...).Admin(t)
	for range 50 {
		assert.Contains(t, string(third.Get(t, path).Body), `"new"`)
	}
}
