package e2e_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/harness"
)

// restarting is a service that is started again and again at the same address.
type restarting struct {
	*service
	gate    *gate
	process *process
	environ []string
}

func newRestarting(t *testing.T) *restarting {
	t.Helper()
	r := &restarting{environ: []string{"BOOTSTRAP_ADMIN_KEY=" + adminKey(t)}}
	databaseURL := freshSQLite(t)
	r.process = serve(t, databaseURL, r.environ...)
	r.gate = newGate(t, r.process.url)
	r.service = &service{url: r.gate.url, databaseURL: databaseURL}
	return r
}

// restart starts the service again, and makes a change before any client is back.
func (r *restarting) restart(t *testing.T, change func(client)) {
	t.Helper()
	r.process.terminate(t)
	require.Zero(t, r.process.awaitEnd(t))
	r.process = serve(t, r.databaseURL, r.environ...)
	change(client{url: r.process.url, key: adminKey(t)})
	r.gate.lead(t, r.process.url)
}

// greetingOf is the flag of a page, that greets so.
func greetingOf(text string) object {
	return object{"variants": object{"plain": "hello", "golden": text}}
}

// TestOpenFeaturePageAcrossRestarts has a page that never polls follow a service that is
// started again and again, with a change before the page is back: it always ends with
// the new value.
func TestOpenFeaturePageAcrossRestarts(t *testing.T) {
	t.Parallel()
	r := newRestarting(t)
	made := decode[struct{ ID int64 }](t, r.admin(t).post(t, flagsPath, greeting()).want(t, http.StatusCreated))
	path := flagsPath + strconv.FormatInt(made.ID, 10)
	page := askNode(t, r.service, "web.mjs")
	say[object](page, object{"do": "follow", "context": object{"targetingKey": "user-1", "plan": "gold"}})
	q := question{ID: "greeting", Flag: "greeting", Type: "string", Default: "fallback"}
	for round := range harness.Scale(20, 3) {
		text := fmt.Sprint("welcome ", round)
		r.restart(t, func(c client) { c.put(t, path, greetingOf(text)).want(t, http.StatusOK) })
		began := time.Now()
		require.Equal(t, object{"flags": []any{"greeting"}}, say[object](page, object{"do": "changed", "flag": "greeting"}))
		require.Equal(t, text, say[told](page, object{"do": "evaluate", "question": q}).Value)
		t.Logf("round %d: the page has it after %s", round, time.Since(began))
	}
}

// TestEventSourcesAcrossRestarts has plain clients follow the changes of flags, from no
// place in particular: they hear of each once and in order.
func TestEventSourcesAcrossRestarts(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(t *testing.T, s *service) *talk{
		"npm eventsource": func(t *testing.T, s *service) *talk { t.Helper(); return askNode(t, s, "web.mjs") },
		"Python": func(t *testing.T, s *service) *talk {
			t.Helper()
			return talkTo(t, s, nil, "python3", "events.py")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRestarting(t)
			c := begin(t, r.service)
			r.admin(t).create(t, "before", "v")
			say[object](c, object{"do": "listen", "path": "/api/v1/changes/stream?type=feature_flag"})
			var want []any
			for round := range harness.Scale(20, 3) {
				r.restart(t, func(c client) {
					c.create(t, fmt.Sprint("k", round), "v")
					c.post(t, flagsPath, object{"name": fmt.Sprint("f", round), "environment": "production"}).want(t, http.StatusCreated)
				})
				want = append(want, float64(3+2*round))
				heard := say[object](c, object{"do": "heard", "count": len(want)})
				require.Equal(t, object{"changes": want, "resyncs": 0.0}, heard)
			}
		})
	}
}
