package ginapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
)

// router puts operations on gin. It satisfies what huma asks of an adapter, and
// adds what this API wants of every operation: strict reading, HEAD beside GET,
// and an answer with and without the slash at the end.
type router struct {
	api     *API
	schemas huma.Registry
}

var _ huma.Adapter = (*router)(nil)

// Handle serves a typed operation.
func (r *router) Handle(op *huma.Operation, handler func(huma.Context)) {
	r.handle(op, func(c *gin.Context, in input) {
		handler(&exchange{humaContext: humagin.NewContext(op, c), input: in, header: c.Request.Header})
	})
}

// ServeHTTP answers a request.
func (r *router) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.api.engine.ServeHTTP(w, req) }

// handle serves an operation by a function that gets its request read.
func (r *router) handle(op *huma.Operation, answer func(*gin.Context, input)) {
	reached := r.api.offerRevision(op)
	in := newIntake(op, r.schemas)
	r.mount(op, func(c *gin.Context) {
		callOf(c.Request.Context()).operation = op
		read, err := in.read(c)
		if err == nil && reached {
			err = r.api.reach(c, read)
		}
		if err != nil {
			r.api.fail(c, err)
			return
		}
		answer(c, read)
	})
}

// mount registers an operation with gin under all the paths and methods that it
// answers.
func (r *router) mount(op *huma.Operation, handler gin.HandlerFunc) {
	handler = r.api.admitting(op, handler)
	methods := []string{op.Method}
	if op.Method == http.MethodGet {
		methods = append(methods, http.MethodHead)
	}
	paths := spellings(op.Path)
	if rest, ok := strings.CutPrefix(op.Path, registryPath); ok {
		paths = append(paths, spellings(servicesPath+rest)...)
	}
	for _, method := range methods {
		for _, path := range paths {
			r.api.templates[method+path] = op.Path
			r.api.engine.Handle(method, path, handler)
		}
	}
}

// spellings returns a path as gin takes it, with and without a slash at the end.
func spellings(path string) []string {
	base := strings.TrimSuffix(ginPath(path), "/")
	if base == "" {
		return []string{"/"}
	}
	return []string{base + "/", base}
}

// hot mounts a handler that reads its request itself, and is called so often that
// it is a read to the access log.
func (r *router) hot(op *huma.Operation, handler gin.HandlerFunc) {
	r.mount(op, func(c *gin.Context) {
		this := callOf(c.Request.Context())
		this.operation, this.reads = op, true
		handler(c)
	})
}

// ginPath names the parameters of a path by their number, because gin wants one
// name for one position, and operations call it differently.
func ginPath(path string) string {
	segments := strings.Split(path, "/")
	n := 0
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			n++
			segments[i] = ":p" + strconv.Itoa(n)
		}
	}
	return strings.Join(segments, "/")
}
