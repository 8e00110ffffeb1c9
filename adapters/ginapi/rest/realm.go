package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Authentication says which requests of a realm need a key.
type Authentication int

// The kinds of authentication.
const (
	// Required rejects requests without a caller, also where no route exists.
	Required Authentication = iota + 1
	// Optional serves requests without a caller; a wrong key counts as none.
	Optional
	// Deferred leaves it to the handler.
	Deferred
)

// Realm is a part of the URL space with its own authentication, form of failures and
// CORS policy. It applies before routing. Paths in no realm need no key.
type Realm struct {
	// Contains reports whether a request belongs to the realm.
	Contains func(r *http.Request) bool
	// Authentication is how callers are authenticated.
	Authentication Authentication
	// Failure returns the response for a failure; nil is a problem of RFC 9457.
	Failure func(r *http.Request, f *fault.Error) Failure
	// CrossOrigin lets browsers on Options.CORSOrigins send POST requests.
	CrossOrigin bool
}

// Failure is the response for a failure where it is no problem.
type Failure struct {
	Status    int
	MediaType string
	Body      []byte
}

// AddRealm adds a realm; the first one that contains a request applies.
func (r *Router) AddRealm(realm Realm) { r.realms = append(r.realms, &realm) }

// PathPrefix matches a path prefix and everything below it.
func PathPrefix(prefix string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		rest, ok := strings.CutPrefix(r.URL.Path, prefix)
		return ok && (rest == "" || rest[0] == '/')
	}
}

// ExactPath matches one path, with and without a slash at the end.
func ExactPath(path string) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.TrimSuffix(r.URL.Path, "/") == path }
}

func (r *Router) realmOf(request *http.Request) *Realm {
	for _, realm := range r.realms {
		if realm.Contains(request) {
			return realm
		}
	}
	return &r.open
}

const (
	// CorsAllowed lists the headers that clients send.
	corsAllowed = "Authorization, Content-Type, If-None-Match, X-API-Key, X-Environment, X-Request-ID, " +
		"traceparent, tracestate"
	// CorsExposed lists the headers that they read.
	corsExposed = "ETag, RateLimit, RateLimit-Policy, Retry-After, Signalbox-Revision, Signalbox-Stale, X-Request-ID"
	// CorsMaxAge is for how many seconds a browser may cache a preflight response.
	corsMaxAge = "600"
)

// preflight answers CORS preflight requests, which carry no key, and names the origins
// that may call the realm. It reports whether the request has been answered.
func (r *Router) preflight(c *gin.Context, req *request) bool {
	request := c.Request
	origin := request.Header.Get("Origin")
	if origin == "" {
		return false
	}
	allowed := req.realm.CrossOrigin && r.mayCall(origin)
	h := c.Writer.Header()
	if req.realm.CrossOrigin && len(r.options.CORSOrigins) > 0 {
		h.Add("Vary", "Origin")
	}
	if allowed {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", corsExposed)
	}
	if request.Method != http.MethodOptions || request.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	if allowed {
		h.Set("Access-Control-Allow-Methods", http.MethodPost)
		h.Set("Access-Control-Allow-Headers", corsAllowed)
		h.Set("Access-Control-Max-Age", corsMaxAge)
	}
	c.AbortWithStatus(http.StatusNoContent)
	return true
}

// newCrossOrigin returns the protection of writes where browsers need no key. It is nil
// where keys are required, because they are sent in headers and never by cookies.
func newCrossOrigin(o Options) *http.CrossOriginProtection {
	if !o.WithoutKeys || slices.Contains(o.CORSOrigins, "*") {
		return nil
	}
	protection := http.NewCrossOriginProtection()
	for _, origin := range o.CORSOrigins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			o.Logger.Warn("origin not trusted for writes", zap.String("origin", origin), zap.Error(err))
		}
	}
	return protection
}

// checkOrigin rejects a write of a browser from another origin. Evaluations change nothing.
func (r *Router) checkOrigin(request *http.Request, op *operation) error {
	if r.crossOrigin == nil || !op.changes {
		return nil
	}
	if err := r.crossOrigin.Check(request); err != nil {
		return ErrCrossOrigin.WithCause(err)
	}
	return nil
}

func (r *Router) mayCall(origin string) bool {
	return slices.Contains(r.options.CORSOrigins, "*") || slices.Contains(r.options.CORSOrigins, origin)
}
