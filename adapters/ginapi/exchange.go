package ginapi

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// humaContext keeps the embedded field from hiding its method Context.
type humaContext huma.Context

// exchange is a request as huma sees it: gin's, with what an intake has read in
// place of the raw path, query and body.
type exchange struct {
	humaContext
	input
	header http.Header
}

var _ huma.Context = (*exchange)(nil)

// Param returns a path value, unescaped.
func (x *exchange) Param(name string) string { return x.param(name) }

// Query returns a query value, or the empty text.
func (x *exchange) Query(name string) string { return x.query.Get(name) }

// Header returns all values of a header as one list. There is nothing to
// negotiate, so that huma sees no Accept, and a body that was read is JSON.
func (x *exchange) Header(name string) string {
	switch name {
	case "Accept":
		return ""
	case "Content-Type":
		return jsonMediaType
	}
	return strings.Join(x.header.Values(name), ", ")
}

// BodyReader returns the body, which has been read and bounded already.
func (x *exchange) BodyReader() io.Reader { return bytes.NewReader(x.body) }

// SetReadDeadline leaves the server's deadline as it is.
func (x *exchange) SetReadDeadline(time.Time) error { return nil }
