package rest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// serve is the pipeline of every request: its id, deadline and common headers, CORS,
// authentication, the route, and the access log. Everything before the route returns
// first, because an event stream keeps the frames of its callers on its stack.
func (r *Router) serve(c *gin.Context) {
	req := &request{Context: c.Request.Context(), timeout: r.options.RequestTimeout, trusted: r.options.TrustedProxies}
	started := r.options.Clock.Now()
	defer req.end(r.ended)
	if r.receive(c, req) {
		r.run(c)
	}
	failpoint.Hit("before-reply")
	r.logAccess(c, started)
	req.end(r.ended)
	r.drain(c, &req.body)
}

// receive prepares a request and reports whether its route is to be served.
func (r *Router) receive(c *gin.Context, req *request) bool {
	req.id = r.requestID(c.Request)
	req.realm = r.realmOf(c.Request)
	req.echoed[0] = req.id
	c.Request = c.Request.WithContext(req)
	req.http = c.Request
	req.body.watch(c.Request)

	h := c.Writer.Header()
	h["X-Request-Id"] = req.echoed[:]
	h["Cache-Control"] = r.headers.noStore
	r.secure(c.Request, h)
	if r.IsStopping() {
		h["Connection"] = r.headers.close
	}
	return !r.preflight(c, req) && r.authenticate(c, req) && r.legible(c)
}

// legible reports whether path and query are texts, and ends a request where they are not:
// no store and no other program has to cope with what no name contains.
func (r *Router) legible(c *gin.Context) bool {
	switch u := c.Request.URL; {
	case !isText(u.Path):
		r.Fail(c, ErrMalformedPath)
	case !isEscapedText(u.RawQuery):
		r.Fail(c, ErrMalformedQuery)
	default:
		return true
	}
	return false
}

// isText reports whether a string is UTF-8 without a NUL.
func isText(s string) bool { return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) }

// isEscapedText reports whether a query string is text without its escapes. Whether these
// are broken is found where it is parsed.
func isEscapedText(query string) bool {
	if strings.IndexByte(query, '%') < 0 {
		return isText(query)
	}
	plain, err := url.QueryUnescape(query)
	return err != nil || isText(plain)
}

// run serves the route. It answers a panic with 500 and logs it with its stack.
func (r *Router) run(c *gin.Context) {
	defer r.recover(c)
	c.Next()
}

// recover is called deferred.
func (r *Router) recover(c *gin.Context) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	r.options.Logger.Error("request handler panicked", append(r.about(c),
		zap.String("panic", panicText(cause)), zap.ByteString("stack", debug.Stack()))...)
	c.Abort()
	r.noteFailure(c.Request.Context(), fault.ErrInternal)
	if !c.Writer.Written() {
		describe(requestOf(c.Request.Context()), fault.ErrInternal).write(c.Writer)
	}
}

// panicText describes a panic. Errors other than the runtime's may quote the values that
// they were about; only their type is logged.
func panicText(cause any) string {
	switch v := cause.(type) {
	case runtime.Error:
		return v.Error()
	case string:
		return v
	}
	return fmt.Sprintf("%T", cause)
}

func (r *Router) logAccess(c *gin.Context, started time.Time) {
	entry := r.options.Logger.Check(accessLevel(c), "request")
	if entry == nil {
		return
	}
	entry.Write(append(r.about(c),
		zap.Int("status", c.Writer.Status()),
		zap.Duration("duration", r.options.Clock.Now().Sub(started)))...)
}

// accessLevel is debug for successful reads and for requests beyond a rate, so that the log
// shows none at its usual level.
func accessLevel(c *gin.Context) zapcore.Level {
	if c.Writer.Status() == http.StatusTooManyRequests {
		return zapcore.DebugLevel
	}
	op := requestOf(c.Request.Context()).operation
	read := c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead || op != nil && op.kind == hot
	if read && c.Writer.Status() < http.StatusBadRequest {
		return zapcore.DebugLevel
	}
	return zapcore.InfoLevel
}

// about returns what every log line of a request names: nothing of its path, query,
// headers or body, which may hold keys and values.
func (r *Router) about(c *gin.Context) []zap.Field {
	req := requestOf(c.Request.Context())
	fields := []zap.Field{
		zap.String("request_id", req.id),
		zap.String("method", knownMethod(c.Request.Method)),
		zap.String("route", r.template(c)),
	}
	if id := req.caller.Actor.KeyID; id != "" {
		fields = append(fields, zap.String("key_id", id))
	}
	return fields
}

// template returns the route as the document writes it, such as
// /api/v1/config/{key}.
func (r *Router) template(c *gin.Context) string {
	if t, ok := r.templates[c.Request.Method+c.FullPath()]; ok {
		return t
	}
	return "unmatched"
}

func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return "other"
}

// A client that sends a body which is not read has to be able to finish: it reads the
// response afterwards, and a connection that is closed before is reset, response and
// all. So the rest of a body is read and discarded after the response was sent, within
// these bounds.
const (
	// LingerBytes and lingerTime bound what is read for one request.
	lingerBytes = 16 << 20
	lingerTime  = 5 * time.Second
	// MaxLingering is how many bodies are drained at once. Connections of others are
	// closed at once.
	maxLingering = 256
	// DrainedByServer is up to what length net/http itself reads the rest of a body
	// before it sends the response.
	drainedByServer = 256 << 10
)

// requestBody is a request's body that records whether it was read to its end.
type requestBody struct {
	io.ReadCloser
	ended bool
}

// Read reads on.
func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.ended = true
	}
	return n, err //nolint:wrapcheck // a reader's errors are compared
}

// watch replaces a request's body.
func (b *requestBody) watch(r *http.Request) {
	if r.Body != nil && r.ContentLength != 0 {
		b.ReadCloser = r.Body
		r.Body = b
	}
}

// isLeft reports whether more is left to be read than net/http reads by itself.
func (b *requestBody) isLeft(r *http.Request) bool {
	return b.ReadCloser != nil && !b.ended && (r.ContentLength < 0 || r.ContentLength > drainedByServer)
}

// announceClose sends Connection: close with a response to a request whose body is not
// read. So net/http sends the response first, and does not wait for the body.
func (r *Router) announceClose(c *gin.Context) {
	if req, ok := c.Request.Context().(*request); ok && req.body.isLeft(c.Request) {
		c.Writer.Header()["Connection"] = r.headers.close
	}
}

// drain sends the response, and reads and discards the rest of the body. The request has
// ended by then: it holds its connection and a small buffer.
func (r *Router) drain(c *gin.Context, body *requestBody) {
	if !body.isLeft(c.Request) || !c.Writer.Written() {
		return
	}
	select {
	case r.lingering <- struct{}{}:
	default:
		return
	}
	defer func() { <-r.lingering }()
	control := http.NewResponseController(c.Writer)
	until := time.Now().Add(lingerTime) //nolint:forbidigo // connections use the system's clock
	if control.Flush() != nil || control.SetReadDeadline(until) != nil {
		return
	}
	// The connection is closed in any case.
	_, _ = io.CopyN(io.Discard, body, lingerBytes)
}
