package fault_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// fleet is three processes on one PostgreSQL, one Redis and one Kafka.
type fleet struct {
	processes []*e2etest.Process
	kafka     e2etest.Kafka
	environ   []string
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{kafka: e2etest.NewKafka(harness.Kafka(t))}
	databaseURL := e2etest.NewPostgres(t)
	f.environ = append(append(e2etest.NewRedis(t).Environ(t), f.kafka.Environ()...), "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	for range 3 {
		f.processes = append(f.processes, e2etest.Serve(t, databaseURL, f.environ...))
	}
	return f
}

// balanced returns a client whose requests go to the running replicas in turn.
func (f *fleet) balanced(t *testing.T) e2etest.Client {
	t.Helper()
	var turn atomic.Int64
	proxies := make([]*httputil.ReverseProxy, len(f.processes))
	for i, p := range f.processes {
		target, err := url.Parse(p.URL)
		require.NoError(t, err)
		proxies[i] = httputil.NewSingleHostReverseProxy(target)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			n := int(turn.Add(1)) % len(proxies)
			select {
			case <-f.processes[n].Exited:
			default:
				proxies[n].ServeHTTP(w, r)
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return e2etest.Client{URL: server.URL, Key: e2etest.AdminKey(t)}
}

// follower reads a stream of changes, and resumes after disconnections.
type follower struct {
	mu        sync.Mutex
	revisions []int64
	trouble   string
}

// follow reads until the test ends.
func (f *follower) follow(ctx context.Context, urls func() string, key string) {
	last := ""
	for ctx.Err() == nil {
		f.read(ctx, urls(), key, &last)
	}
}

func (f *follower) read(ctx context.Context, base, key string, last *string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v1/changes/stream?since=0", nil)
	if err != nil {
		return
	}
	request.Header.Set("Authorization", "ApiKey "+key)
	if *last != "" {
		request.Header.Set("Last-Event-ID", *last)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return // that replica is dead: the next one
	}
	defer func() { _ = response.Body.Close() }()
	f.note(response.StatusCode == http.StatusOK, "status "+response.Status)
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			*last = value
		case "data":
			f.receive(value)
		case "event":
			f.note(value == "change", "event "+value)
		}
	}
}

func (f *follower) receive(data string) {
	var change struct {
		Revision int64 `json:"revision"`
	}
	err := json.Unmarshal([]byte(data), &change)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revisions = append(f.revisions, change.Revision)
	if want := int64(len(f.revisions)); err != nil || change.Revision != want {
		f.trouble = fmt.Sprintf("revision %d where %d was due: %v", change.Revision, want, err)
	}
}

func (f *follower) note(fine bool, what string) {
	if !fine {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.trouble = what
	}
}

func (f *follower) seen() (revisions int, trouble string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.revisions), f.trouble
}

func TestThreeReplicas(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	admins := make([]e2etest.Client, 3)
	for i, p := range f.processes {
		admins[i] = p.Admin(t)
	}

	// Watchers of each replica receive the same changes, across restarts.
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	followers := make([]*follower, 3)
	for i := range followers {
		followers[i] = &follower{}
		var attempt int
		next := func() string {
			attempt++
			return f.processes[(i+attempt-1)%3].URL
		}
		watching.Go(func() { followers[i].follow(ctx, next, e2etest.AdminKey(t)) })
	}
	t.Cleanup(func() {
		stop()
		watching.Wait()
	})

	// A write on one replica is read on the others.
	admins[0].Post(t, "/api/v1/feature-flags", e2etest.Object{"name": "f", "environment": "production", "is_enabled": true}).
		Want(t, http.StatusCreated)
	id := admins[1].CreateID(t, "k", "v1")
	for n, c := range admins {
		require.Eventually(t, func() bool {
			return evaluates(t, c) && c.Get(t, "/api/v1/config/k?environment=production&service_name=shop").Status == http.StatusOK
		}, e2etest.PropagationBound, e2etest.PollInterval, "replica %d", n)
	}
	a := admins[2].Put(t, fmt.Sprintf("/api/v1/config/%d", id), e2etest.Object{"value": "v2"}).Want(t, http.StatusOK)
	require.NotEmpty(t, a.Header.Get("ETag"))
	revision := admins[2].Health(t).Feed.Revision
	require.Eventually(t, func() bool { return admins[2].Health(t).Feed.Revision >= 3 }, e2etest.Timeout, e2etest.PollInterval)
	revision = max(revision, 3)
	for _, c := range admins {
		a := c.Get(t, fmt.Sprintf("/api/v1/config/k?environment=production&service_name=shop&min_revision=%d", revision))
		require.Contains(t, string(a.Want(t, http.StatusOK).Body), `"v2"`)
	}

	// Writes continue while the replicas, the leader included, are killed and restarted in
	// turn.
	balanced := f.balanced(t)
	acknowledged := 0
	for n := range f.processes {
		for i := range 40 {
			if i == 20 {
				f.processes[n].Kill(t)
			}
			a, err := balanced.Try(ctx, http.MethodPost, "/api/v1/config", e2etest.Object{
				"key": fmt.Sprintf("k%d.%d", n, i), "value": "v", "environment": "production", "service_name": "shop",
			})
			if err == nil && a.Status == http.StatusCreated {
				acknowledged++
			}
		}
		f.processes[n] = e2etest.Serve(t, f.processes[n].DatabaseURL, f.environ...)
		balanced = f.balanced(t)
	}
	require.Greater(t, acknowledged, 100)
	last := f.processes[0].Admin(t)
	last.AwaitPublished(t, int64(3+acknowledged))
	total := last.Health(t).Feed.Revision
	require.GreaterOrEqual(t, total, int64(3+acknowledged))

	for n, one := range followers {
		require.Eventually(t, func() bool {
			seen, trouble := one.seen()
			return trouble != "" || int64(seen) == total
		}, e2etest.Timeout, e2etest.PollInterval)
		_, trouble := one.seen()
		assert.Empty(t, trouble, "watcher of replica %d", n)
	}
	// Kafka has every change, and the versions of each key in order.
	messages := f.kafka.AwaitMessages(t, total)
	created := slices.IndexFunc(messages, func(m e2etest.Message) bool { return m.Key == "production/shop/k" && m.Action == "create" })
	updated := slices.IndexFunc(messages, func(m e2etest.Message) bool { return m.Key == "production/shop/k" && m.Action == "update" })
	assert.Less(t, created, updated)
	for n, c := range f.processes {
		assert.True(t, evaluates(t, c.Admin(t)), "replica %d", n)
	}
	t.Logf("%d writes acknowledged, %d revisions, each seen by all", acknowledged, total)
}

// evaluates reports whether the flag f is enabled.
func evaluates(t *testing.T, c e2etest.Client) bool {
	t.Helper()
	a := c.Post(t, "/api/v1/feature-flags/evaluate", e2etest.Object{"flag_name": "f", "environment": "production", "context": e2etest.Object{}})
	return strings.Contains(string(a.Want(t, http.StatusOK).Body), `"enabled":true`)
}
