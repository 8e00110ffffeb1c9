package ginapi

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/ports"
)

// basePath is where everything lives that needs an answer to who is asking.
const basePath = "/api/v1"

// DefaultRequestTimeout is how long a request may take where Options say nothing.
const DefaultRequestTimeout = 10 * time.Second

// Configurations are the use cases of configurations, as configapp.Service
// offers them.
type Configurations interface {
	Create(ctx context.Context, by access.Caller, in configapp.Create) (configapp.View, error)
	Read(ctx context.Context, by access.Caller, in configapp.Read) (configapp.View, error)
	List(ctx context.Context, by access.Caller, in configapp.List) (configapp.Listing, error)
	Update(ctx context.Context, by access.Caller, in configapp.Update) (configapp.View, error)
	Delete(ctx context.Context, by access.Caller, in configapp.Delete) (configapp.View, error)
	RollBack(ctx context.Context, by access.Caller, in configapp.RollBack) (configapp.View, error)
	ReadHistory(ctx context.Context, by access.Caller, in configapp.History) (configapp.Timeline, error)
}

// Flags are the use cases of feature flags, as flagapp.Service offers them.
type Flags interface {
	Create(ctx context.Context, by access.Caller, definition []byte) (flag.State, error)
	Read(ctx context.Context, by access.Caller, in flagapp.Read) (flagapp.View, error)
	List(ctx context.Context, by access.Caller, in flagapp.List) (flagapp.Listing, error)
	ReadHistory(ctx context.Context, by access.Caller, in flagapp.History) (flagapp.Timeline, error)
	FlagChanges
	FlagEvaluation
}

// FlagChanges are the use cases that change a flag, or look at a change.
type FlagChanges interface {
	Update(ctx context.Context, by access.Caller, in flagapp.Update) (flag.State, error)
	Delete(ctx context.Context, by access.Caller, in flagapp.Delete) (flag.State, error)
	RollBack(ctx context.Context, by access.Caller, in flagapp.RollBack) (flag.State, error)
	Preview(ctx context.Context, by access.Caller, in flagapp.Preview) (flagapp.Previewed, error)
}

// FlagEvaluation are the use cases that evaluate flags.
type FlagEvaluation interface {
	Snapshot(ctx context.Context, by access.Caller, environment string) (*flagapp.Snapshot, error)
	SnapshotAt(ctx context.Context, by access.Caller, environment string, revision int64) (*flagapp.Snapshot, error)
	Explain(ctx context.Context, by access.Caller, in flagapp.Explain) (flagapp.Explained, error)
	Staleness() time.Duration
}

// Authenticator finds out who is asking, as accessapp.Service does.
type Authenticator interface {
	// Anonymous returns who a caller without a key is, or why there must be one.
	Anonymous() (access.Caller, error)
	// Authenticate returns who the holder of a key is, or why it is refused.
	Authenticate(ctx context.Context, key string) (access.Caller, error)
}

// Relay tells how far changes were published, as relay.Service does.
type Relay interface {
	Status(ctx context.Context) (relay.Status, error)
}

// Pinger tells whether a store answers.
type Pinger interface {
	// Ping returns nil when the store answers before ctx ends.
	Ping(ctx context.Context) error
}

// Options is what an API needs. Everything is required to serve requests, but
// for the fields that name a default.
type Options struct {
	// ServiceName and Version are what /health and / say of this process.
	ServiceName string
	Version     string
	// Logger defaults to none.
	Logger         *zap.Logger
	Configurations Configurations
	Flags          Flags
	Registry       Registry
	// DefaultEnvironment is where OFREP evaluates when a request names none.
	DefaultEnvironment string
	// CORSOrigins are the origins whose browsers may call OFREP; none by default.
	CORSOrigins []string
	Access      Authenticator
	Passes      Passes
	Sessions    Sessions
	Database    Pinger
	// Redis and Kafka are nil where there are none.
	Redis, Kafka Pinger
	Relay        Relay
	Watching     Watching
	// Modules are those whose changes can be watched.
	Modules ports.Modules
	// Conditions are asked by /health for what an operator has to act on; none by
	// default.
	Conditions []ports.Conditions
	Clock      ports.Clock
	IDs        ports.IDs
	// TrustedProxies are those whose X-Forwarded-For counts; none by default.
	TrustedProxies []netip.Prefix
	// RequestTimeout is the deadline of a request's work, 10 s by default.
	RequestTimeout time.Duration
	// ResponseBytes is how much memory pages and long answers under construction may take in all,
	// DefaultResponseBytes by default.
	ResponseBytes int64
}

// API answers HTTP requests. It is safe for concurrent use.
type API struct {
	options   Options
	engine    *gin.Engine
	huma      huma.API
	routes    *router
	templates map[string]string
	ready     atomic.Bool
	// checkedHealth is what /health answered last.
	checkedHealth checkedHealth
	document      func() (document, error)
	// bodies are those of evaluations, to be used again.
	bodies sync.Pool
	// beats are bodies of heartbeats, to be used again.
	beats sync.Pool
	// responses is the memory for pages and long answers under construction.
	responses *semaphore.Weighted
	// flagLoads are loads of flags whose size is not known; flagWrites are writes.
	flagLoads, flagWrites *semaphore.Weighted
	// lingering holds one element for each request that is lingered for.
	lingering chan struct{}
	// stopping is closed when the server stops.
	stopping chan struct{}
	stop     func()
	// revision is the header that was sent last.
	revision atomic.Pointer[revisionHeader]
	// ended is a context that has ended.
	ended context.Context //nolint:containedctx // what requests' contexts are after their end
	// always are headers that every response begins with, made once.
	always struct{ nosniff, noStore, noCache, vary, json, last []string }
}

// New returns the API over its use cases; it is not ready before SetReady(true).
func New(o Options) *API {
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.RequestTimeout <= 0 {
		o.RequestTimeout = DefaultRequestTimeout
	}
	if o.ResponseBytes <= 0 {
		o.ResponseBytes = DefaultResponseBytes
	}
	a := &API{options: o, templates: map[string]string{}, stopping: make(chan struct{})}
	a.boundAnswers()
	a.lingering = make(chan struct{}, maxLingering)
	a.stop = sync.OnceFunc(func() { close(a.stopping) })
	a.ended = endedContext()
	a.always.last = []string{"close"}
	a.always.nosniff, a.always.noStore = []string{"nosniff"}, []string{"no-store"}
	a.always.json = []string{jsonMediaType}
	a.always.noCache, a.always.vary = []string{"private, no-cache"}, []string{"Authorization, X-Api-Key"}
	a.beats.New = newHeartbeatBody
	a.bodies.New = func() any { return newEvaluationBody() }
	a.engine = a.newEngine()
	a.routes = &router{api: a, schemas: newRegistry()}
	a.huma = huma.NewAPI(a.humaConfig(), a.routes)
	a.routeConfigurations()
	a.routeFlags()
	a.routeEvaluation()
	a.routeOFREP()
	a.routeOFREPStream()
	a.routeRegistry()
	a.routeChanges()
	a.routeProbes()
	a.routeDocuments()
	a.forgetLibrarySchemas()
	a.document = sync.OnceValues(a.render)
	return a
}

// Handler returns what a server serves.
func (a *API) Handler() http.Handler { return a.engine }

// SetReady says whether /readyz answers 200 or 503.
func (a *API) SetReady(ready bool) { a.ready.Store(ready) }

// Stop ends whoever waits for changes, and lets no answer be followed by another one on
// its connection: clients connect again, elsewhere. The server may be shut down when
// those who are at work have had an answer.
func (a *API) Stop() { a.stop() }

// isStopping reports whether clients are to connect elsewhere from now on.
func (a *API) isStopping() bool {
	select {
	case <-a.stopping:
		return true
	default:
		return false
	}
}

// OpenAPI returns the document of all operations as indented JSON, the same
// bytes for the same version.
func (a *API) OpenAPI() ([]byte, error) {
	d, err := a.document()
	return d.json, err
}

// Document returns what OpenAPI returns for an API of that version, without
// anything to serve it.
func Document(version string, modules ports.Modules) ([]byte, error) {
	return New(Options{Version: version, Modules: modules}).OpenAPI()
}
