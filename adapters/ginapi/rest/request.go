package rest

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/limit"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/peer"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// request is the state of one request and its context: it ends with the connection or
// the deadline, whichever is first. The timer is made when the end is first waited for,
// which most requests never do.
type request struct {
	context.Context //nolint:containedctx // this is one
	timeout         time.Duration
	id              string
	caller          access.Caller
	http            *http.Request
	// trusted are the proxies whose X-Forwarded-For is used.
	trusted []netip.Prefix
	realm   *Realm
	// operation is nil until a route was found.
	operation *operation
	// input is what was read of the request, where the router reads it.
	input Input
	// ends are called when the request has been answered.
	ends []func()
	body requestBody
	// gate is where the request counts as one that is served; nil where it does not.
	gate *limit.Gate
	// echoed is the request id as a header value.
	echoed  [1]string
	waited  sync.Once
	limited context.Context //nolint:containedctx // the context with a timer, once there is one
	cancel  context.CancelFunc
}

type (
	requestKey struct{}
	// ConnectionKey finds the context that ends with the client's connection alone.
	connectionKey struct{}
)

// requestOf returns the state of a request's context, and an empty one elsewhere.
func requestOf(ctx context.Context) *request {
	if r, ok := ctx.(*request); ok {
		return r
	}
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{Context: ctx, realm: &Realm{}}
}

// CallerOf returns the caller of a request.
func CallerOf(ctx context.Context) access.Caller { return requestOf(ctx).caller }

// RequestIDOf returns the id of a request.
func RequestIDOf(ctx context.Context) string { return requestOf(ctx).id }

// Identify names the author of a request that its handler authenticates, for the logs.
func Identify(ctx context.Context, actor scope.Actor) { requestOf(ctx).caller.Actor = actor }

// SourceOf returns the address of the client, or the zero address where it is not
// certain.
func (*Router) SourceOf(ctx context.Context) netip.Addr {
	return requestOf(ctx).Address()
}

// OriginOf returns where a request comes from.
func OriginOf(ctx context.Context) access.Origin { return requestOf(ctx) }

// Address returns the address of the client, or the zero address where it is not certain.
func (r *request) Address() netip.Addr {
	if r.http == nil {
		return netip.Addr{}
	}
	return peer.Peer{Remote: r.http.RemoteAddr, Header: r.http.Header}.Source(r.trusted)
}

// AtEnd has end called when the request has been answered.
func AtEnd(ctx context.Context, end func()) {
	r := requestOf(ctx)
	r.ends = append(r.ends, end)
}

// WithoutDeadline returns the context of a request's connection, which has no deadline.
func WithoutDeadline(c *gin.Context) context.Context {
	if r, ok := c.Request.Context().(*request); ok {
		return r.Context
	}
	return c.Request.Context()
}

// sendingContext returns a context for loads while a response is being sent: it ends
// with the connection, or after WriteTimeout.
func sendingContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if connection, ok := ctx.Value(connectionKey{}).(context.Context); ok {
		ctx = connection
	}
	return context.WithTimeout(ctx, WriteTimeout)
}

// Value returns the request's state, or a value of the connection's context.
func (r *request) Value(key any) any {
	switch key.(type) {
	case requestKey:
		return r
	case connectionKey:
		return r.Context
	}
	return r.Context.Value(key)
}

// Done returns a channel that is closed at the end.
func (r *request) Done() <-chan struct{} { return r.limit().Done() }

// Err returns why the context has ended, or nil.
//
//nolint:wrapcheck // callers compare it with context.Canceled
func (r *request) Err() error { return r.limit().Err() }

// Deadline returns when the context ends by itself.
func (r *request) Deadline() (time.Time, bool) { return r.limit().Deadline() }

func (r *request) limit() context.Context {
	r.waited.Do(func() { r.limited, r.cancel = context.WithTimeout(r.Context, r.timeout) })
	return r.limited
}

// end stops the timer, if there is one, and calls what AtEnd was given. From here on the
// context is the given one, which has ended. Further calls do nothing.
func (r *request) end(ended context.Context) {
	r.waited.Do(func() { r.limited = ended })
	if r.cancel != nil {
		r.cancel()
	}
	for _, end := range r.ends {
		end()
	}
	r.ends = nil
	r.leave()
}

func endedContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// maxRequestID is the longest request id that is accepted from a caller.
const maxRequestID = 64

// requestID returns the id that the caller sent if it is well-formed, else a new one.
func (r *Router) requestID(request *http.Request) string {
	if sent := request.Header.Get("X-Request-Id"); peer.IsPlain(sent, maxRequestID) {
		return sent
	}
	return r.options.IDs.UUID()
}
