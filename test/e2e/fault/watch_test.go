package fault_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// changed is a stored change with the resource that it belongs to.
type changed struct {
	revision                            int64
	aggregate, environment, serviceName string
}

// filter is the query of a watch and the changes that it selects.
type filter struct {
	query   url.Values
	selects func(changed) bool
}

// filters returns all kinds of filters.
func filters() []filter {
	list := []filter{{url.Values{}, func(changed) bool { return true }}}
	for _, environment := range []string{"production", "staging"} {
		list = append(list, filter{url.Values{"environment": {environment}}, func(c changed) bool {
			return c.environment == environment || c.aggregate == "service"
		}})
	}
	for n := range 4 {
		name := fmt.Sprint("service-", n)
		list = append(list, filter{url.Values{"service_name": {name}}, func(c changed) bool { return c.serviceName == name }})
	}
	for resource, aggregate := range map[string]string{
		"configuration": "configuration", "feature_flag": "flag", "service": "service",
	} {
		list = append(list, filter{url.Values{"type": {resource}}, func(c changed) bool { return c.aggregate == aggregate }})
	}
	return append(list, filter{
		url.Values{"type": {"configuration"}, "environment": {"staging"}, "service_name": {"service-1"}},
		func(c changed) bool {
			return c.aggregate == "configuration" && c.environment == "staging" && c.serviceName == "service-1"
		},
	})
}

// restless is a watcher that disconnects and resumes, by poll and by stream.
type restless struct {
	report
	c      e2etest.Client
	random *rand.Rand
	in     filter
	epoch  string
	// at is its position, seen are the changes that it received, and compacted are the ranges
	// that resyncs skipped, as pairs of before and up to.
	at        int64
	seen      []int64
	compacted [][2]int64
	// left counts its disconnections.
	left int
}

// watch continues until it has received all of the feed, up to an end that is 0 until it
// is known.
func (w *restless) watch(ctx context.Context, end *atomic.Int64) {
	for ctx.Err() == nil && len(w.failures) == 0 {
		last := end.Load()
		if last > 0 && w.at >= last {
			return
		}
		w.left++
		visit, leave := context.WithTimeout(ctx, time.Duration(1+w.random.IntN(400))*time.Millisecond)
		// A stream is silent about changes outside of the filter; a poll returns its position.
		switch {
		case last > 0:
			w.poll(ctx, "0s")
		case w.random.IntN(2) == 0:
			w.poll(visit, "5s")
		default:
			w.stream(visit)
		}
		leave()
	}
	if w.at < end.Load() {
		w.failf("received nothing after revision %d", w.at)
	}
}

func (w *restless) poll(ctx context.Context, wait string) {
	query := w.since()
	query.Set("wait", wait)
	query.Set("limit", strconv.Itoa(1+w.random.IntN(200)))
	a, err := w.c.Try(ctx, http.MethodGet, "/api/v1/changes?"+query.Encode(), nil)
	var received struct {
		Revision int64
		Changes  []struct{ Revision int64 }
	}
	switch {
	case err != nil: // disconnected, or no response
		<-ctx.Done()
	case a.Status == http.StatusGone:
		w.resume(a.Body)
	case a.Status != http.StatusOK:
		w.failf("a poll got status %d: %s", a.Status, a.Body)
	case json.Unmarshal(a.Body, &received) != nil || received.Revision < w.at:
		w.failf("a poll returned a position before %d: %s", w.at, a.Body)
	default:
		for _, change := range received.Changes {
			w.add(change.Revision)
		}
		w.at = received.Revision
	}
}

func (w *restless) stream(ctx context.Context) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.c.URL+"/api/v1/changes/stream?"+w.since().Encode(), nil)
	if err != nil {
		w.failf("%v", err)
		return
	}
	request.Header.Set("Authorization", "ApiKey "+w.c.Key)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		<-ctx.Done() // disconnected, or no response
		return
	}
	defer func() { _ = response.Body.Close() }()
	lines, event, data := bufio.NewScanner(response.Body), "", ""
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case response.StatusCode == http.StatusGone:
			w.resume(lines.Bytes())
			return
		case response.StatusCode != http.StatusOK:
			w.failf("a stream got status %d: %s", response.StatusCode, lines.Text())
			return
		case name == "event":
			event = value
		case name == "data":
			data = value
		case name == "" && data != "":
			if !w.receive(event, data) {
				return
			}
			data = ""
		}
	}
}

// receive applies a complete event, and reports whether the stream continues.
func (w *restless) receive(event, data string) bool {
	var received struct{ Revision int64 }
	switch {
	case event == "resync":
		w.resume([]byte(data))
		return false
	case event == "end":
		return false
	case json.Unmarshal([]byte(data), &received) != nil || received.Revision <= w.at:
		w.failf("an event has no place after %d: %s %s", w.at, event, data)
		return false
	case event != "position":
		w.add(received.Revision)
	}
	w.at = received.Revision
	return true
}

// since returns the query for the next changes.
func (w *restless) since() url.Values {
	query := url.Values{"since": {strconv.FormatInt(w.at, 10)}, "epoch": {w.epoch}}
	maps.Copy(query, w.in.query)
	return query
}

// add adds a received change.
func (w *restless) add(revision int64) {
	w.seen = append(w.seen, revision)
	w.record(0)
}

// resume continues at the position of a resync.
func (w *restless) resume(body []byte) {
	var received struct {
		Epoch    string
		Revision int64
	}
	if json.Unmarshal(body, &received) != nil || received.Epoch != w.epoch || received.Revision < w.at {
		w.failf("got a resync %s at revision %d", body, w.at)
		return
	}
	if received.Revision > w.at {
		w.compacted = append(w.compacted, [2]int64{w.at, received.Revision})
	}
	w.at = received.Revision
}

// requireAll checks that it received every change of its filter once and in order, except
// compacted ones.
func (w *restless) requireAll(t *testing.T, all []changed) {
	t.Helper()
	var want []int64
	compacted := w.compacted
	for _, c := range all {
		for len(compacted) > 0 && c.revision > compacted[0][1] {
			compacted = compacted[1:]
		}
		if c.revision <= w.at && w.in.selects(c) && (len(compacted) == 0 || c.revision <= compacted[0][0]) {
			want = append(want, c.revision)
		}
	}
	assert.Equal(t, want, w.seen, "%v: to revision %d, without %v", w.in.query, w.at, w.compacted)
}

// disturb makes changes of all kinds at an interval until the context ends.
func disturb(ctx context.Context, v *report, c e2etest.Client, writer int, pace time.Duration) {
	n := 0
	every(ctx, pace, func() {
		n++
		environment, service := []string{"production", "staging"}[n%2], fmt.Sprint("service-", n%4)
		path, body := "/api/v1/config/", any(e2etest.Draft{Key: fmt.Sprint("k", writer, ".", n), Environment: environment, ServiceName: service})
		switch n % 8 {
		case 0:
			path, body = "/api/v1/feature-flags", e2etest.Object{"name": fmt.Sprint("f", writer, ".", n), "environment": environment}
		case 4:
			path, body = e2etest.RegistryPath+"register", e2etest.Object{
				"service_name": service, "instance_id": fmt.Sprint("i", writer, ".", n), "service_url": "http://h", "environment": environment,
			}
		}
		a, err := c.Try(context.WithoutCancel(ctx), http.MethodPost, path, body)
		if err != nil || a.Status/100 != 2 {
			v.failf("a write got status %d: %v %s", a.Status, err, a.Body)
			return
		}
		v.record(0)
	})
}

// retained is the number of changes that a purge leaves.
const retained = 50

// compact deletes the oldest changes, as the purge of another replica does, and returns
// them.
func compact(t *testing.T, db *sql.DB) []changed {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	list := changesIn(t, tx, fmt.Sprint("WHERE revision <= (SELECT max(revision) FROM changes) - ", retained))
	if len(list) > 0 {
		_, err = tx.ExecContext(t.Context(), fmt.Sprint("DELETE FROM changes WHERE revision <= ", list[len(list)-1].revision))
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
	return list
}

// changesIn returns changes in the order of their revisions.
func changesIn(t *testing.T, tx *sql.Tx, where string) (list []changed) {
	t.Helper()
	each(t, tx, "SELECT revision, aggregate_type, environment, service_name FROM changes "+where+" ORDER BY revision",
		func(scan func(...any)) {
			var c changed
			scan(&c.revision, &c.aggregate, &c.environment, &c.serviceName)
			list = append(list, c)
		})
	return list
}

// TestFaultWatchers runs watchers that disconnect and resume, while changes of all kinds
// are made, old ones are compacted and their replica is restarted with empty caches. Each
// watcher receives all changes of its filter once and in order, or a resync.
func TestFaultWatchers(t *testing.T) {
	t.Parallel()
	const watchers, writers = 200, 8
	rounds, lasts := harness.Scale(12, 3), harness.Scale(5*time.Second, 2*time.Second)
	random := harness.Rand(t)
	databaseURL := e2etest.NewPostgres(t)
	db := e2etest.OpenDatabase(t, databaseURL)
	environ := []string{"BOOTSTRAP_ADMIN_KEY=" + e2etest.AdminKey(t)}
	source := e2etest.Serve(t, databaseURL, environ...).Admin(t)
	p := e2etest.Serve(t, databaseURL, environ...)
	address := e2etest.NewGate(t, p.URL) // it stays the same across restarts
	c := e2etest.Client{URL: address.URL, Key: e2etest.AdminKey(t)}
	epoch := c.Health(t).Feed.Epoch

	v, end := &report{}, &atomic.Int64{}
	ctx, stop := context.WithTimeout(t.Context(), time.Duration(rounds)*(lasts+e2etest.Timeout))
	defer stop()
	all := make([]*restless, watchers)
	var watching, running sync.WaitGroup
	for n := range all {
		kinds := filters()
		all[n] = &restless{
			c: c, random: rand.New(rand.NewPCG(random.Uint64(), 0)), in: kinds[n%len(kinds)], epoch: epoch,
		}
		watching.Go(func() { all[n].watch(ctx, end) })
	}
	writing, rest := context.WithCancel(ctx)
	for w := range writers {
		running.Go(func() { disturb(writing, v, source, w, 40*time.Millisecond) })
	}
	var truth []changed
	for range rounds {
		round, over := context.WithTimeout(ctx, lasts)
		every(round, 100*time.Millisecond, func() { truth = append(truth, compact(t, db)...) })
		over()
		p.Terminate(t)
		require.Zero(t, p.AwaitExit(t))
		truth = append(truth, compact(t, db)...)
		p = e2etest.Serve(t, databaseURL, environ...)
		address.Redirect(t, p.URL)
	}
	rest()
	running.Wait()
	v.requireNoFailures(t)
	source.AwaitPublished(t, 1)
	end.Store(source.Health(t).Feed.Revision)
	watching.Wait()
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	truth = append(truth, changesIn(t, tx, "")...)
	require.NoError(t, tx.Rollback())
	for n, c := range truth {
		require.Equal(t, int64(n+1), c.revision)
	}
	seen, compacted, left := 0, 0, 0
	for _, w := range all {
		w.requireNoFailures(t)
		w.requireAll(t, truth)
		seen, compacted, left = seen+w.responses, compacted+len(w.compacted), left+w.left
	}
	assert.Positive(t, compacted, "some watchers got a resync")
	t.Logf("%d changes, %d watchers that disconnected %d times: %d received, each once and in order; %d resyncs",
		len(truth), watchers, left, seen, compacted)
}
