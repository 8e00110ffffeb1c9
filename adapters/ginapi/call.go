package ginapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// maxRequestID is the longest request id that is taken over from a caller.
const maxRequestID = 64

// call is what is known of a request beside the request itself. Middleware fills
// it in; it belongs to one request and travels in its context.
type call struct {
	requestID string
	caller    access.Caller
	peer      peer
	// operation is nil until a route was found.
	operation *huma.Operation
	// reads says that a call is a read, whatever its method.
	reads bool
	// ofrep is nil for all but calls of OFREP.
	ofrep *ofrepCall
	// ends are run when the request has been answered.
	ends []func()
}

// atEnd has end run when the request has been answered.
func (c *call) atEnd(end func()) { c.ends = append(c.ends, end) }

type callKey struct{}

// callOf returns the call of a request's context, and an empty one elsewhere.
func callOf(ctx context.Context) *call {
	if found, ok := ctx.Value(callKey{}).(*call); ok {
		return found
	}
	return &call{}
}

// begin serves the request, and lets a client finish that still sends.
func (a *API) begin(c *gin.Context) {
	ctx := &requestContext{Context: c.Request.Context(), timeout: a.options.RequestTimeout}
	a.proceed(c, ctx)
	a.linger(c, &ctx.body)
}

// proceed gives the request its id, its deadline and the headers that every
// response carries, and writes the access log when all is done.
func (a *API) proceed(c *gin.Context, ctx *requestContext) {
	started := a.options.Clock.Now()
	defer ctx.end(a.ended)
	this := &ctx.call
	this.requestID = a.requestID(c.Request)
	this.peer = peer{remote: c.Request.RemoteAddr, header: c.Request.Header}
	if ctx.ofrepOf(c.Request.URL) {
		this.ofrep = &ctx.ofrep
	}
	ctx.echoed[0] = this.requestID
	c.Request = c.Request.WithContext(ctx)
	ctx.body.watch(c.Request)

	h := c.Writer.Header()
	h["X-Request-Id"] = ctx.echoed[:]
	h["X-Content-Type-Options"] = a.always.nosniff
	h["Cache-Control"] = a.always.noStore
	if a.isStopping() {
		h["Connection"] = a.always.last
	}
	c.Next()
	failpoint.Hit("before-reply")

	entry := a.options.Logger.Check(accessLevel(c), "request")
	if entry == nil {
		return
	}
	entry.Write(append(a.about(c),
		zap.Int("status", c.Writer.Status()),
		zap.Duration("duration", a.options.Clock.Now().Sub(started)))...)
}

// accessLevel keeps reads that went well out of the log at its usual level.
func accessLevel(c *gin.Context) zapcore.Level {
	read := c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead ||
		callOf(c.Request.Context()).reads
	if read && c.Writer.Status() < http.StatusBadRequest {
		return zapcore.DebugLevel
	}
	return zapcore.InfoLevel
}

// about returns what every log line of a request names: nothing of its path,
// query, headers or body, which may hold keys and values.
func (a *API) about(c *gin.Context) []zap.Field {
	this := callOf(c.Request.Context())
	fields := []zap.Field{
		zap.String("request_id", this.requestID),
		zap.String("method", knownMethod(c.Request.Method)),
		zap.String("route", a.template(c)),
	}
	if id := this.caller.Actor.KeyID; id != "" {
		fields = append(fields, zap.String("key_id", id))
	}
	return fields
}

// template returns the route as the document writes it, such as
// /api/v1/config/{key}.
func (a *API) template(c *gin.Context) string {
	if t, ok := a.templates[c.Request.Method+c.FullPath()]; ok {
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

// requestID returns the id that the caller sent if it is sane, else a new one.
func (a *API) requestID(r *http.Request) string {
	if sent := r.Header.Get("X-Request-Id"); sane(sent, maxRequestID) {
		return sent
	}
	return a.options.IDs.UUID()
}

// traceLength is that of "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".
const traceLength = 55

// traceParent returns the trace that the caller goes on with, as W3C Trace Context
// (3.2) writes it in version 00; later versions begin alike. Anything else is no
// trace.
func traceParent(h http.Header) string {
	sent := h["Traceparent"]
	if len(sent) != 1 || len(sent[0]) < traceLength {
		return ""
	}
	trace, more := sent[0][:traceLength], sent[0][traceLength:]
	if more != "" && (more[0] != '-' || trace[:2] == "00") || !isTrace(trace) {
		return ""
	}
	return trace
}

// isTrace reports whether text of that length is a version, two ids that are not
// zero, and flags.
func isTrace(text string) bool {
	for i := range len(text) {
		dash := i == 2 || i == 35 || i == 52
		hex := '0' <= text[i] && text[i] <= '9' || 'a' <= text[i] && text[i] <= 'f'
		if dash != (text[i] == '-') || !dash && !hex {
			return false
		}
	}
	return text[:2] != "ff" && strings.Trim(text[3:35], "0") != "" && strings.Trim(text[36:52], "0") != ""
}

// sane reports whether text is 1 to most of A-Z a-z 0-9 . _ and -, and so can be
// shown and logged anywhere.
func sane(text string, most int) bool {
	if text == "" || len(text) > most {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
