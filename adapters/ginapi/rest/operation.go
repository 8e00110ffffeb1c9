package rest

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/domain/access"
)

// Operation describes an operation. Typed, Router.Handle and Router.Hot make a route and
// its entry in the OpenAPI document of it; there is no other way to add either.
type Operation struct {
	// ID, Method, Path, Summary, Description and Tag are as the document writes them.
	// Path has parameters in braces; a GET operation also answers HEAD.
	ID, Method, Path, Summary, Description, Tag string
	// Routes are the paths that are served, if they are not Path with and without a slash
	// at its end. "{name...}" matches the rest of a path, with its first slash.
	Routes []string
	// Action is what the operation does. Where there is a body, callers that may do it
	// nowhere are rejected before the body is read; the use case decides about the
	// resource.
	Action access.Action
	// Open says that the operation needs no key.
	Open bool
	// Authenticated says that every caller may do it, and the use case decides on what it
	// shows. An operation is open or authenticated, or it has an action.
	Authenticated bool
	// Importance says which limits apply to its requests.
	Importance Importance
	// Hidden leaves the operation out of the document.
	Hidden bool
	// Example is a JSON body of a request, for the document.
	Example string
	// Parameters and Body describe the request of an operation that is not typed.
	Parameters []*huma.Param
	Body       Body
	// Status is the status of success of a typed operation, 200 by default.
	Status int
	// Responses are those that the types of a typed operation do not describe.
	Responses []Response
	// Problems are the statuses of failures beside 401, 403 and 422.
	Problems []int
	// OwnFailures says that Responses has all failures, which are no problems.
	OwnFailures bool
	// BodyLimit is the longest body in bytes, MaxBodyBytes by default.
	BodyLimit int64
	// UncheckedBody says that the domain checks the body; the router checks that it is
	// well-formed JSON.
	UncheckedBody bool
	// WithoutMinRevision leaves out the parameter min_revision, which GET operations with
	// a key have.
	WithoutMinRevision bool
}

// Body describes the body of a request.
type Body struct {
	Type reflect.Type
	// Optional says that the body may be left out.
	Optional bool
}

// BodyOf describes a body of type T.
func BodyOf[T any]() Body { return Body{Type: reflect.TypeFor[T]()} }

// Response describes a response.
type Response struct {
	Status int
	// Type is that of a JSON body; without it and MediaType there is no body.
	Type reflect.Type
	// MediaType is that of a body that is not JSON.
	MediaType string
	Headers   []string
}

// JSON describes a response with a body of type T.
func JSON[T any](status int, headers ...string) Response {
	return Response{Status: status, Type: reflect.TypeFor[T](), Headers: headers}
}

// Handler serves an operation. In is valid until the request ends.
type Handler func(c *gin.Context, in *Input)

// Handle adds an operation whose request is read strictly before the handler is called.
func (r *Router) Handle(op Operation, h Handler) { r.add(op, r.describe(op), h, strict) }

// Hot adds an operation that is called so often that its handler reads the request
// itself, from in. The access log treats it as a read.
func (r *Router) Hot(op Operation, h Handler) { r.add(op, r.describe(op), h, hot) }

// Typed adds an operation whose request is decoded into I and whose response is O, as
// huma describes such types. An error of run becomes the problem that is sent.
func Typed[I, O any](r *Router, op Operation, run func(context.Context, *I) (*O, error)) {
	r.schemas.Prepare(reflect.TypeFor[I](), "")
	r.schemas.Prepare(reflect.TypeFor[O](), "")
	doc := r.describe(op)
	doc.Metadata = map[string]any{operationKey: op}
	huma.Register(r.huma, *doc, func(ctx context.Context, in *I) (*O, error) {
		if invalid := requestOf(ctx).input.invalid; invalid != nil {
			return nil, r.problem(ctx, invalid)
		}
		out, err := run(ctx, in)
		if err != nil {
			return nil, r.problem(ctx, err)
		}
		return out, nil
	})
	r.schemas.Complete()
}

// operationKey finds the Operation in the metadata of huma's.
const operationKey = "operation"

// kind is how the requests of an operation are read.
type kind int

const (
	// Typed requests are decoded by huma, which reports parameters and invalid values of the
	// body together.
	typed kind = iota + 1
	// Strict requests are read before the handler is called.
	strict
	// Hot requests are read by the handler.
	hot
)

// operation is an Operation that is served.
type operation struct {
	doc    *huma.Operation
	reader reader
	// action is required before the body is read; does is what the operation does.
	action, does access.Action
	kind         kind
	// awaits says that there is a parameter min_revision.
	awaits bool
	// changes says that the operation is a write; conditional, that it heeds preconditions.
	changes, conditional bool
	importance           Importance
	// audited says that the operation is a write that the audit log has.
	audited bool
	// open says that there is no key.
	open bool
	// named is the path before a parameter that ends the path, or "".
	named string
}

// mustDeclare panics where an operation does not say which callers may do it.
func (op Operation) mustDeclare() {
	if op.Action == "" && !op.Open && !op.Authenticated {
		panic("operation " + op.ID + " has no action; set Action, or Open or Authenticated")
	}
}

// describe returns the entry of an operation in the document, without what its types say.
func (r *Router) describe(op Operation) *huma.Operation {
	op.mustDeclare()
	doc := &huma.Operation{
		OperationID: op.ID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description,
		Tags: []string{op.Tag}, Security: []map[string][]string{}, Parameters: op.Parameters, DefaultStatus: op.Status,
		Responses: map[string]*huma.Response{}, Hidden: op.Hidden,
		// The body has been read, bounded and validated by the time huma sees it.
		MaxBodyBytes: -1, BodyReadTimeout: -1, SkipValidateBody: true,
	}
	if op.Hidden {
		return doc
	}
	r.declareTag(op.Tag)
	r.counted[op.ID] = op.Importance == Ordinary
	if op.Example != "" {
		r.examples[op.ID] = op.Example
	}
	problems := op.Problems
	if op.sendsRateLimited() {
		problems = append([]int{http.StatusTooManyRequests}, problems...)
	}
	if !op.Open {
		doc.Security = []map[string][]string{{"bearer": {}}, {"api_key": {}}, {"x_api_key": {}}}
		problems = append([]int{
			http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity,
		}, problems...)
	}
	if op.awaits() {
		problems = append(problems, http.StatusPreconditionFailed)
	}
	if !op.OwnFailures {
		doc.Responses = r.describedProblems(problems)
	}
	for _, response := range op.Responses {
		doc.Responses[strconv.Itoa(response.Status)] = r.describedResponse(response)
	}
	if op.Body.Type != nil {
		doc.RequestBody = &huma.RequestBody{
			Required: !op.Body.Optional,
			Content:  map[string]*huma.MediaType{JSONMediaType: {Schema: r.schemas.Of(op.Body.Type)}},
		}
	}
	return doc
}

// add registers an operation that is not typed.
func (r *Router) add(op Operation, doc *huma.Operation, h Handler, k kind) {
	if !op.Hidden {
		r.huma.OpenAPI().AddOperation(doc)
	}
	r.mount(op, doc, h, k)
	r.schemas.Complete()
}

// mount adds the routes of an operation.
func (r *Router) mount(op Operation, doc *huma.Operation, h Handler, k kind) {
	served := &operation{
		doc: doc, kind: k, does: op.Action, importance: op.Importance, open: op.Open,
		changes: op.changes(), conditional: hasParameter(doc, ifMatch),
	}
	served.audited = served.changes && op.Action != access.RenewLease
	if doc.RequestBody != nil {
		served.action = op.Action
	}
	if op.awaits() {
		served.awaits = true
		doc.Parameters = append(doc.Parameters, minRevisionParameter())
	}
	served.reader = newReader(op, doc, r.schemas, r.texts)
	handler := func(c *gin.Context) {
		if req := r.accept(c, served); req != nil {
			h(c, &req.input)
		}
	}
	methods := []string{op.Method}
	if op.Method == http.MethodGet {
		methods = append(methods, http.MethodHead)
	}
	routes := op.Routes
	if len(routes) == 0 {
		routes = Spellings(op.Path)
	}
	for _, method := range methods {
		for _, route := range routes {
			path := ginPath(route)
			r.templates[method+path] = op.Path
			r.reserve(method, route, served)
			r.engine.Handle(method, path, handler)
		}
	}
}

// accept admits a request to an operation and reads it, unless the operation is hot. It
// is nil for a request that was answered.
func (r *Router) accept(c *gin.Context, op *operation) *request {
	req := requestOf(c.Request.Context())
	req.operation, req.input.reader = op, &op.reader
	err := r.admit(c, req, op)
	if err == nil {
		err = r.checkReserved(c, op)
	}
	if err == nil && op.changes {
		err = r.checkWrite(c.Request, op)
	}
	if err == nil && op.action != "" {
		err = req.caller.RequireAnywhere(op.action)
	}
	if err == nil {
		err = op.reader.checkHeaders(c.Request.Header)
	}
	if err == nil && op.kind != hot {
		err = r.read(c, req)
	}
	if err != nil {
		r.Fail(c, err)
		return nil
	}
	return req
}

// checkWrite rejects a write for what its headers say, before anything of it is read.
func (r *Router) checkWrite(request *http.Request, op *operation) error {
	if err := r.checkOrigin(request, op); err != nil || op.conditional {
		return err
	}
	return checkPreconditions(request)
}

// awaits reports whether an operation has the parameter min_revision.
func (op Operation) awaits() bool {
	return op.Method == http.MethodGet && !op.Open && !op.WithoutMinRevision
}

// changes reports whether an operation is a write, by its action.
func (op Operation) changes() bool {
	return op.Method != http.MethodGet && op.Action != "" && op.Action.Changes()
}

func hasParameter(doc *huma.Operation, name string) bool {
	return slices.ContainsFunc(doc.Parameters, func(p *huma.Param) bool { return p.Name == name })
}

func (r *Router) read(c *gin.Context, req *request) error {
	if err := req.input.Read(c); err != nil {
		return err
	}
	if req.input.invalid != nil && req.operation.kind != typed {
		return req.input.invalid
	}
	if !req.operation.awaits {
		return nil
	}
	return r.AwaitRevision(c, &req.input)
}

// Spellings returns a path with and without a slash at its end.
func Spellings(path string) []string {
	base := strings.TrimSuffix(path, "/")
	if base == "" {
		return []string{"/"}
	}
	return []string{base + "/", base}
}

// ginPath names the parameters of a path by their number, because gin wants one name at
// one position, and operations use different ones.
func ginPath(path string) string {
	segments := strings.Split(path, "/")
	n := 0
	for i, segment := range segments {
		if !strings.HasPrefix(segment, "{") {
			continue
		}
		n++
		kind := ":p"
		if strings.HasSuffix(segment, "...}") {
			kind = "*p"
		}
		segments[i] = kind + strconv.Itoa(n)
	}
	return strings.Join(segments, "/")
}

// sendsRateLimited reports whether an operation may respond with 429: to a wrong key, or to a
// request beyond a rate.
func (op Operation) sendsRateLimited() bool { return !op.Open || op.Importance == Ordinary }
