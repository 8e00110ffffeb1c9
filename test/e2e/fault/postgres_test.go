package fault_test

import (
	"context"
	"fmt"
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

const (
	// WriteBound is when a write is answered, whatever happens to the database: its
	// deadline and some time to say so.
	writeBound = 11 * time.Second
	// RecoveryBound is when all is well again after the database is.
	recoveryBound = 5 * time.Second
	// StrangersPerSecond ask for what is in no memory.
	strangersPerSecond = 100
)

// load is clients at work with one replica, whose database is ill now and then.
type load struct {
	c     e2etest.Client
	known []e2etest.Configuration
	// reads and evaluations go on all the time. Writes and questions for what nobody
	// holds are answered in time.
	reads, writes, strangers verdict
	refused                  atomic.Int64
	atWork                   sync.WaitGroup
}

// newLoad makes what the crowd works with.
func newLoad(t *testing.T, c e2etest.Client) *load {
	t.Helper()
	m := &load{c: c}
	for n := range 8 {
		m.known = append(m.known, c.Create(t, fmt.Sprint("known-", n), "v"))
	}
	c.Post(t, "/api/v1/feature-flags", e2etest.Object{"name": "f", "environment": "production", "is_enabled": true}).
		Want(t, http.StatusCreated)
	return m
}

// work lets everybody work until the context ends.
func (m *load) work(ctx context.Context, name string, writes bool) {
	for n := range 4 {
		m.atWork.Go(func() { every(ctx, 10*time.Millisecond, func() { m.read(m.known[n]) }) })
		if writes {
			round := 0
			m.atWork.Go(func() { every(ctx, 50*time.Millisecond, func() { round++; m.write(m.known[4+n], round) }) })
		}
	}
	m.atWork.Go(func() { every(ctx, 10*time.Millisecond, m.evaluate) })
	m.atWork.Go(func() {
		n := 0
		every(ctx, time.Second/strangersPerSecond, func() {
			n++
			key := fmt.Sprint(name, n)
			m.atWork.Go(func() { m.ask(key) })
		})
	})
}

func (m *load) call(method, path string, body any) (e2etest.Response, time.Duration, error) {
	began := time.Now()
	a, err := m.c.Try(context.Background(), method, path, body)
	return a, time.Since(began), err
}

func (m *load) read(known e2etest.Configuration) {
	a, took, err := m.call(http.MethodGet, e2etest.ReadPath(known.Key), nil)
	if err != nil || a.Status != http.StatusOK {
		m.reads.blame("a read was answered %d after %s: %v", a.Status, took, err)
		return
	}
	m.reads.note(took)
}

func (m *load) evaluate() {
	a, took, err := m.call(http.MethodPost, "/api/v1/feature-flags/evaluate",
		e2etest.Object{"flag_name": "f", "environment": "production", "context": e2etest.Object{}})
	if err != nil || a.Status != http.StatusOK || !strings.Contains(string(a.Body), `"enabled":true`) {
		m.reads.blame("an evaluation was answered %d after %s: %v %s", a.Status, took, err, a.Body)
		return
	}
	m.reads.note(took)
}

func (m *load) write(known e2etest.Configuration, round int) {
	a, took, err := m.call(http.MethodPut, known.Path(), e2etest.Object{"value": strconv.Itoa(round)})
	m.answered(&m.writes, http.StatusOK, a, took, err)
}

func (m *load) ask(key string) {
	a, took, err := m.call(http.MethodGet, e2etest.ReadPath(key), nil)
	m.answered(&m.strangers, http.StatusNotFound, a, took, err)
}

// answered holds an answer to what is expected, or to a refusal that says when to try
// again.
func (m *load) answered(v *verdict, expected int, a e2etest.Response, took time.Duration, err error) {
	switch {
	case err != nil || took > writeBound:
		v.blame("answered %d after %s: %v", a.Status, took, err)
	case a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "":
		m.refused.Add(1)
		v.note(took)
	case a.Status != expected:
		v.blame("answered %d after %s: %s", a.Status, took, a.Body)
	default:
		v.note(took)
	}
}

// awaitWell returns how long it took until writes are made and reads are not stale.
func (m *load) awaitWell(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	require.Eventually(t, func() bool {
		read, _, err := m.call(http.MethodGet, e2etest.ReadPath(m.known[0].Key), nil)
		return err == nil && read.Status == http.StatusOK && read.Header.Get("Signalbox-Stale") == "" &&
			m.c.Get(t, "/health").Status == http.StatusOK &&
			m.c.Put(t, m.known[0].Path(), e2etest.Object{"value": "well"}).Status == http.StatusOK
	}, recoveryBound, e2etest.PollInterval)
	return time.Since(began)
}

// requireFine checks that nothing went wrong, and says what was done.
func (m *load) requireFine(t *testing.T) {
	t.Helper()
	m.reads.requireFine(t)
	m.writes.requireFine(t)
	m.strangers.requireFine(t)
	assert.Less(t, m.reads.quantile(0.99), time.Second)
	t.Logf("%d reads and evaluations, none failed, p99 %s, the slowest %s; %d writes, the slowest %s; "+
		"%d questions for what nobody holds, the slowest %s; %d refused",
		m.reads.count(), m.reads.quantile(0.99), m.reads.quantile(1), m.writes.count(), m.writes.quantile(1),
		m.strangers.count(), m.strangers.quantile(1), m.refused.Load())
}

// TestFaultPostgres takes the database away from a service that many clients are at work
// with, lets it hang, and slows it down. Reads of what is known and evaluations go on,
// everything else is answered in time, and all is well soon after.
func TestFaultPostgres(t *testing.T) {
	t.Parallel()
	lasts := harness.Scale(30*time.Second, 8*time.Second)
	database := harness.OwnPostgres(t)
	u, err := url.Parse(database.URL)
	require.NoError(t, err)
	network := harness.NewNetwork(t, u.Host)
	u.Host = network.Address
	p := e2etest.Serve(t, u.String(), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	m := newLoad(t, p.Admin(t))
	ctx, stop := context.WithCancel(t.Context())
	m.work(ctx, "stranger-", true)

	// It fails, and comes back by way of its log.
	database.Stop()
	elapse(lasts)
	require.NotEmpty(t, m.c.Get(t, e2etest.ReadPath(m.known[0].Key)).Header.Get("Signalbox-Stale"), "it says how old it may be")
	database.Start(t)
	t.Logf("well %s after it was started", m.awaitWell(t))

	// It does not answer. A second replica is looked into at the worst moment.
	second := e2etest.Serve(t, u.String(), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	others := &load{c: second.Admin(t), known: m.known}
	for _, known := range m.known {
		others.read(known)
	}
	theirs, end := context.WithCancel(ctx)
	others.work(theirs, "other-", false)
	elapse(time.Second)
	network.Drop(t)
	elapse(lasts)
	require.NotEmpty(t, m.c.Get(t, e2etest.ReadPath(m.known[0].Key)).Header.Get("Signalbox-Stale"), "it says how old it may be")
	end()
	others.requireFine(t)
	goroutines := second.Goroutines(t)
	others.atWork.Wait()
	network.Heal(t)
	t.Logf("%d goroutines at the end of it, well %s after", goroutines, m.awaitWell(t))

	// It is slow, but for that nothing is wrong.
	network.Slow(t, 200*time.Millisecond, 100*time.Millisecond)
	elapse(lasts)
	network.Heal(t)
	t.Logf("well %s after it is fast again", m.awaitWell(t))
	stop()
	m.atWork.Wait()
	m.requireFine(t)
	require.Less(t, goroutines, 500)
}
