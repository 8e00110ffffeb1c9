package ginapi

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

const (
	problemMediaType = "application/problem+json"
	// StatusClientGone is the status that the log shows where nobody waits for the
	// answer any more.
	statusClientGone = 499
)

// problem is a failure ready to be sent: status, headers and body. It satisfies
// what huma asks of an error, so that huma sends it as it is.
type problem struct {
	code   string
	status int
	// mediaType is that of problems where it is empty.
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

// write sends the problem where huma does not.
func (p *problem) write(w http.ResponseWriter) {
	h := w.Header()
	maps.Copy(h, p.header)
	h.Set("Content-Type", cmp.Or(p.mediaType, problemMediaType))
	h.Set("Content-Length", strconv.Itoa(len(p.body)))
	w.WriteHeader(p.status)
	// A failed write means that the client has gone; the access log tells.
	_, _ = w.Write(p.body)
}

// fail ends a request with the problem of an error.
func (a *API) fail(c *gin.Context, err error) {
	c.Abort()
	a.closing(c)
	a.problem(c.Request.Context(), err).write(c.Writer)
}

// problem turns an error into what is sent, and logs what operators have to know.
func (a *API) problem(ctx context.Context, err error) *problem {
	f, gone := a.judge(ctx, err)
	p := describe(callOf(ctx), f)
	if gone {
		p.status = statusClientGone
		return p
	}
	if f.Kind() == fault.Internal {
		a.options.Logger.Error("request failed", a.failure(ctx, f, err)...)
	}
	if f.Kind() == fault.Unavailable {
		a.options.Logger.Warn("request turned away", a.failure(ctx, f, err)...)
	}
	return p
}

// judge returns the failure of an error, and whether nobody waits for it: a
// store that was interrupted because the client left has not failed.
func (a *API) judge(ctx context.Context, err error) (f *fault.Error, gone bool) {
	f = fault.Of(err)
	interrupted := f.Code() == fault.ErrInternal.Code() || f.Kind() == fault.Unavailable
	switch {
	case interrupted && errors.Is(ctx.Err(), context.Canceled):
		return f, true
	case late(f, err) && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ErrDeadline.WithCause(err), false
	}
	return f, false
}

// late reports whether a failure may be our own deadline, which interrupts whatever
// the store was doing. A store that was not reached at all is away.
func late(f *fault.Error, err error) bool {
	return f.Code() == fault.ErrInternal.Code() ||
		f.Code() == fault.ErrUnavailable.Code() && !errors.Is(err, fault.ErrUnreached)
}

// failure returns the log fields of a failure of ours.
func (a *API) failure(ctx context.Context, f *fault.Error, err error) []zap.Field {
	this := callOf(ctx)
	fields := []zap.Field{
		zap.String("request_id", this.requestID), zap.String("code", f.Code()), zap.Error(err),
	}
	if this.operation != nil {
		fields = append(fields, zap.String("operation", this.operation.OperationID))
	}
	for _, d := range f.Details() {
		fields = append(fields, zap.Any(d.Name, d.Value))
	}
	return fields
}
