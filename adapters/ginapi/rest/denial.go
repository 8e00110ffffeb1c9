package rest

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// isDenied reports whether an error rejects a caller for what it is allowed, also where the
// response says that the resource does not exist.
func isDenied(f *fault.Error, err error) bool {
	return f.Kind() == fault.Forbidden || f.Kind() == fault.Unauthenticated || errors.Is(err, access.ErrOutOfScope)
}

// noteFailure notes a change that was tried and failed for a reason of the service. Where the
// outcome is unknown, it may have been made.
func (r *Router) noteFailure(ctx context.Context, f *fault.Error) {
	req := requestOf(ctx)
	if r.options.Denied == nil || !isFailure(f) || req.operation == nil || !req.operation.audited {
		return
	}
	d := req.denial(f.Code(), access.Denial{})
	d.Failed = true
	r.options.Denied(d)
}

// isFailure reports whether an error is of the service or of its database. Requests that
// are refused for other reasons were not tried.
func isFailure(f *fault.Error) bool {
	return f.Kind() == fault.Internal || slices.Contains([]string{
		fault.ErrUnavailable.Code(), fault.ErrReadOnly.Code(), fault.ErrContended.Code(), ErrDeadline.Code(),
	}, f.Code())
}

// Denial is a request that was denied, or a change that failed.
type Denial struct {
	By access.Caller
	// Failed says that it was not denied, but failed.
	Failed bool
	// Action is what was denied, empty where the caller was denied before that was known.
	Action access.Action
	// Request is the method and the path.
	Request string
	// Environment and ServiceName are those of the resource, or of the query. Name is that of
	// the resource, where it is known.
	Environment, ServiceName, Name string
	// Code is that of the error in the response.
	Code string
}

// denial describes a request that was denied.
func (r *request) denial(code string, denied access.Denial) Denial {
	d := Denial{
		By: r.caller, Action: denied.Action, Environment: denied.Resource.Environment.String(),
		ServiceName: denied.Resource.Service.String(), Name: denied.Resource.Name, Code: code,
	}
	if d.By.From == nil {
		d.By.From = r
	}
	if r.operation != nil && d.Action == "" {
		d.Action = r.operation.does
	}
	if r.http != nil {
		query := r.http.URL.Query()
		d.Request = r.http.Method + " " + r.http.URL.Path
		d.Environment = cmp.Or(d.Environment, query.Get("environment"))
		d.ServiceName = cmp.Or(d.ServiceName, query.Get("service_name"))
	}
	return d
}
