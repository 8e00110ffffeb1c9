package ginapi

import (
	"bytes"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

const (
	// ProblemType and a code make the type of a problem: a name that is stable
	// and leads nowhere.
	problemType = "urn:signalbox:problem:"
	// RetryAfter is what Unavailable answers ask for, in seconds.
	retryAfter = "1"
)

// describe is the one place where a failure becomes a problem of RFC 9457.
// Internal failures show their code and the request id, and nothing else.
func describe(this *call, f *fault.Error) *problem {
	if this.ofrep != nil {
		return describeOFREP(this.ofrep, f)
	}
	p := &problem{code: f.Code(), status: Status(f.Kind()), header: http.Header{}}
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
	if places := placesOf(this.operation, f.Fields()); len(places) > 0 {
		members.add("errors", places)
	}
	if n := f.Omitted(); n > 0 {
		members.add("errors_omitted", n)
	}
	members.add("request_id", this.requestID)
	if f.Kind() != fault.Internal {
		for _, d := range f.Details() {
			members.add(d.Name, d.Value)
		}
	}
	p.body = members.end(&buffer)
	setProblemHeaders(p.header, f)
	return p
}

// describeOFREP is describe for calls of OFREP, whose failures have a form of
// their own.
func describeOFREP(this *ofrepCall, f *fault.Error) *problem {
	p := &problem{code: f.Code(), status: ofrepStatus(f), mediaType: jsonMediaType, header: http.Header{}}
	p.body = appendOFREPError(nil, this.key, this.single, f)
	setProblemHeaders(p.header, f)
	return p
}

// memberWriter writes a JSON object member by member. What cannot be encoded is
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

// Status is the table from the kinds of failure to HTTP.
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
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Internal:
	}
	return http.StatusInternalServerError
}

// setProblemHeaders adds the headers that belong to a kind of failure.
func setProblemHeaders(h http.Header, f *fault.Error) {
	kind := f.Kind()
	if kind == fault.Unauthenticated {
		h["Www-Authenticate"] = []string{`ApiKey realm="signalbox"`, `Bearer realm="signalbox"`}
	}
	if kind == fault.Unavailable {
		h.Set("Retry-After", retryAfter)
	}
	if kind == fault.TooLarge {
		// What is left of the body is not read.
		h.Set("Connection", "close")
	}
	if kind != fault.Stale {
		return
	}
	for _, d := range f.Details() {
		if version, ok := d.Value.(int64); ok && d.Name == "current_version" {
			h.Set("ETag", versionTag(configuration.Version(version)))
		}
	}
}
