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
	"slices"
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

// changed is what a change belongs to, past the service.
type changed struct {
	revision                            int64
	aggregate, environment, serviceName string
}

// interest is what a watcher asks for.
type interest struct {
	query url.Values
	takes func(changed) bool
}

// interests are all kinds of filters.
func interests() []interest {
	list := []interest{{url.Values{}, func(changed) bool { return true }}}
	for _, environment := range []string{"production", "staging"} {
		list = append(list, interest{url.Values{"environment": {environment}}, func(c changed) bool {
			return c.environment == environment || c.aggregate == "service"
		}})
	}
	for n := range 4 {
		name := fmt.Sprint("service-", n)
		list = append(list, interest{url.Values{"service_name": {name}}, func(c changed) bool { return c.serviceName == name }})
	}
	for resource, aggregate := range map[string]string{
		"configuration": "configuration", "feature_flag": "flag", "service": "service",
	} {
		list = append(list, interest{url.Values{"type": {resource}}, func(c changed) bool { return c.aggregate == aggregate }})
	}
	return append(list, interest{
		url.Values{"type": {"configuration"}, "environment": {"staging"}, "service_name": {"service-1"}},
		func(c changed) bool {
			return c.aggregate == "configuration" && c.environment == "staging" && c.serviceName == "service-1"
		},
	})
}

// restless is a watcher that leaves and comes back where it was, by either way.
type restless struct {
	verdict
	c     e2etest.Client
	dice  *rand.Rand
	in    interest
	epoch string
	// at is how far it has seen everything, seen is what, and gone is what it was told
	// is not kept any more: pairs of before and up to.
	at   int64
	seen []int64
	gone [][2]int64
	// left is how often it left.
	left int
}

// watch goes on until it has seen all of the feed, up to an end that is 0 until it is
// known.
func (w *restless) watch(ctx context.Context, end *atomic.Int64) {
	for ctx.Err() == nil && len(w.troubles) == 0 {
		last := end.Load()
		if last > 0 && w.at >= last {
			return
		}
		w.left++
		visit, leave := context.WithTimeout(ctx, time.Duration(1+w.dice.IntN(400))*time.Millisecond)
		// A stream says nothing of what the filter does not take; a poll says how far it went.
		switch {
		case last > 0:
			w.poll(ctx, "0s")
		case w.dice.IntN(2) == 0:
			w.poll(visit, "5s")
		default:
			w.stream(visit)
		}
		leave()
	}
	if w.at < end.Load() {
		w.blame("was left in silence at revision %d", w.at)
	}
}

func (w *restless) poll(ctx context.Context, wait string) {
	query := w.since()
	query.Set("wait", wait)
	query.Set("limit", strconv.Itoa(1+w.dice.IntN(200)))
	a, err := w.c.Try(ctx, http.MethodGet, "/api/v1/changes?"+query.Encode(), nil)
	var told struct {
		Revision int64
		Changes  []struct{ Revision int64 }
	}
	switch {
	case err != nil: // it left, or nobody is there
		<-ctx.Done()
	case a.Status == http.StatusGone:
		w.resume(a.Body)
	case a.Status != http.StatusOK:
		w.blame("a poll was answered %d: %s", a.Status, a.Body)
	case json.Unmarshal(a.Body, &told) != nil || told.Revision < w.at:
		w.blame("a poll went back from %d: %s", w.at, a.Body)
	default:
		for _, change := range told.Changes {
			w.take(change.Revision)
		}
		w.at = told.Revision
	}
}

func (w *restless) stream(ctx context.Context) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.c.URL+"/api/v1/changes/stream?"+w.since().Encode(), nil)
	if err != nil {
		w.blame("%v", err)
		return
	}
	request.Header.Set("Authorization", "ApiKey "+w.c.Key)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		<-ctx.Done() // it left, or nobody is there
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
			w.blame("a stream was answered %d: %s", response.StatusCode, lines.Text())
			return
		case name == "event":
			event = value
		case name == "data":
			data = value
		case name == "" && data != "":
			if !w.told(event, data) {
				return
			}
			data = ""
		}
	}
}

// told takes in a whole event, and reports whether the stream goes on.
func (w *restless) told(event, data string) bool {
	var change struct{ Revision int64 }
	switch {
	case event == "resync":
		w.resume([]byte(data))
		return false
	case json.Unmarshal([]byte(data), &change) != nil:
		w.blame("an event that is no change: %s", data)
		return false
	}
	w.take(change.Revision)
	w.at = change.Revision
	return true
}

// since asks for what follows.
func (w *restless) since() url.Values {
	query := url.Values{"since": {strconv.FormatInt(w.at, 10)}, "epoch": {w.epoch}}
	maps.Copy(query, w.in.query)
	return query
}

func (w *restless) take(revision int64) {
	w.seen = append(w.seen, revision)
	w.note(0)
}

// resume goes on from where it is told to.
func (w *restless) resume(body []byte) {
	var told struct {
		Epoch    string
		Revision int64
	}
	if json.Unmarshal(body, &told) != nil || told.Epoch != w.epoch || told.Revision < w.at {
		w.blame("was told to go on from %s at revision %d", body, w.at)
		return
	}
	if told.Revision > w.at {
		w.gone = append(w.gone, [2]int64{w.at, told.Revision})
	}
	w.at = told.Revision
}

// requireAll checks that it saw every change that it asks for, once and in order, but
// for those it was told of that they are gone.
func (w *restless) requireAll(t *testing.T, all []changed) {
	t.Helper()
	var want []int64
	gone := w.gone
	for _, c := range all {
		for len(gone) > 0 && c.revision > gone[0][1] {
			gone = gone[1:]
		}
		if c.revision <= w.at && w.in.takes(c) && (len(gone) == 0 || c.revision <= gone[0][0]) {
			want = append(want, c.revision)
		}
	}
	assert.True(t, slices.Equal(want, w.seen), "%v: saw %d changes where %d were due", w.in.query, len(w.seen), len(want))
}

// disturb makes changes of all kinds at that pace until the context ends.
func disturb(ctx context.Context, v *verdict, c e2etest.Client, writer int, pace time.Duration) {
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
			v.blame("a write was answered %d: %v %s", a.Status, err, a.Body)
			return
		}
		v.note(0)
	})
}

// retained is how many changes a purge leaves.
const retained = 50

// forget takes the oldest changes away, as another replica does whose time has come, and
// returns them.
func forget(t *testing.T, db *sql.DB) []changed {
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

// TestFaultWatchers has many watch who leave and come back all the time, while changes of
// all kinds are made and old ones are forgotten. The replica that they watch is started
// again and again, and then holds none of them in memory. Each sees all that it asks for,
// once and in order, or is told that it is gone.
func TestFaultWatchers(t *testing.T) {
	t.Parallel()
	const watchers, writers = 200, 8
	rounds, lasts := harness.Scale(12, 3), harness.Scale(5*time.Second, 2*time.Second)
	dice := harness.Rand(t)
	databaseURL := e2etest.NewPostgres(t)
	db := e2etest.OpenDatabase(t, databaseURL)
	environ := []string{"BOOTSTRAP_ADMIN_KEY=" + e2etest.AdminKey(t)}
	source := e2etest.Serve(t, databaseURL, environ...).Admin(t)
	p := e2etest.Serve(t, databaseURL, environ...)
	address := e2etest.NewGate(t, p.URL) // it stays, whoever is behind it
	c := e2etest.Client{URL: address.URL, Key: e2etest.AdminKey(t)}
	epoch := c.Health(t).Feed.Epoch

	v, end := &verdict{}, &atomic.Int64{}
	ctx, stop := context.WithTimeout(t.Context(), time.Duration(rounds)*(lasts+e2etest.Timeout))
	defer stop()
	all := make([]*restless, watchers)
	var watching, atWork sync.WaitGroup
	for n := range all {
		kinds := interests()
		all[n] = &restless{
			c: c, dice: rand.New(rand.NewPCG(dice.Uint64(), 0)), in: kinds[n%len(kinds)], epoch: epoch,
		}
		watching.Go(func() { all[n].watch(ctx, end) })
	}
	writing, rest := context.WithCancel(ctx)
	for w := range writers {
		atWork.Go(func() { disturb(writing, v, source, w, 40*time.Millisecond) })
	}
	var truth []changed
	for range rounds {
		round, over := context.WithTimeout(ctx, lasts)
		every(round, 100*time.Millisecond, func() { truth = append(truth, forget(t, db)...) })
		over()
		p.Terminate(t)
		require.Zero(t, p.AwaitExit(t))
		truth = append(truth, forget(t, db)...)
		p = e2etest.Serve(t, databaseURL, environ...)
		address.Redirect(t, p.URL)
	}
	rest()
	atWork.Wait()
	v.requireFine(t)
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
	seen, gone, left := 0, 0, 0
	for _, w := range all {
		w.requireFine(t)
		w.requireAll(t, truth)
		seen, gone, left = seen+w.answered, gone+len(w.gone), left+w.left
	}
	assert.Positive(t, gone, "some were told that what they asked for is gone")
	t.Logf("%d changes, %d watchers that left %d times: %d seen, each once and in order; %d times told that some are gone",
		len(truth), watchers, left, seen, gone)
}
