package rest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/etag"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/listener"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/peer"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

const (
	problemMediaType = "application/problem+json"
	// ProblemType and a code make the type of a problem, which is no address.
	problemType = "urn:signalbox:problem:"
	// RetryAfter is the header of Unavailable responses, and of RateLimited ones that have no
	// time of their own, in seconds.
	retryAfter = "1"
	// StatusClientGone is the status in the access log where the client has disconnected.
	StatusClientGone = 499
)

// problem is a failure ready to be sent. It implements huma's error interfaces, so that
// huma sends it as it is.
type problem struct {
	code   string
	status int
	// mediaType is that of problems if it is empty.
	mediaType string
	header    http.Header
	body      jsontext.Value
}

// Error returns the code.
func (p *problem) Error() string { return p.code }

// GetStatus returns the status, for huma.
func (p *problem) GetStatus() int { return p.status }

// GetHeaders returns the headers beside the content type, for huma.
func (p *problem) GetHeaders() http.Header { return p.header }

// ContentType returns the media type of problems, for huma.
func (p *problem) ContentType(string) string { return problemMediaType }

// MarshalJSON returns the body.
func (p *problem) MarshalJSON() ([]byte, error) { return p.body, nil }

// write sends the problem without huma.
func (p *problem) write(w http.ResponseWriter) {
	h := w.Header()
	maps.Copy(h, p.header)
	h.Set("Content-Type", cmp.Or(p.mediaType, problemMediaType))
	h.Set("Content-Length", strconv.Itoa(len(p.body)))
	w.WriteHeader(p.status)
	// A failed write means that the client has disconnected.
	_, _ = w.Write(p.body)
}

// Fail ends a request with the problem of an error.
func (r *Router) Fail(c *gin.Context, err error) {
	c.Abort()
	r.announceClose(c)
	r.problem(c.Request.Context(), err).write(c.Writer)
}

// problem returns the response for an error, and logs failures for operators.
func (r *Router) problem(ctx context.Context, err error) *problem {
	f, gone := classify(ctx, err)
	p := describe(requestOf(ctx), f)
	if gone {
		p.status = StatusClientGone
		return p
	}
	if r.options.Denied != nil && isDenied(f, err) {
		r.options.Denied(requestOf(ctx).denial(f.Code(), access.DenialOf(err)))
	}
	r.noteFailure(ctx, f)
	if f.Kind() == fault.Internal {
		r.options.Logger.Error("request failed", failureFields(ctx, f, err)...)
	}
	if f.Kind() == fault.Unavailable && f.Code() != ErrOverloaded.Code() {
		r.options.Logger.Warn("request failed: dependency unavailable", failureFields(ctx, f, err)...)
	}
	return p
}

// classify returns the fault of an error, and whether the client has disconnected: a store
// that was interrupted because of that has not failed.
func classify(ctx context.Context, err error) (f *fault.Error, gone bool) {
	f = fault.Of(err)
	interrupted := f.Code() == fault.ErrInternal.Code() || f.Kind() == fault.Unavailable
	switch {
	case interrupted && errors.Is(ctx.Err(), context.Canceled):
		return f, true
	case mayBeDeadline(f, err) && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ErrDeadline.WithCause(err), false
	}
	return f, false
}

// mayBeDeadline reports whether the request's deadline, which interrupts the store, may be
// the cause of a failure. A store that was not reached is unavailable.
func mayBeDeadline(f *fault.Error, err error) bool {
	return f.Code() == fault.ErrInternal.Code() ||
		f.Code() == fault.ErrUnavailable.Code() && !errors.Is(err, fault.ErrUnreached)
}

// failureFields returns the log fields of a failure.
func failureFields(ctx context.Context, f *fault.Error, err error) []zap.Field {
	req := requestOf(ctx)
	fields := []zap.Field{
		zap.String("request_id", req.id), zap.String("code", f.Code()), zap.Error(err),
	}
	if req.operation != nil {
		fields = append(fields, zap.String("operation", req.operation.doc.OperationID))
	}
	for _, d := range f.Details() {
		fields = append(fields, zap.Any(d.Name, d.Value))
	}
	return fields
}

// describe returns the response for a fault: the realm's own form, or a problem of RFC
// 9457. Internal failures show their code and the request id, and nothing else.
func describe(req *request, f *fault.Error) *problem {
	p := &problem{code: f.Code(), status: Status(f.Kind()), header: http.Header{}}
	setProblemHeaders(p.header, f)
	if req.realm.Failure != nil {
		own := req.realm.Failure(req.http, f)
		p.status, p.mediaType, p.body = own.Status, own.MediaType, own.Body
		return p
	}
	var buffer bytes.Buffer
	members := memberWriter{encoder: jsontext.NewEncoder(&buffer)}
	members.begin()
	members.add("type", problemType+p.code)
	members.add("title", http.StatusText(p.status))
	members.add("status", p.status)
	if f.Kind() != fault.Internal {
		members.add("detail", f.Message())
	}
	members.add("code", p.code)
	if places := placesOf(req.operation, f.Fields()); len(places) > 0 {
		members.add("errors", places)
	}
	if n := f.Omitted(); n > 0 {
		members.add("errors_omitted", n)
	}
	if req.id != "" {
		members.add("request_id", req.id)
	}
	if f.Kind() != fault.Internal {
		for _, d := range f.Details() {
			members.add(d.Name, d.Value)
		}
	}
	p.body = members.end(&buffer)
	return p
}

// memberWriter writes a JSON object member by member. A member that cannot be encoded is
// left out: a problem is sent in any case.
type memberWriter struct{ encoder *jsontext.Encoder }

func (w memberWriter) begin() { _ = w.encoder.WriteToken(jsontext.BeginObject) }

func (w memberWriter) add(name string, value any) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return
	}
	if w.encoder.WriteToken(jsontext.String(name)) == nil {
		_ = w.encoder.WriteValue(encoded)
	}
}

func (w memberWriter) end(b *bytes.Buffer) jsontext.Value {
	_ = w.encoder.WriteToken(jsontext.EndObject)
	return bytes.TrimRight(b.Bytes(), "\n")
}

// Status returns the HTTP status of a kind of failure.
func Status(kind fault.Kind) int {
	switch kind {
	case fault.Malformed:
		return http.StatusBadRequest
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Gone:
		return http.StatusGone
	case fault.Conflict:
		return http.StatusConflict
	case fault.Stale:
		return http.StatusPreconditionFailed
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.UnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case fault.NotAllowed:
		return http.StatusMethodNotAllowed
	case fault.RateLimited:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Internal:
	}
	return http.StatusInternalServerError
}

// setProblemHeaders adds the headers of a kind of failure.
func setProblemHeaders(h http.Header, f *fault.Error) {
	kind := f.Kind()
	if kind == fault.Unauthenticated {
		h["Www-Authenticate"] = []string{`ApiKey realm="signalbox"`, `Bearer realm="signalbox"`}
	}
	if kind == fault.Unavailable || kind == fault.RateLimited {
		h.Set("Retry-After", retryAfter)
	}
	if kind == fault.TooLarge {
		// The rest of the body is not read.
		h.Set("Connection", "close")
	}
	if f.Code() == ErrUnsupportedCoding.Code() {
		h.Set("Accept-Encoding", "identity") // RFC 9110, section 12.5.3
	}
	for _, d := range f.Details() {
		number, ok := d.Value.(int64)
		switch {
		case !ok:
		case kind == fault.Stale && d.Name == "current_version":
			h.Set("ETag", etag.OfVersion(scope.Version(number)))
		case kind == fault.RateLimited && d.Name == fault.RetryDetail:
			h.Set("Retry-After", strconv.FormatInt(number, 10))
		}
	}
}

// maxPlaceName is the longest name from a request that a place quotes.
const maxPlaceName = 64

// Place locates an error in the input.
type Place struct {
	// Location is such as "body.rules[0].variant", "query.limit" or "path.key". It ends before
	// a name that is not plain.
	Location string `json:"location" doc:"The location, such as body.rules[0].variant, query.limit or path.key"`
	// Pointer is the complete place in the body (RFC 6901), for bodies with more than one level.
	Pointer *string `json:"pointer,omitzero" nullable:"false" doc:"The place in the body, as a JSON pointer (RFC 6901)"`
	// Message never quotes the value.
	Message string `json:"message" doc:"The error and the allowed values"`
}

// placesOf locates fields in the request of an operation.
func placesOf(op *operation, fields []fault.Field) []Place {
	places := make([]Place, len(fields))
	for i, f := range fields {
		places[i] = Place{Location: locate(op, f.Name), Message: f.Message}
		if f.Name == "" || f.Name[0] == '/' {
			places[i].Location, places[i].Pointer = placeOf(jsontext.Pointer(f.Name)), &fields[i].Name
		}
	}
	return places
}

// locate finds a field by its name among the operation's parameters, else in its body.
// Names that begin with a part of the request are locations already.
func locate(op *operation, field string) string {
	if part, _, _ := strings.Cut(field, "."); op == nil || field == inBody || part != field && isPart(part) {
		return field
	}
	for _, p := range op.doc.Parameters {
		if p.Name == field {
			return p.In + "." + field
		}
	}
	if op.doc.RequestBody != nil {
		return inBody + "." + field
	}
	return field
}

// isPart reports whether locations begin with a name.
func isPart(name string) bool {
	return name == inBody || name == inQuery || name == inPath || name == inHeader
}

// within names a field of a part of the request. Names from the request are quoted if
// they are plain; others could be misplaced values.
func within(part, name string) string {
	if !peer.IsPlain(name, maxPlaceName) {
		return part
	}
	return part + "." + name
}

// Failures that are HTTP's own.
var (
	// ErrMalformedPath is a path with an escape that is broken or stands for no text.
	ErrMalformedPath = fault.New(fault.Malformed, "malformed_path",
		"The path holds a broken percent-escape, or one of a NUL or of something else than UTF-8.")
	// ErrMalformedQuery is a query string that cannot be taken apart.
	ErrMalformedQuery = fault.New(fault.Malformed, "malformed_query",
		"The query string holds a semicolon, a broken percent-escape, or one of a NUL or of something else than UTF-8.")
	// ErrMalformedRequest is a request that net/http does not understand.
	ErrMalformedRequest = fault.New(fault.Malformed, "malformed_request",
		"The request line, such as a percent-escape in its path, or a header is malformed.")
	// ErrMalformedJSON is a body that is not one JSON value in UTF-8.
	ErrMalformedJSON = fault.New(fault.Malformed, "malformed_json",
		"The body has to be one JSON value in UTF-8, without repeated members, nested at most 32 deep.")
	// ErrBodyMissing is an empty body where one is needed.
	ErrBodyMissing = fault.New(fault.Malformed, "body_missing", "This operation needs a JSON body.")
	// ErrBodyIncomplete is a body that ended or stalled before its announced end.
	ErrBodyIncomplete = fault.New(fault.Malformed, "body_incomplete", "The body ended before it was complete.")
	// ErrBodyTooLarge is a body over the limit of its operation.
	ErrBodyTooLarge = fault.New(fault.TooLarge, "body_too_large",
		"The body is longer than is read here: 1 MiB, 10 MiB for a flag, 128 KiB for an evaluation, "+
			"32 KiB for a login.")
	// ErrUnsupportedMediaType is a body that is declared as something else than JSON.
	ErrUnsupportedMediaType = fault.New(fault.UnsupportedMedia, "unsupported_media_type",
		"Send the body with Content-Type: application/json, in UTF-8.")
	// ErrUnsupportedCoding is a compressed body.
	ErrUnsupportedCoding = fault.New(fault.UnsupportedMedia, "unsupported_content_coding",
		"Send the body uncompressed, without Content-Encoding.")
	// ErrCrossOrigin is a write of a browser from another origin, where keys are not required.
	ErrCrossOrigin = fault.New(fault.Forbidden, "cross_origin",
		"With AUTH_ENABLED=false, browsers write from this origin and from CORS_ALLOWED_ORIGINS only.")
	// ErrRouteNotFound is a path without a route.
	ErrRouteNotFound = fault.New(fault.NotFound, "not_found", "There is nothing at this path.")
	// ErrMethodNotAllowed is a path that is known, with another method.
	ErrMethodNotAllowed = fault.New(fault.NotAllowed, "method_not_allowed",
		"This path has other methods; the Allow header lists them.")
	// ErrNotReady is a process that is starting or stopping.
	ErrNotReady = fault.New(fault.Unavailable, "not_ready", "This process takes no requests yet, or no more.")
	// ErrDraining ends the streams of a process that stops.
	ErrDraining = fault.New(fault.Unavailable, "draining", "This replica stops. Connect again, to another one.")
	// ErrDeadline is a request that took longer than it may.
	ErrDeadline = fault.New(fault.Unavailable, "deadline_exceeded", "The request took too long. Try again shortly.")
)

// Listener returns a listener whose malformed requests are answered with ErrMalformedRequest.
func Listener(l net.Listener) net.Listener { return listener.New(l, malformedRequest()) }

// malformedRequest is the answer to a malformed request.
func malformedRequest() []byte {
	p := describe(&request{realm: &Realm{}}, ErrMalformedRequest)
	return append([]byte("HTTP/1.1 400 Bad Request\r\nContent-Type: "+problemMediaType+"\r\nContent-Length: "+
		strconv.Itoa(len(p.body))+"\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"), p.body...)
}
