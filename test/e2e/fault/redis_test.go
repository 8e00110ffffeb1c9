package fault_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// staleBound bounds the age of a read that is not marked as stale.
const staleBound = 2*time.Second + 250*time.Millisecond

// written has the acknowledged versions of one configuration with their times.
type written struct {
	of e2etest.Configuration

	mu       sync.Mutex
	versions []acknowledgement
}

type acknowledgement struct {
	at      time.Time
	version int64
}

func (w *written) acknowledge(version int64) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.versions = append(w.versions, acknowledgement{now, version})
}

// by returns the version that was acknowledged at a time.
func (w *written) by(then time.Time) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range slices.Backward(w.versions) {
		if !a.at.After(then) {
			return a.version
		}
	}
	return 1
}

// age returns for how long a version had been overwritten at a time.
func (w *written) age(version int64, then time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.versions {
		if a.version > version {
			return then.Sub(a.at)
		}
	}
	return 0
}

// readers compare reads from a replica with the acknowledged versions.
type readers struct {
	report
	c e2etest.Client
	// bound is the maximum age of a version that was overwritten.
	bound  time.Duration
	oldest time.Duration
}

// read reads random configurations until the context ends.
func (r *readers) read(ctx context.Context, random *rand.Rand, all []*written) {
	seen := map[int64]int64{}
	every(ctx, 10*time.Millisecond, func() {
		w := all[random.IntN(len(all))]
		began := time.Now()
		a, err := r.c.Try(context.WithoutCancel(ctx), http.MethodGet, e2etest.ReadPath(w.of.Key), nil)
		took := time.Since(began)
		found, parseErr := e2etest.Parse[e2etest.Configuration](a)
		switch least := w.by(began.Add(-r.bound)); {
		case err != nil || a.Status != http.StatusOK || parseErr != nil:
			r.failf("%s: status %d after %s: %v %v", w.of.Key, a.Status, took, err, parseErr)
		case a.Header.Get("Signalbox-Stale") != "":
			r.failf("%s: marked as stale while the database is available", w.of.Key)
		case found.Version < least:
			r.failf("%s: version %d, %s after another one was acknowledged", w.of.Key, found.Version, w.age(found.Version, began))
		case found.Version < seen[w.of.ID]:
			r.failf("%s: version %d after version %d", w.of.Key, found.Version, seen[w.of.ID])
		default:
			seen[w.of.ID] = found.Version
			r.record(took)
			r.remember(w.age(found.Version, began))
		}
	})
}

func (r *readers) remember(age time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.oldest = max(r.oldest, age)
}

// overwrite updates the configurations in turn until the context ends.
func overwrite(ctx context.Context, v *report, c e2etest.Client, all []*written, content string) {
	n := 0
	every(ctx, 50*time.Millisecond, func() {
		w := all[n%len(all)]
		n++
		began := time.Now()
		a, err := c.Try(context.WithoutCancel(ctx), http.MethodPut, w.of.Path(), e2etest.Object{"value": fmt.Sprint(n, content)})
		took := time.Since(began)
		changed, parseErr := e2etest.Parse[e2etest.Configuration](a)
		if err != nil || parseErr != nil || a.Status != http.StatusOK {
			v.failf("a write got status %d after %s: %v %v", a.Status, took, err, parseErr)
			return
		}
		w.acknowledge(changed.Version)
		v.record(took)
	})
}

// redisFault is a fault of Redis for a limited time.
type redisFault struct {
	name  string
	begin func(tb testing.TB, n *harness.Network)
	// again is called repeatedly during the fault.
	again func(ctx context.Context, r e2etest.Redis)
}

func redisFaults() []redisFault {
	return []redisFault{
		{name: "killed", begin: func(tb testing.TB, n *harness.Network) { tb.Helper(); n.Cut(tb) }},
		{name: "black-holed", begin: func(tb testing.TB, n *harness.Network) { tb.Helper(); n.Drop(tb) }},
		{name: "2 s slow", begin: func(tb testing.TB, n *harness.Network) { tb.Helper(); n.Slow(tb, 2*time.Second, 0) }},
		{name: "resetting", begin: func(tb testing.TB, n *harness.Network) { tb.Helper(); n.Reset(tb, 20*time.Millisecond) }},
		{
			name: "emptied in a loop", begin: func(testing.TB, *harness.Network) {},
			again: func(ctx context.Context, r e2etest.Redis) { _ = r.Client.FlushDB(ctx).Err() },
		},
	}
}

// TestFaultRedis runs two replicas on one Redis with every fault, while they read more than
// their local caches can store and one of them writes. No read fails, exceeds the maximum
// age, or goes back to an older version.
func TestFaultRedis(t *testing.T) {
	t.Parallel()
	lasts := harness.Scale(30*time.Second, 3*time.Second)
	random := harness.Rand(t)
	databaseURL, own := e2etest.NewPostgres(t), e2etest.NewRedis(t)
	network := harness.NewNetwork(t, own.Address)
	shared := e2etest.Redis{Address: network.Address, Client: own.Client}
	environ := append(shared.Environ(t), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t), "CACHE_MAX_BYTES=1MiB")
	writing, other := e2etest.Serve(t, databaseURL, environ...), e2etest.Serve(t, databaseURL, environ...)

	content := strings.Repeat("x", 32<<10)
	all := make([]*written, 48)
	for i := range all {
		all[i] = &written{of: writing.Admin(t).Create(t, fmt.Sprint("k", i), content)}
	}
	require.Eventually(t, func() bool {
		return other.Admin(t).Get(t, e2etest.ReadPath(all[len(all)-1].of.Key)).Status == http.StatusOK
	}, e2etest.Timeout, e2etest.PollInterval)

	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	writers := &report{}
	const clients = 4
	for n := range clients {
		running.Go(func() {
			overwrite(ctx, writers, writing.Admin(t), all[n*len(all)/clients:(n+1)*len(all)/clients], content)
		})
	}
	here, there := &readers{c: writing.Admin(t)}, &readers{c: other.Admin(t), bound: staleBound}
	for range clients {
		for _, r := range []*readers{here, there} {
			own := rand.New(rand.NewPCG(random.Uint64(), 0))
			running.Go(func() { r.read(ctx, own, all) })
		}
	}
	for _, f := range redisFaults() {
		before := there.count() + here.count()
		f.begin(t, network)
		during, end := context.WithTimeout(ctx, lasts)
		if f.again != nil {
			every(during, 5*time.Millisecond, func() { f.again(during, own) })
		}
		<-during.Done()
		end()
		network.Heal(t)
		elapse(time.Second)
		t.Logf("%s: %d reads", f.name, there.count()+here.count()-before)
	}
	stop()
	running.Wait()
	writers.requireNoFailures(t)
	here.requireNoFailures(t)
	there.requireNoFailures(t)
	t.Logf("%d writes, p99 %s; %d reads beside them, p99 %s; %d on the other replica, p99 %s, the oldest overwritten for %s",
		writers.responses, writers.quantile(0.99), here.responses, here.quantile(0.99), there.responses, there.quantile(0.99), there.oldest)
	require.Less(t, max(here.quantile(0.99), there.quantile(0.99)), time.Second)
}

// TestFaultConcurrentMisses runs concurrent reads of values that are in no cache, while
// Redis does not respond: each value is loaded from the database once.
func TestFaultConcurrentMisses(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	p := e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	keys := []string{"a", "b", "c", "d"}
	for _, key := range keys {
		p.Admin(t).CreateID(t, key, "v")
	}
	p.Terminate(t)
	require.Zero(t, p.AwaitExit(t))
	own := e2etest.NewRedis(t)
	network := harness.NewNetwork(t, own.Address)
	network.Drop(t)
	shared := e2etest.Redis{Address: network.Address, Client: own.Client}

	// scans counts the scans of the table between a start and a stop.
	scans := func(clients int) int {
		awaitSilence(t, databaseURL)
		before := scansOf(t, databaseURL, "configurations")
		p := e2etest.Serve(t, databaseURL, append(shared.Environ(t), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))...)
		c, v := p.Admin(t), &report{}
		var asking sync.WaitGroup
		for n := range clients * len(keys) {
			asking.Go(func() {
				a, err := c.Try(context.Background(), http.MethodGet, e2etest.ReadPath(keys[n%len(keys)]), nil)
				if err != nil || a.Status != http.StatusOK {
					v.failf("%d: %v", a.Status, err)
				}
			})
		}
		asking.Wait()
		v.requireNoFailures(t)
		p.Terminate(t)
		require.Zero(t, p.AwaitExit(t))
		awaitSilence(t, databaseURL)
		return scansOf(t, databaseURL, "configurations") - before
	}
	idle, once := scans(0), scans(1)
	require.GreaterOrEqual(t, once-idle, len(keys), "each value was loaded")
	require.Equal(t, once, scans(harness.Scale(500, 100)))
}

// scansOf returns the number of scans of a table by completed statements.
func scansOf(t *testing.T, databaseURL, table string) (scans int) {
	t.Helper()
	require.NoError(t, e2etest.OpenDatabase(t, databaseURL).QueryRowContext(t.Context(),
		"SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = $1", table).Scan(&scans))
	return scans
}
