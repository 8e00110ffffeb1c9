package rest

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/openapi"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/ports"
)

// timeLayout is RFC 3339 in UTC with six decimals.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Time returns a time as all responses write it.
func Time(t time.Time) string { return t.UTC().Format(timeLayout) }

// Stale returns the value of Signalbox-Stale: the age in seconds, or "" where the data is
// fresh.
func Stale(age time.Duration) string {
	if !freshness.Stale(age) {
		return ""
	}
	return strconv.Itoa(int(age / time.Second))
}

// SendStale sets the header Signalbox-Stale where data of that age is stale.
func SendStale(c *gin.Context, age time.Duration) {
	if freshness.Stale(age) {
		c.Writer.Header().Set("Signalbox-Stale", Stale(age))
	}
}

// SendJSON sends prepared JSON with status 200. A write that fails means that the client
// has disconnected.
func (r *Router) SendJSON(c *gin.Context, body []byte) {
	requestOf(c.Request.Context()).leave()
	c.Writer.Header()["Content-Type"] = r.headers.json
	c.Writer.WriteHeader(http.StatusOK)
	_, _ = c.Writer.Write(body)
}

// SendPrepared sends a prepared body with its length and status 200.
func (r *Router) SendPrepared(c *gin.Context, prepared *ports.Representation) {
	c.Writer.Header()["Content-Length"] = prepared.ContentLength
	r.SendJSON(c, prepared.Body)
}

// RollBackJSON is the body that rolls a resource back. 2^53 is the greatest whole number
// that every JSON reader represents exactly.
type RollBackJSON struct {
	Version int64 `json:"version" minimum:"1" maximum:"9007199254740992" doc:"The version to go back to"`
}

// AppendMember appends a member of a JSON object, with a comma before it.
func AppendMember(b []byte, name, value string) []byte {
	b = append(append(append(b, ',', '"'), name...), `":`...)
	return AppendQuoted(b, value)
}

// AppendQuoted appends a JSON string; bytes that are not UTF-8 are replaced.
func AppendQuoted(b []byte, s string) []byte {
	quoted, _ := jsontext.AppendQuote(b, s) // the error says that something was replaced
	return quoted
}

// OrNull returns a string that JSON writes as null where it is empty.
func OrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Chunks sends a JSON response that is written into a buffer: at once, with its length,
// where it is short, and else in chunks, so that the buffer stays small.
type Chunks struct {
	writer  gin.ResponseWriter
	request *request
	json    []string
	begun   bool
}

// Chunks begins a response.
func (r *Router) Chunks(c *gin.Context) Chunks {
	return Chunks{writer: c.Writer, request: requestOf(c.Request.Context()), json: r.headers.json}
}

// Spill sends the buffer if it is long, and returns the buffer to append to.
func (s *Chunks) Spill(buffer []byte) []byte {
	if len(buffer) < wholeBytes {
		return buffer
	}
	s.send(buffer)
	return buffer[:0]
}

// End sends the rest.
func (s *Chunks) End(buffer []byte) {
	if !s.begun {
		s.writer.Header()["Content-Length"] = []string{strconv.Itoa(len(buffer))}
	}
	s.send(buffer)
}

// send writes. After a write that fails the connection is broken, so that the response
// has no end.
func (s *Chunks) send(body []byte) {
	if !s.begun {
		s.request.leave()
		s.writer.Header()["Content-Type"] = s.json
		s.writer.WriteHeader(http.StatusOK)
		s.begun = true
	}
	_, _ = s.writer.Write(body)
}

// FailChunks sends a failure instead, or cuts a response off that has begun, so that no
// client takes a part for the complete one.
func (r *Router) FailChunks(c *gin.Context, s *Chunks, err error) {
	if s.begun {
		panic(http.ErrAbortHandler)
	}
	c.Writer.Header().Del("Etag")
	r.Fail(c, err)
}

// MaxCatchUp is how long a request waits for a revision that another replica has sent.
const MaxCatchUp = freshness.CatchUp

// revisionHeader is a revision as a header value.
type revisionHeader struct {
	revision int64
	value    []string
}

// SendRevision sets the header with the revision that everything in the response has at
// least.
func (r *Router) SendRevision(c *gin.Context) {
	at := r.options.Revisions.Position().Revision
	header := r.revision.Load()
	if header == nil || header.revision != at {
		header = &revisionHeader{revision: at, value: []string{strconv.FormatInt(at, 10)}}
		r.revision.Store(header)
	}
	c.Writer.Header()[openapi.RevisionName] = header.value
}

// AwaitRevision waits for the revision that the parameter min_revision names.
func (r *Router) AwaitRevision(c *gin.Context, in *Input) error {
	if !in.Given("min_revision") {
		return nil
	}
	wanted, err := in.Int("min_revision", 0, MaxVersion)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), MaxCatchUp)
	defer cancel()
	if r.options.Revisions.Await(ctx, wanted) != nil {
		return changefeed.ErrNotReached.WithDetail("current_revision", r.options.Revisions.Position().Revision)
	}
	r.SendRevision(c)
	return nil
}

// ReserveResponse reserves the memory of a response of so many bytes until the request ends. It
// is quota.ErrMemory where there is none within a second.
func (r *Router) ReserveResponse(ctx context.Context, bytes int) error {
	reserved, err := r.memory.ReserveResponse(ctx, bytes)
	if reserved != nil {
		AtEnd(ctx, reserved.Release)
	}
	return err
}

// Policies of the headers that restrict browsers. Responses are data: they load nothing and
// are shown in no frame. HSTS is for a year (RFC 6797).
const (
	dataPolicy      = "default-src 'none'; frame-ancestors 'none'"
	transportPolicy = "max-age=31536000"
)

// securityHeaders are values that responses share.
type securityHeaders struct{ nosniff, referrer, frame, content, transport []string }

func newSecurityHeaders() securityHeaders {
	return securityHeaders{
		nosniff: []string{"nosniff"}, referrer: []string{"no-referrer"}, frame: []string{"DENY"},
		content: []string{dataPolicy}, transport: []string{transportPolicy},
	}
}

// secure sets the headers that restrict browsers.
func (r *Router) secure(request *http.Request, h http.Header) {
	security := &r.headers.security
	h["X-Content-Type-Options"] = security.nosniff
	h["Referrer-Policy"] = security.referrer
	h["X-Frame-Options"] = security.frame
	h["Content-Security-Policy"] = security.content
	if request.TLS != nil {
		h["Strict-Transport-Security"] = security.transport
	}
}

// SendPolicy replaces the Content-Security-Policy, for a page that loads parts.
func SendPolicy(c *gin.Context, policy string) {
	c.Writer.Header()["Content-Security-Policy"] = []string{policy}
}
