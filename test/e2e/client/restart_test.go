package client_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// restarting is a service that is restarted at the same address.
type restarting struct {
	*e2etest.Server
	gate    *e2etest.Gate
	process *e2etest.Process
	environ []string
}

func newRestarting(t *testing.T, environ ...string) *restarting {
	t.Helper()
	r := &restarting{environ: append(environ, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))}
	databaseURL := e2etest.NewSQLite(t)
	r.process = e2etest.Serve(t, databaseURL, r.environ...)
	r.gate = e2etest.NewGate(t, r.process.URL)
	r.Server = &e2etest.Server{URL: r.gate.URL, DatabaseURL: databaseURL}
	return r
}

// restart restarts the service, and makes a change before clients reconnect.
func (r *restarting) restart(t *testing.T, change func(e2etest.Client)) {
	t.Helper()
	r.process.Terminate(t)
	require.Zero(t, r.process.AwaitExit(t))
	r.process = e2etest.Serve(t, r.DatabaseURL, r.environ...)
	change(e2etest.Client{URL: r.process.URL, Key: e2etest.AdminKey(t)})
	r.gate.Redirect(t, r.process.URL)
}

// greetingOf is the flag of a page with that greeting.
func greetingOf(text string) e2etest.Object {
	return e2etest.Object{"variants": e2etest.Object{"plain": "hello", "golden": text}}
}

// TestOpenFeaturePageAcrossRestarts runs a page that never polls on a service that is
// restarted, with a change before the page reconnects: it always gets the new value.
func TestOpenFeaturePageAcrossRestarts(t *testing.T) {
	t.Parallel()
	r := newRestarting(t)
	made := e2etest.Decode[struct{ ID int64 }](t, r.Admin(t).Post(t, e2etest.FlagsPath, greeting()).Want(t, http.StatusCreated))
	path := e2etest.FlagsPath + strconv.FormatInt(made.ID, 10)
	page := startNode(t, r.Server, "web.mjs")
	send[e2etest.Object](page, e2etest.Object{"do": "follow", "context": e2etest.Object{"targetingKey": "user-1", "plan": "gold"}})
	q := question{ID: "greeting", Flag: "greeting", Type: "string", Default: "fallback"}
	for round := range harness.Scale(20, 3) {
		text := fmt.Sprint("welcome ", round)
		r.restart(t, func(c e2etest.Client) { c.Put(t, path, greetingOf(text)).Want(t, http.StatusOK) })
		began := time.Now()
		require.Equal(t, e2etest.Object{"flags": []any{"greeting"}}, send[e2etest.Object](page, e2etest.Object{"do": "changed", "flag": "greeting"}))
		require.Equal(t, text, send[evaluation](page, e2etest.Object{"do": "evaluate", "question": q}).Value)
		t.Logf("round %d: the page has it after %s", round, time.Since(began))
	}
}

// TestEventSourcesAcrossRestarts runs event sources on the changes of flags without a
// cursor: they receive each once and in order.
func TestEventSourcesAcrossRestarts(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(t *testing.T, s *e2etest.Server) *clientProgram{
		"npm eventsource": func(t *testing.T, s *e2etest.Server) *clientProgram { t.Helper(); return startNode(t, s, "web.mjs") },
		"Python": func(t *testing.T, s *e2etest.Server) *clientProgram {
			t.Helper()
			return startProgram(t, s, nil, "python3", "events.py")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRestarting(t)
			c := begin(t, r.Server)
			r.Admin(t).Create(t, "before", "v")
			send[e2etest.Object](c, e2etest.Object{"do": "listen", "path": "/api/v1/changes/stream?type=feature_flag"})
			var want []any
			for round := range harness.Scale(20, 3) {
				r.restart(t, func(c e2etest.Client) {
					c.Create(t, fmt.Sprint("k", round), "v")
					c.Post(t, e2etest.FlagsPath, e2etest.Object{"name": fmt.Sprint("f", round), "environment": "production"}).Want(t, http.StatusCreated)
				})
				want = append(want, float64(3+2*round))
				heard := send[e2etest.Object](c, e2etest.Object{"do": "heard", "count": len(want)})
				require.Equal(t, e2etest.Object{"changes": want, "resyncs": 0.0}, heard)
			}
		})
	}
}
