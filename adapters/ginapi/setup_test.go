package ginapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/exchange"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// The keys that the testServer of a test knows.
const (
	adminKey    = "admin-key"
	readerKey   = "reader-key"
	revealerKey = "revealer-key"
	// EvaluatorKey is bound to production.
	evaluatorKey = "evaluator-key"
)

// testServer is an API over the real use cases, and all that it stands on.
type testServer struct {
	tb       testing.TB
	api      *ginapi.API
	store    *fixture.Store
	flags    *fixture.Flags
	useFlags *flagapp.Service
	feed     *fixture.Feed
	watch    *fixture.Stopwatch
	tail     *changefeed.Tailer
	access   *stubAuthenticator
	logs     *observer.ObservedLogs
	options  ginapi.Options
}

// newTestServer returns a server of its own. Change may replace what the
// API is given.
func newTestServer(tb testing.TB, change ...func(*ginapi.Options)) *testServer {
	tb.Helper()
	environments, err := scope.NewEnvironments("development", "production")
	require.NoError(tb, err)
	core, logs := observer.New(zapcore.DebugLevel)
	h := &testServer{tb: tb, store: fixture.NewStore(), flags: fixture.NewFlags(), access: newStubAuthenticator(tb), logs: logs}
	clock := &clock{now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	h.feed = fixture.NewFeed(h.store.Outbox, h.flags.Outbox)
	h.watch = fixture.NewStopwatch()
	h.tail = changefeed.NewTailer(h.feed, fixture.Modules(), h.watch)
	h.useFlags = flagapp.New(flagapp.Dependencies{
		Flags: h.flags, History: h.flags, Source: h.flags,
		Memory: fixture.NewLocalCache[flag.Locator, *flagapp.Entry](1 << 20), Feed: h.tail,
		Clock: fixture.NewClock(), Stopwatch: fixture.NewStopwatch(), IDs: &ids{}, Backoff: &fixture.NoWait{}, Environments: environments,
	})
	require.NoError(tb, h.useFlags.Refresh(tb.Context()))
	h.follow()
	auditing := auditapp.New(auditapp.Dependencies{Trail: fixture.NewTrail(), Modules: fixture.Modules(), Clock: clock})
	h.options = ginapi.Options{
		Flags: h.useFlags, DefaultEnvironment: "production", Environments: environments,
		ServiceName: "config-service",
		Version:     "1.2.3",
		Logger:      zap.New(core),
		Configurations: configapp.New(configapp.Dependencies{
			Reveals:        &fixture.Reveals{},
			Configurations: h.store, History: h.store, Cipher: fixture.OneKey(&cipher{}), Enforcement: &fixture.Vault{},
			Memory: fixture.NewLocalCache[configuration.Locator, *configapp.Entry](1 << 20),
			Feed:   h.tail, Stopwatch: h.watch,
			Clock: clock, Backoff: &fixture.NoWait{}, Environments: environments,
		}),
		Access: h.access,
		Keys: accessapp.New(accessapp.Dependencies{
			Keys: fixture.NewKeys(), Clock: clock, IDs: fixture.NewIDs(),
			Policy: accessapp.Policy{Enabled: true, Environments: environments},
		}),
		Audit:    auditing,
		Denied:   func(d rest.Denial) { auditing.Denied(auditapp.Denial(d)) },
		Passes:   h.access,
		Sessions: h.access,
		Database: pinger{},
		Relay:    &relaying{},
		Watching: h.tail,
		Modules:  fixture.Modules(),
		Clock:    clock,
		IDs:      &ids{},
	}
	for _, c := range change {
		c(&h.options)
	}
	h.api = ginapi.New(h.options)
	return h
}

// follow takes in what was changed.
func (h *testServer) follow() {
	h.tb.Helper()
	_, err := h.feed.Sequence(h.tb.Context(), 1000)
	require.NoError(h.tb, err)
	_, err = h.tail.Step(h.tb.Context())
	require.NoError(h.tb, err)
}

// answer is a response, read.
type answer struct {
	tb     testing.TB
	status int
	header http.Header
	body   string
}

// json returns the body as an object.
func (a answer) json() map[string]any {
	a.tb.Helper()
	var object map[string]any
	require.NoError(a.tb, json.Unmarshal([]byte(a.body), &object), "body: %s", a.body)
	return object
}

// places returns location and message of a problem's errors.
func (a answer) places() map[string]string {
	a.tb.Helper()
	found := map[string]string{}
	list, _ := a.json()["errors"].([]any)
	for _, item := range list {
		entry := item.(map[string]any)
		found[entry["location"].(string)] = entry["message"].(string)
	}
	return found
}

// requireProblem asserts a problem of that status and code, whole in form.
func (a answer) requireProblem(status int, code string) {
	a.tb.Helper()
	require.Equal(a.tb, status, a.status, "body: %s", a.body)
	require.Equal(a.tb, "application/problem+json", a.header.Get("Content-Type"))
	p := a.json()
	require.Equal(a.tb, code, p["code"], "body: %s", a.body)
	require.Equal(a.tb, "urn:signalbox:problem:"+code, p["type"])
	require.Equal(a.tb, http.StatusText(status), p["title"])
	require.InEpsilon(a.tb, status, p["status"], 0)
	require.Equal(a.tb, a.header.Get("X-Request-Id"), p["request_id"])
}

// with returns headers from pairs of name and value.
func with(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// as returns the headers of a caller with that key.
func as(key string) http.Header { return with("Authorization", "ApiKey "+key) }

// send sends a request with headers; a body is JSON unless they say otherwise.
func (h *testServer) send(method, target, body string, headers http.Header) answer {
	h.tb.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(h.tb.Context(), method, target, reader)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	maps.Copy(r.Header, headers)
	a := h.serve(r)
	require.NoError(h.tb, documented().Check(exchange.Exchange{
		Method: method, URL: r.URL, Body: []byte(body), Status: a.status, Header: a.header, Response: []byte(a.body),
	}), "the exchange contradicts the document")
	return a
}

// documented returns the document that every exchange is checked against.
var documented = sync.OnceValue(func() *exchange.Document {
	text, err := ginapi.Document("test", fixture.Modules())
	if err != nil {
		panic(err)
	}
	d, err := exchange.Parse(text)
	if err != nil {
		panic(err)
	}
	return d
})

func (h *testServer) serve(r *http.Request) answer {
	h.tb.Helper()
	w := httptest.NewRecorder()
	h.api.Handler().ServeHTTP(w, r)
	return answer{tb: h.tb, status: w.Code, header: w.Result().Header, body: w.Body.String()}
}

// admin sends a request with the key that may do everything.
func (h *testServer) admin(method, target, body string) answer {
	h.tb.Helper()
	return h.send(method, target, body, as(adminKey))
}

// create stores a configuration of billing in production.
func (h *testServer) create(key, value string, encrypted bool) answer {
	h.tb.Helper()
	body, err := json.Marshal(map[string]any{
		"key": key, "value": value, "environment": "production", "service_name": "billing", "is_encrypted": encrypted,
	})
	require.NoError(h.tb, err)
	a := h.admin(http.MethodPost, "/api/v1/config/", string(body))
	require.Equal(h.tb, http.StatusCreated, a.status, a.body)
	return a
}

// inBilling is the query of everything that create stores.
const inBilling = "?environment=production&service_name=billing"

// stubAuthenticator authenticates fixed keys.
type stubAuthenticator struct {
	*accessapp.Service

	holders   map[string]access.Caller
	anonymous error
}

func newStubAuthenticator(tb testing.TB) *stubAuthenticator {
	tb.Helper()
	sessions := accessapp.New(accessapp.Dependencies{Clock: fixture.NewClock()})
	return &stubAuthenticator{Service: sessions, anonymous: access.ErrUnauthenticated, holders: map[string]access.Caller{
		adminKey:    holder(tb, "adminkey", access.KeyAttributes{Name: "ann", Grants: fixture.Granted(access.RoleAdmin)}),
		readerKey:   holder(tb, "readerky", access.KeyAttributes{Name: "rob", Grants: fixture.Granted(access.RoleReader)}),
		revealerKey: holder(tb, "revealky", access.KeyAttributes{Name: "rev", Grants: []access.Grant{{Role: access.RoleReader, Reveal: true}}}),
		evaluatorKey: holder(tb, "evalky00", access.KeyAttributes{
			Name: "web", Grants: []access.Grant{{
				Role: access.RoleEvaluator, Area: scope.Area{Environments: []scope.Environment{fixture.Production(tb)}},
			}},
		}),
	}}
}

func holder(tb testing.TB, id string, attributes access.KeyAttributes) access.Caller {
	tb.Helper()
	token, err := access.NewToken(id, strings.Repeat("a", access.SecretLength))
	require.NoError(tb, err)
	key, err := access.NewAPIKey(token, secret.New("pepper"), attributes)
	require.NoError(tb, err)
	return access.Caller{Actor: key.Actor(), Grants: key.Grants()}
}

// Pass names the key and the environment.
func (*stubAuthenticator) Pass(_ context.Context, by access.Caller, e scope.Environment) (string, error) {
	return by.Actor.KeyID + "~" + e.String(), nil
}

// Admit accepts such passes.
func (d *stubAuthenticator) Admit(_ context.Context, pass string, _ access.Origin) (access.Caller, scope.Environment, error) {
	id, name, _ := strings.Cut(pass, "~")
	e, err := scope.ParseEnvironment(name)
	for _, caller := range d.holders {
		if caller.Actor.KeyID == id && err == nil {
			return caller, e, nil
		}
	}
	return access.Caller{}, e, access.ErrInvalidKey
}

func (d *stubAuthenticator) Anonymous() (access.Caller, error) {
	return access.Caller{Grants: access.ReadOnly()}, d.anonymous
}

func (d *stubAuthenticator) Authenticate(_ context.Context, key string, _ access.Origin) (access.Caller, error) {
	caller, ok := d.holders[key]
	if !ok {
		return access.Caller{}, access.ErrInvalidKey
	}
	return caller, nil
}

// clock goes on by a second at each look.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Second)
	return c.now
}

// later moves the clock.
func (h *testServer) later(d time.Duration) {
	h.tb.Helper()
	moved, ok := h.options.Clock.(*clock)
	require.True(h.tb, ok)
	moved.mu.Lock()
	defer moved.mu.Unlock()
	moved.now = moved.now.Add(d)
}

// ids counts.
type ids struct {
	mu    sync.Mutex
	count int
}

func (i *ids) UUID() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.count++
	return "made-" + strconv.Itoa(i.count)
}

func (*ids) Base62(n int) string { return strings.Repeat("0", n) }

var errNoDatabase = errors.New("connection refused")

type pinger struct{ err error }

func (p pinger) Ping(context.Context) error { return p.err }

// relaying tells what a test makes it tell of the relay.
type relaying struct {
	status relay.Status
	err    error
}

func (r *relaying) Status(context.Context) (relay.Status, error) { return r.status, r.err }
