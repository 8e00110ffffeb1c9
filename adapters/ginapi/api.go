package ginapi

import (
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/accessapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/auditapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/changesapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/configapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/encryptionapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/flagapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/ofrepapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/opsapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/registryapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/limit"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// Flags are the use cases of feature flags, also those of OFREP.
type Flags interface {
	flagapi.Flags
	ofrepapi.Flags
}

// Watching is the change feed of this replica.
type Watching interface {
	changesapi.Feed
	ofrepapi.Feed
	rest.Revisions
}

// Pinger reports whether a dependency responds.
type Pinger = opsapi.Pinger

// Options configures an API. Everything is required to serve requests, except for fields
// that name a default.
type Options struct {
	// ServiceName and Version are those of this process, as /health and / report them.
	ServiceName string
	Version     string
	// Logger discards by default.
	Logger         *zap.Logger
	Configurations configapi.Configurations
	Flags          Flags
	Registry       registryapi.Registry
	// DefaultEnvironment is where OFREP evaluates when a request names none.
	DefaultEnvironment string
	// Environments are those that this installation supports.
	Environments scope.Environments
	// CORSOrigins are the origins whose browsers may call OFREP; none by default.
	CORSOrigins []string
	Access      rest.Authenticator
	Keys        accessapi.Keys
	Trust       accessapi.Trust
	Audit       auditapi.Audit
	Encryption  encryptionapi.KeyRing
	// Denied notes denied requests; nil for nothing.
	Denied   func(rest.Denial)
	Passes   ofrepapi.Passes
	Sessions changesapi.Sessions
	Database Pinger
	// Redis and Kafka are nil where they are disabled.
	Redis, Kafka Pinger
	Relay        opsapi.Relay
	Watching     Watching
	// Modules are those whose changes can be watched.
	Modules ports.Modules
	// Operations are those of further modules; none by default.
	Operations []Module
	// Conditions report to /health what an operator has to act on; none by default.
	Conditions []ports.Conditions
	Clock      ports.Clock
	IDs        ports.IDs
	// TrustedProxies are those whose X-Forwarded-For is used; none by default.
	TrustedProxies []netip.Prefix
	// WithoutKeys says that keys are not required, and every request has full access.
	WithoutKeys bool
	// RequestTimeout is rest.DefaultRequestTimeout by default.
	RequestTimeout time.Duration
	// ResponseBytes bounds the memory of responses under construction,
	// quota.DefaultResponseBytes by default.
	ResponseBytes int64
	// Limits bound the rate of requests, and how many are served at once.
	Limits rest.Limits
}

// API is the HTTP interface. It is safe for concurrent use.
type API struct {
	router  *rest.Router
	modules []Module
	ready   atomic.Bool
}

// Module registers the operations of a module.
type Module interface{ Register(r *rest.Router) }

// New returns the API over its use cases; it is not ready before SetReady(true).
func New(o Options) *API {
	a := &API{router: rest.New(rest.Options{
		Version: o.Version, Logger: o.Logger, Access: o.Access, Denied: o.Denied, Revisions: o.Watching,
		Clock: o.Clock, IDs: o.IDs,
		CORSOrigins: o.CORSOrigins, TrustedProxies: o.TrustedProxies,
		WithoutKeys: o.WithoutKeys, RequestTimeout: o.RequestTimeout, ResponseBytes: o.ResponseBytes,
		Limits: o.Limits,
	})}
	a.modules = []Module{
		configapi.New(o.Configurations),
		flagapi.New(o.Flags),
		ofrepapi.New(ofrepapi.Dependencies{
			Flags: o.Flags, Passes: o.Passes, Sessions: o.Sessions, Feed: o.Watching,
			DefaultEnvironment: o.DefaultEnvironment,
		}),
		registryapi.New(o.Registry),
		changesapi.New(changesapi.Dependencies{
			Feed: o.Watching, Sessions: o.Sessions, Modules: o.Modules, Environments: o.Environments,
		}),
		accessapi.New(accessapi.Dependencies{
			Keys: o.Keys, Trust: o.Trust, Now: func() time.Time { return o.Clock.Now() },
		}),
		auditapi.New(o.Audit),
		encryptionapi.New(o.Encryption),
		opsapi.New(opsapi.Dependencies{
			ServiceName: o.ServiceName, Version: o.Version, Ready: a.ready.Load, Database: o.Database,
			Redis: o.Redis, Kafka: o.Kafka, Relay: o.Relay, Conditions: o.Conditions, Clock: o.Clock,
		}),
	}
	for _, module := range a.modules {
		module.Register(a.router)
	}
	// Its parts have come before: modules from outside have it for their operations.
	a.router.AddRealm(rest.Realm{Contains: rest.PathPrefix(rest.BasePath), Authentication: rest.Required})
	for _, module := range o.Operations {
		module.Register(a.router)
	}
	a.modules = append(a.modules, o.Operations...)
	return a
}

// RateTables returns the tables of rates that are rebalanced among replicas; none by default.
func (a *API) RateTables() []limit.Table { return a.router.RateTables() }

// Handler returns the handler for a server.
func (a *API) Handler() http.Handler { return a.router.Handler() }

// SetReady says whether /readyz responds with 200 or 503.
func (a *API) SetReady(ready bool) { a.ready.Store(ready) }

// Stop ends long polls and streams, and lets every connection end with its next response:
// clients connect again, elsewhere. The server may be shut down when requests in flight
// have been answered.
func (a *API) Stop() { a.router.Stop() }

// OpenAPI returns the document of all operations as indented JSON, the same bytes for the
// same version.
func (a *API) OpenAPI() ([]byte, error) { return a.router.OpenAPI() }

// Document returns the document of that version without anything to serve it. Operations
// are those of further modules.
func Document(version string, modules ports.Modules, operations ...Module) ([]byte, error) {
	return New(Options{Version: version, Modules: modules, Operations: operations}).OpenAPI()
}
