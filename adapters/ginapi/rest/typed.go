package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// humaAdapter serves typed operations through the router.
type humaAdapter struct{ *Router }

var _ huma.Adapter = humaAdapter{}

// Handle serves a typed operation.
func (a humaAdapter) Handle(doc *huma.Operation, handler func(huma.Context)) {
	op, _ := doc.Metadata[operationKey].(Operation)
	a.mount(op, doc, func(c *gin.Context, in *Input) {
		handler(&exchange{humaContext: humagin.NewContext(doc, c), input: in, header: c.Request.Header})
	}, typed)
}

// ServeHTTP answers a request.
func (a humaAdapter) ServeHTTP(w http.ResponseWriter, req *http.Request) { a.engine.ServeHTTP(w, req) }

// humaConfig is huma with JSON alone, without documents of its own and links to schemas,
// and with its errors turned into problems.
func (r *Router) humaConfig() huma.Config {
	format := huma.Format{Marshal: encode, Unmarshal: decode}
	return huma.Config{
		OpenAPI:       r.newDocument(),
		Formats:       map[string]huma.Format{JSONMediaType: format, problemMediaType: format},
		DefaultFormat: JSONMediaType,
		Transformers:  []huma.Transformer{r.translate},
	}
}

// encode writes a complete value or nothing. A write that fails means that the client has
// disconnected.
func encode(w io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode response: %w", err)
	}
	_, _ = w.Write(body)
	return nil
}

// decode reads a body that was checked and validated. Its errors reach the client, so that
// they quote no values.
func decode(data []byte, v any) error {
	err := json.Unmarshal(data, v, json.RejectUnknownMembers(true), jsontext.AllowDuplicateNames(true))
	if err == nil {
		return nil
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		return errors.New(placeOf(semantic.JSONPointer) + " cannot be read as a value of its type")
	}
	return errors.New("cannot be read")
}

// translate turns the errors of huma into a problem. It leaves out the values that huma
// notes beside their places.
func (r *Router) translate(ctx huma.Context, status string, v any) (any, error) {
	found, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	var f *fault.Error
	switch status {
	case strconv.Itoa(http.StatusUnprocessableEntity):
		f = fault.ErrInvalid
	case strconv.Itoa(http.StatusBadRequest):
		f = ErrMalformedJSON
	default:
		f = fault.ErrInternal.WithCause(errors.New("huma: " + found.Detail))
	}
	for _, e := range found.Errors {
		f = f.WithField(e.Location, plainRule(requestOf(ctx.Context()).operation, e.Location, e.Message))
	}
	if invalid := requestOf(ctx.Context()).input.invalid; invalid != nil {
		return r.problem(ctx.Context(), fault.Merge(f, invalid)), nil
	}
	return r.problem(ctx.Context(), f), nil
}

// humaContext keeps the embedded field from hiding its method Context.
type humaContext huma.Context

// exchange is a request as huma sees it: gin's, with the input that was read in place of
// the raw path, query and body.
type exchange struct {
	humaContext
	input  *Input
	header http.Header
}

var _ huma.Context = (*exchange)(nil)

// Param returns a path value, unescaped.
func (x *exchange) Param(name string) string { return x.input.Path(name) }

// Query returns a query parameter, or the empty string.
func (x *exchange) Query(name string) string { return x.input.Query(name) }

// Header returns all values of a header as one list. There is nothing to negotiate, so
// that huma sees no Accept, and a body that was read is JSON.
func (x *exchange) Header(name string) string {
	switch name {
	case "Accept":
		return ""
	case "Content-Type":
		return JSONMediaType
	}
	return strings.Join(x.header.Values(name), ", ")
}

// BodyReader returns the body, which has been read and bounded, and an empty object in
// place of an invalid one.
func (x *exchange) BodyReader() io.Reader {
	if x.input.invalid != nil {
		return strings.NewReader("{}")
	}
	return bytes.NewReader(x.input.body)
}

// SetReadDeadline leaves the server's deadline as it is.
func (x *exchange) SetReadDeadline(time.Time) error { return nil }
