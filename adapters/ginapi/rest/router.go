package rest

import (
	"context"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/openapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/quota"
	"github.com/signalbox-hq/signalbox/ports"
)

// BasePath is the prefix of the paths that need a key.
const BasePath = "/api/v1"

// DefaultRequestTimeout is the deadline of a request when Options set none.
const DefaultRequestTimeout = 10 * time.Second

// WriteTimeout is how long a response may take, except for event streams and long polls.
const WriteTimeout = 30 * time.Second

// Revisions reports the position of this replica in the change feed.
type Revisions interface {
	// Position returns the last revision that the replica has applied.
	Position() ports.FeedHead
	// Await returns nil when the replica has applied the revision, or an error when ctx
	// ends first.
	Await(ctx context.Context, revision int64) error
}

// Options configures a Router. Version is required; the rest is required to serve
// requests, except for fields with a default.
type Options struct {
	Version string
	// Logger discards by default.
	Logger    *zap.Logger
	Access    Authenticator
	Revisions Revisions
	// Denied is called for requests that are denied, and for changes that fail; nil is for
	// nothing.
	Denied func(Denial)
	Clock  ports.Clock
	IDs    ports.IDs
	// CORSOrigins may call realms that allow cross-origin requests; none by default.
	CORSOrigins []string
	// TrustedProxies are the proxies whose X-Forwarded-For is used; none by default.
	TrustedProxies []netip.Prefix
	// WithoutKeys says that every request has full access: browsers then may write from
	// the same origin and CORSOrigins only.
	WithoutKeys bool
	// RequestTimeout is DefaultRequestTimeout by default.
	RequestTimeout time.Duration
	// ResponseBytes bounds the memory of responses under construction,
	// quota.DefaultResponseBytes by default.
	ResponseBytes int64
	// Limits bound the rate of requests, and how many are served at once.
	Limits Limits
}

// Router serves the operations that module packages register. Register all of them
// before the first request; after that it is safe for concurrent use.
type Router struct {
	options Options
	engine  *gin.Engine
	huma    huma.API
	schemas *openapi.Schemas
	realms  []*Realm
	// open is the realm of paths in no other one.
	open      Realm
	templates map[string]string
	// literals are the methods of the paths without parameters.
	literals map[string][]string
	document func() (document, error)
	// texts and examples complete the document.
	texts    map[string]openapi.Text
	examples map[string]string
	// counted says of operations, by their ids, whether rate limits apply.
	counted map[string]bool
	memory  *quota.Quota
	// crossOrigin rejects writes of other origins; nil where keys are required.
	crossOrigin *http.CrossOriginProtection
	// lingering holds one element for each request whose body is being drained.
	lingering chan struct{}
	// stopping is closed when the server stops.
	stopping chan struct{}
	stop     func()
	// revision is the header that was sent last.
	revision atomic.Pointer[revisionHeader]
	// ended is a context that has ended.
	ended context.Context //nolint:containedctx // what requests' contexts become at their end
	// headers are values that responses share.
	headers struct {
		noStore, noCache, vary, json, close []string
		security                            securityHeaders
	}
	limits limits
}

// New returns a router without operations.
func New(o Options) *Router {
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.RequestTimeout <= 0 {
		o.RequestTimeout = DefaultRequestTimeout
	}
	if o.ResponseBytes <= 0 {
		o.ResponseBytes = quota.DefaultResponseBytes
	}
	r := &Router{
		options: o, templates: map[string]string{}, texts: openapi.CommonTexts(),
		examples: map[string]string{}, literals: map[string][]string{}, counted: map[string]bool{},
		schemas: openapi.NewSchemas(), memory: quota.New(o.ResponseBytes),
		lingering: make(chan struct{}, maxLingering), stopping: make(chan struct{}), ended: endedContext(),
	}
	r.stop = sync.OnceFunc(func() { close(r.stopping) })
	r.headers.close = []string{"close"}
	r.headers.noStore, r.headers.security = []string{"no-store"}, newSecurityHeaders()
	r.headers.json = []string{JSONMediaType}
	r.headers.noCache, r.headers.vary = []string{"private, no-cache"}, []string{"Authorization, X-Api-Key"}
	r.crossOrigin, r.limits = newCrossOrigin(o), newLimits(o.Limits, o.Clock)
	r.engine = r.newEngine()
	r.huma = huma.NewAPI(r.humaConfig(), humaAdapter{r})
	r.document = sync.OnceValues(r.render)
	return r
}

// newEngine returns gin with paths matched as they were sent, so that a key may hold an
// escaped slash, and without redirects.
func (r *Router) newEngine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.UseEscapedPath = true
	e.UnescapePathValues = false
	e.RedirectTrailingSlash = false
	e.RedirectFixedPath = false
	e.HandleMethodNotAllowed = true
	e.ForwardedByClientIP = false
	e.Use(r.serve)
	e.NoRoute(r.notFound)
	e.NoMethod(r.methodNotAllowed)
	return e
}

// Handler returns the handler for a server.
func (r *Router) Handler() http.Handler { return http.HandlerFunc(r.handle) }

// handle tolerates repeated slashes before the prefixes of paths, which clients send whose
// base URL ends with a slash.
func (r *Router) handle(w http.ResponseWriter, request *http.Request) {
	if strings.Contains(request.URL.Path, "//") {
		request.URL = withoutRepeatedSlashes(request.URL)
	}
	r.engine.ServeHTTP(w, request)
}

// withoutRepeatedSlashes returns a URL whose path begins with one slash, and has one before
// "ofrep". Other repeated slashes stay: an empty segment is not the same as none.
func withoutRepeatedSlashes(u *url.URL) *url.URL {
	path := u.EscapedPath()
	if after := strings.TrimLeft(path, "/"); after != "" {
		path = "/" + after
	}
	if before, after, found := strings.Cut(path, "//ofrep/"); found {
		path = strings.TrimRight(before, "/") + "/ofrep/" + after
	}
	plain := *u
	unescaped, err := url.PathUnescape(path)
	if err != nil {
		return u
	}
	plain.Path, plain.RawPath = unescaped, path
	return &plain
}

// Routes lists the routes, for tests.
func (r *Router) Routes() gin.RoutesInfo { return r.engine.Routes() }

// Memory returns the bound on the memory of responses under construction.
func (r *Router) Memory() *quota.Quota { return r.memory }

// Stop closes Stopping and sends Connection: close with every further response, so that
// clients connect elsewhere.
func (r *Router) Stop() { r.stop() }

// Stopping returns a channel that is closed by Stop.
func (r *Router) Stopping() <-chan struct{} { return r.stopping }

// IsStopping reports whether Stop was called.
func (r *Router) IsStopping() bool {
	select {
	case <-r.stopping:
		return true
	default:
		return false
	}
}

// OpenAPI returns the document as indented JSON; the same operations and version give
// the same bytes.
func (r *Router) OpenAPI() ([]byte, error) {
	d, err := r.document()
	return d.json, err
}

// Constrain constrains strings of the document, by the names of their fields and parameters.
func (r *Router) Constrain(texts map[string]openapi.Text) { maps.Copy(r.texts, texts) }

// OpenAPIYAML returns the document as YAML.
func (r *Router) OpenAPIYAML() ([]byte, error) {
	d, err := r.document()
	return d.yaml, err
}

// Literal segments beside a parameter are reserved: /feature-flags/evaluate is no flag. Gin
// matches a method that the literal path does not have with the parameter, and lists the
// methods of both for others.

// reserve notes a route with its method.
func (r *Router) reserve(method, route string, op *operation) {
	route = strings.TrimSuffix(route, "/")
	at := strings.LastIndexByte(route, '/') + 1
	last := route[at:]
	switch {
	case strings.HasPrefix(last, "{"):
		if method == http.MethodPut || method == http.MethodDelete || method == http.MethodPatch {
			op.named = route[:at]
		}
	case !strings.Contains(route, "{"):
		r.literals[route] = append(r.literals[route], method)
	}
}

// checkReserved rejects a write to a reserved name.
func (r *Router) checkReserved(c *gin.Context, op *operation) error {
	if op.named == "" {
		return nil
	}
	if methods := r.literals[strings.TrimSuffix(c.Request.URL.Path, "/")]; methods != nil {
		allow(c, methods)
		return ErrMethodNotAllowed
	}
	return nil
}

// methodNotAllowed answers a method that a path does not have.
func (r *Router) methodNotAllowed(c *gin.Context) {
	if methods := r.literals[strings.TrimSuffix(c.Request.URL.Path, "/")]; methods != nil {
		allow(c, methods)
	}
	r.failUnserved(c, ErrMethodNotAllowed)
}

// notFound answers a path without a route.
func (r *Router) notFound(c *gin.Context) { r.failUnserved(c, ErrRouteNotFound) }

// failUnserved rejects a request to no operation, which counts like one to any.
func (r *Router) failUnserved(c *gin.Context, err error) {
	req := requestOf(c.Request.Context())
	if limited := r.countRate(c, req); limited != nil {
		err = limited
	}
	r.Fail(c, err)
}

// allow names the methods of a resource (RFC 9110, section 10.2.1), in a stable order.
func allow(c *gin.Context, methods []string) {
	methods = slices.Clone(methods)
	slices.Sort(methods)
	c.Header("Allow", strings.Join(slices.Compact(methods), ", "))
}
