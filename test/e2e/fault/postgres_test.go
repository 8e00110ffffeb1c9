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
	// WriteBound bounds the latency of a write during any fault of the database: its
	// deadline and a margin.
	writeBound = 11 * time.Second
	// RecoveryBound bounds the time until the service has recovered after its database.
	recoveryBound = 5 * time.Second
	// MissesPerSecond is the rate of reads of values that are in no cache.
	missesPerSecond = 100
)

// load is the load of many clients on a replica whose database fails.
type load struct {
	c     e2etest.Client
	known []e2etest.Configuration
	// Reads and evaluations must not fail. Writes and misses must be answered within their
	// bound.
	reads, writes, misses report
	refused               atomic.Int64
	running               sync.WaitGroup
}

// newLoad creates the configurations and the flag of the load.
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

// work runs all clients until the context ends.
func (m *load) work(ctx context.Context, name string, writes bool) {
	for n := range 4 {
		m.running.Go(func() { every(ctx, 10*time.Millisecond, func() { m.read(m.known[n]) }) })
		if writes {
			round := 0
			m.running.Go(func() { every(ctx, 50*time.Millisecond, func() { round++; m.write(m.known[4+n], round) }) })
		}
	}
	m.running.Go(func() { every(ctx, 10*time.Millisecond, m.evaluate) })
	m.running.Go(func() {
		n := 0
		every(ctx, time.Second/missesPerSecond, func() {
			n++
			key := fmt.Sprint(name, n)
			m.running.Go(func() { m.ask(key) })
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
		m.reads.failf("a read got status %d after %s: %v", a.Status, took, err)
		return
	}
	m.reads.record(took)
}

func (m *load) evaluate() {
	a, took, err := m.call(http.MethodPost, "/api/v1/feature-flags/evaluate",
		e2etest.Object{"flag_name": "f", "environment": "production", "context": e2etest.Object{}})
	if err != nil || a.Status != http.StatusOK || !strings.Contains(string(a.Body), `"enabled":true`) {
		m.reads.failf("an evaluation got status %d after %s: %v %s", a.Status, took, err, a.Body)
		return
	}
	m.reads.record(took)
}

func (m *load) write(known e2etest.Configuration, round int) {
	a, took, err := m.call(http.MethodPut, known.Path(), e2etest.Object{"value": strconv.Itoa(round)})
	m.check(&m.writes, http.StatusOK, a, took, err)
}

func (m *load) ask(key string) {
	a, took, err := m.call(http.MethodGet, e2etest.ReadPath(key), nil)
	m.check(&m.misses, http.StatusNotFound, a, took, err)
}

// check checks for the expected status, or for an error with a Retry-After, within the
// bound.
func (m *load) check(v *report, expected int, a e2etest.Response, took time.Duration, err error) {
	switch {
	case err != nil || took > writeBound:
		v.failf("status %d after %s: %v", a.Status, took, err)
	case a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "":
		m.refused.Add(1)
		v.record(took)
	case a.Status != expected:
		v.failf("status %d after %s: %s", a.Status, took, a.Body)
	default:
		v.record(took)
	}
}

// awaitRecovery waits until writes succeed and reads are not stale, and returns how long
// that took.
func (m *load) awaitRecovery(t *testing.T) time.Duration {
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

// requireNoFailures checks that no client failed, and logs the figures.
func (m *load) requireNoFailures(t *testing.T) {
	t.Helper()
	m.reads.requireNoFailures(t)
	m.writes.requireNoFailures(t)
	m.misses.requireNoFailures(t)
	assert.Less(t, m.reads.quantile(0.99), time.Second)
	t.Logf("%d reads and evaluations, none failed, p99 %s, the slowest %s; %d writes, the slowest %s; "+
		"%d misses, the slowest %s; %d refused",
		m.reads.count(), m.reads.quantile(0.99), m.reads.quantile(1), m.writes.count(), m.writes.quantile(1),
		m.misses.count(), m.misses.quantile(1), m.refused.Load())
}

// TestFaultPostgres stops the database under the load of many clients, lets it hang, and
// slows it down. Cached reads and evaluations succeed, other requests are answered in time,
// and the service recovers soon after.
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
	m.work(ctx, "unknown-", true)

	// The database crashes and recovers.
	database.Stop()
	elapse(lasts)
	require.NotEmpty(t, m.c.Get(t, e2etest.ReadPath(m.known[0].Key)).Header.Get("Signalbox-Stale"), "it is marked as stale")
	database.Start(t)
	t.Logf("recovered %s after the start", m.awaitRecovery(t))

	// The database does not respond. The goroutines of a second replica are counted meanwhile.
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
	require.NotEmpty(t, m.c.Get(t, e2etest.ReadPath(m.known[0].Key)).Header.Get("Signalbox-Stale"), "it is marked as stale")
	end()
	others.requireNoFailures(t)
	goroutines := second.Goroutines(t)
	others.running.Wait()
	network.Heal(t)
	t.Logf("%d goroutines at the end, recovered %s after", goroutines, m.awaitRecovery(t))

	// The database is slow.
	network.Slow(t, 200*time.Millisecond, 100*time.Millisecond)
	elapse(lasts)
	network.Heal(t)
	t.Logf("recovered %s after it was fast again", m.awaitRecovery(t))
	stop()
	m.running.Wait()
	m.requireNoFailures(t)
	require.Less(t, goroutines, 500)
}
