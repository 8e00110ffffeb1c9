package e2e_test

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
)

// stopped reports whether a process was stopped by a signal (proc(5), state T).
func stopped(p *process) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
	_, rest, found := strings.Cut(string(text), ") ")
	return err == nil && found && strings.HasPrefix(rest, "T")
}

// TestFaultStaleFiller stops a replica between its question to the database and what
// it keeps of the answer; another one writes, and the first one goes on. Neither its
// memory nor Redis keeps what was.
func TestFaultStaleFiller(t *testing.T) {
	t.Parallel()
	databaseURL := freshPostgres(t)
	shared := freshRedis(t)
	environ := append(shared.environ(t), "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
	other := serve(t, databaseURL, environ...)
	id := other.admin(t).createConfig(t, "k", "old")
	require.NoError(t, shared.client.FlushDB(t.Context()).Err())
	filler := serve(t, databaseURL, append(environ, "SIGNALBOX_FAILPOINTS=before-keep=stop@1")...)
	t.Cleanup(func() { _ = filler.cmd.Process.Signal(syscall.SIGCONT) })

	const path = "/api/v1/config/k?environment=production&service_name=shop"
	type result struct {
		a   answer
		err error
	}
	first := make(chan result, 1)
	c := filler.admin(t)
	go func() {
		a, err := c.try(context.Background(), http.MethodGet, path, nil)
		first <- result{a, err}
	}()
	require.Eventually(t, func() bool { return stopped(filler) }, patience, leaseStep)
	other.admin(t).put(t, fmt.Sprintf("/api/v1/config/%d", id), object{"value": "new"}).want(t, http.StatusOK)
	// What the writer shares is gone, so that nothing but the filler's own is there.
	require.NoError(t, shared.client.Del(t.Context(), "config:production:shop:k").Err())
	require.NoError(t, filler.cmd.Process.Signal(syscall.SIGCONT))
	asked := <-first
	require.NoError(t, asked.err)
	asked.a.want(t, http.StatusOK) // it was asked before the write: either value is right

	require.Eventually(t, func() bool {
		return strings.Contains(string(c.get(t, path).want(t, http.StatusOK).body), `"new"`)
	}, propagation, leaseStep)
	for range 50 {
		assert.Contains(t, string(c.get(t, path).body), `"new"`, "it does not go back")
	}
	// A third one, which asks Redis first, is not told the old one either.
	third := serve(t, databaseURL, environ...).admin(t)
	for range 50 {
		assert.Contains(t, string(third.get(t, path).body), `"new"`)
	}
}
