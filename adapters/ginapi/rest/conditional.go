package rest

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/etag"
	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// The preconditions of RFC 9110, section 13. If-Range is not among them: no response has
// ranges, so that it is ignored with Range.
const (
	ifMatch           = "If-Match"
	ifNoneMatch       = "If-None-Match"
	ifModifiedSince   = "If-Modified-Since"
	ifUnmodifiedSince = "If-Unmodified-Since"
)

// ErrNoValidators is a write with a precondition on a resource that has no validators.
var ErrNoValidators = fault.New(fault.Stale, "precondition_unsupported",
	"This resource has neither an ETag nor a Last-Modified to compare with. Send the request without preconditions.")

// LastModified returns the value of the header for a state that was changed then: the end
// of that second, so that a state that was changed later in it is newer than the value.
func LastModified(changed time.Time) string {
	return changed.Add(time.Second - time.Nanosecond).UTC().Format(http.TimeFormat)
}

// settled reports whether a response may have a Last-Modified: no later change of the same
// second is possible that the response does not have, also where it is as stale as a
// response may be. So the header identifies one version, as strong validators have to
// (RFC 9110, section 8.8.2.2).
func settled(changed, now time.Time) bool {
	return now.Sub(changed) > time.Second+freshness.MaxStaleness+clockTolerance
}

// clockTolerance is how far the clocks of the database and of this replica may differ.
const clockTolerance = 2 * time.Second

// Revalidated sets the headers of a response that callers may cache and have to
// revalidate. It sends 304 where the caller has it and 412 where the caller does not
// accept it (RFC 9110, section 13.2.2), and reports whether it has.
func (r *Router) Revalidated(c *gin.Context, ready *ports.Representation) bool {
	h := c.Writer.Header()
	h["Cache-Control"] = r.headers.noCache
	if ready.Secret {
		h["Cache-Control"] = r.headers.noStore
	}
	h["Vary"] = r.headers.vary
	h["Etag"] = ready.ETag
	if ready.LastModified != nil && len(h["Signalbox-Stale"]) == 0 && settled(ready.Modified, r.options.Clock.Now()) {
		h["Last-Modified"] = ready.LastModified
	}
	switch condition := c.Request.Header; {
	case !accepted(condition, ready):
		r.Fail(c, scope.ErrStale)
		return true
	case cached(condition, ready):
		c.Status(http.StatusNotModified)
		return true
	}
	return false
}

// Conditional reports whether a read has preconditions.
func Conditional(h http.Header) bool {
	return len(h[ifMatch])+len(h[ifNoneMatch])+len(h[ifModifiedSince])+len(h[ifUnmodifiedSince]) > 0
}

// Unsent reports whether Revalidated sends no body, for a response with these validators.
func Unsent(h http.Header, ready *ports.Representation) bool {
	return !accepted(h, ready) || cached(h, ready)
}

// accepted evaluates If-Match, and without it If-Unmodified-Since.
func accepted(h http.Header, ready *ports.Representation) bool {
	if lines, given := h[ifMatch]; given {
		return etag.Matches(lines, ready.ETag[0])
	}
	since, given := httpDate(h, ifUnmodifiedSince)
	return !given || ready.Modified.IsZero() || !ready.Modified.After(since)
}

// cached evaluates If-None-Match, and without it If-Modified-Since.
func cached(h http.Header, ready *ports.Representation) bool {
	if lines, given := h[ifNoneMatch]; given {
		return etag.Unchanged(lines, ready.ETag[0])
	}
	since, given := httpDate(h, ifModifiedSince)
	return given && !ready.Modified.IsZero() && !ready.Modified.After(since)
}

// httpDate returns the date of a header. One that is no date is ignored, as RFC 9110 wants.
func httpDate(h http.Header, name string) (date time.Time, given bool) {
	lines := h[name]
	if len(lines) != 1 {
		return time.Time{}, false
	}
	date, err := http.ParseTime(lines[0])
	return date, err == nil
}

// Precondition is the preconditions of a typed write, to be embedded in its input.
type Precondition struct {
	IfMatch           string `header:"If-Match" doc:"ETags of which one must be the current one, or *; else 412"`
	IfNoneMatch       string `header:"If-None-Match" doc:"ETags of which none may be the current one; * is always 412"`
	IfUnmodifiedSince string `header:"If-Unmodified-Since" doc:"A Last-Modified; a later change is 412"`
	expect            scope.Precondition
}

var _ huma.Resolver = (*Precondition)(nil)

// Expected returns what the write expects of the current state.
func (p *Precondition) Expected() scope.Precondition { return p.expect }

// Resolve parses the headers, and rejects lists that are none of tags.
func (p *Precondition) Resolve(ctx huma.Context) []error {
	h := http.Header{}
	ctx.EachHeader(func(name, value string) { h.Add(name, value) })
	var faults []error
	if lines, given := h[ifMatch]; given {
		tags, star, ok := etag.Parse(lines)
		if !ok {
			faults = append(faults, noTags(ifMatch))
		}
		if !star {
			p.expect.Versions = etag.Versions(tags, false)
		}
	} else if since, given := httpDate(h, ifUnmodifiedSince); given {
		p.expect.UnmodifiedSince = since
	}
	if lines, given := h[ifNoneMatch]; given {
		tags, star, ok := etag.Parse(lines)
		if !ok {
			faults = append(faults, noTags(ifNoneMatch))
		}
		p.expect.NotVersions, p.expect.Absent = etag.Versions(tags, true), star
	}
	return faults
}

func noTags(header string) error {
	return &huma.ErrorDetail{Location: "header." + header, Message: "must be a list of quoted ETags, or *"}
}

// checkPreconditions rejects a write with a precondition on a resource without validators:
// nothing it names can be the current state. The operation creates a resource where it is
// a POST, which must be absent anyway.
func checkPreconditions(r *http.Request) error {
	lines, named := r.Header[ifMatch]
	_, absent := r.Header[ifNoneMatch]
	_, unmodified := httpDate(r.Header, ifUnmodifiedSince)
	switch {
	case named && (len(lines) != 1 || lines[0] != "*" || r.Method == http.MethodPost):
		return ErrNoValidators
	case r.Method != http.MethodPost && (absent || unmodified):
		return ErrNoValidators
	}
	return nil
}
