package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// crowd is clients at work with one replica, whose database is ill now and then.
type crowd struct {
	c     client
	known []configuration
	// reads and evaluations go on all the time. Writes and questions for what nobody
	// holds are answered in time.
	reads, writes, strangers verdict
	refused                  atomic.Int64
	atWork                   sync.WaitGroup
}

// assemble makes what the crowd works with.
func assemble(t *testing.T, c client) *crowd {
	t.Helper()
	m := &crowd{c: c}
	for n := range 8 {
		m.known = append(m.known, c.create(t, fmt.Sprint("known-", n), "v"))
	}
	c.post(t, "/api/v1/feature-flags", object{"name": "f", "environment": "production", "is_enabled": true}).
		want(t, http.StatusCreated)
	return m
}

// work lets everybody work until the context ends.
func (m *crowd) work(ctx context.Context, name string, writes bool) {
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

func (m *crowd) call(method, path string, body any) (answer, time.Duration, error) {
	began := time.Now()
	a, err := m.c.try(context.Background(), method, path, body)
	return a, time.Since(began), err
}

func (m *crowd) read(known configuration) {
	a, took, err := m.call(http.MethodGet, at(known.Key), nil)
	if err != nil || a.status != http.StatusOK {
		m.reads.blame("a read was answered %d after %s: %v", a.status, took, err)
		return
	}
	m.reads.note(took)
}

func (m *crowd) evaluate() {
	a, took, err := m.call(http.MethodPost, "/api/v1/feature-flags/evaluate",
		object{"flag_name": "f", "environment": "production", "context": object{}})
	if err != nil || a.status != http.StatusOK || !strings.Contains(string(a.body), `"enabled":true`) {
		m.reads.blame("an evaluation was answered %d after %s: %v %s", a.status, took, err, a.body)
		return
	}
	m.reads.note(took)
}

func (m *crowd) write(known configuration, round int) {
	a, took, err := m.call(http.MethodPut, known.path(), object{"value": strconv.Itoa(round)})
	m.answered(&m.writes, http.StatusOK, a, took, err)
}

func (m *crowd) ask(key string) {
	a, took, err := m.call(http.MethodGet, at(key), nil)
	m.answered(&m.strangers, http.StatusNotFound, a, took, err)
}

// answered holds an answer to what is expected, or to a refusal that says when to try
// again.
func (m *crowd) answered(v *verdict, expected int, a answer, took time.Duration, err error) {
	switch {
	case err != nil || took > writeBound:
		v.blame("answered %d after %s: %v", a.status, took, err)
	case a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
		m.refused.Add(1)
		v.note(took)
	case a.status != expected:
		v.blame("answered %d after %s: %s", a.status, took, a.body)
	default:
		v.note(took)
	}
}

// awaitWell returns how long it took until writes are made and reads are not stale.
func (m *crowd) awaitWell(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	require.Eventually(t, func() bool {
		read, _, err := m.call(http.MethodGet, at(m.known[0].Key), nil)
		return err == nil && read.status == http.StatusOK && read.header.Get("Signalbox-Stale") == "" &&
			m.c.get(t, "/health").status == http.StatusOK &&
			m.c.put(t, m.known[0].path(), object{"value": "well"}).status == http.StatusOK
	}, recoveryBound, leaseStep)
	return time.Since(began)
}

// requireFine checks that nothing went wrong, and says what was done.
func (m *crowd) requireFine(t *testing.T) {
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

// goroutines ends a process and returns how many it had.
func (p *process) goroutines(tb testing.TB) int {
	tb.Helper()
	require.NoError(tb, p.cmd.Process.Signal(syscall.SIGQUIT))
	p.awaitEnd(tb)
	return strings.Count(p.log.String(), "\ngoroutine ")
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
	p := serve(t, u.String(), "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
	m := assemble(t, p.admin(t))
	ctx, stop := context.WithCancel(t.Context())
	m.work(ctx, "stranger-", true)

	// It fails, and comes back by way of its log.
	database.Stop()
	elapse(lasts)
	require.NotEmpty(t, m.c.get(t, at(m.known[0].Key)).header.Get("Signalbox-Stale"), "it says how old it may be")
	database.Start(t)
	t.Logf("well %s after it was started", m.awaitWell(t))

	// It does not answer. A second replica is looked into at the worst moment.
	second := serve(t, u.String(), "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
	others := &crowd{c: second.admin(t), known: m.known}
	for _, known := range m.known {
		others.read(known)
	}
	theirs, end := context.WithCancel(ctx)
	others.work(theirs, "other-", false)
	elapse(time.Second)
	network.Swallow(t)
	elapse(lasts)
	require.NotEmpty(t, m.c.get(t, at(m.known[0].Key)).header.Get("Signalbox-Stale"), "it says how old it may be")
	end()
	others.requireFine(t)
	goroutines := second.goroutines(t)
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
