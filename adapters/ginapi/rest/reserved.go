package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// Literal segments beside a parameter are reserved: /feature-flags/evaluate is no flag. Gin
// matches a method that the literal path does not have with the parameter, and lists the
// methods of both for others.

// reserve notes a route with its method.
func (r *Router) reserve(method, route string, op *operation) {
	route = strings.TrimSuffix(route, "/")
	at := strings.LastIndexByte(route, '/') + 1
	last := route[at:]
	switch {
	case strings.HasPrefix(last, "{"):
		if method == http.MethodPut || method == http.MethodDelete || method == http.MethodPatch {
			op.named = route[:at]
		}
	case !strings.Contains(route, "{"):
		r.literals[route] = append(r.literals[route], method)
	}
}

// checkReserved rejects a write to a reserved name.
func (r *Router) checkReserved(c *gin.Context, op *operation) error {
	if op.named == "" {
		return nil
	}
	if methods := r.literals[strings.TrimSuffix(c.Request.URL.Path, "/")]; methods != nil {
		allow(c, methods)
		return ErrMethodNotAllowed
	}
	return nil
}

// methodNotAllowed answers a method that a path does not have.
func (r *Router) methodNotAllowed(c *gin.Context) {
	if methods := r.literals[strings.TrimSuffix(c.Request.URL.Path, "/")]; methods != nil {
		allow(c, methods)
	}
	r.failUnserved(c, ErrMethodNotAllowed)
}

// notFound answers a path without a route.
func (r *Router) notFound(c *gin.Context) { r.failUnserved(c, ErrRouteNotFound) }

// failUnserved rejects a request to no operation, which counts like one to any.
func (r *Router) failUnserved(c *gin.Context, err error) {
	req := requestOf(c.Request.Context())
	if limited := r.countRate(c, req); limited != nil {
		err = limited
	}
	r.Fail(c, err)
}

// allow names the methods of a resource (RFC 9110, section 10.2.1), in a stable order.
func allow(c *gin.Context, methods []string) {
	methods = slices.Clone(methods)
	slices.Sort(methods)
	c.Header("Allow", strings.Join(slices.Compact(methods), ", "))
}
