package ginapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

const (
	jsonMediaType = "application/json"
	inBody        = "body"
	inQuery       = "query"
	// MaxBodyBytes is the longest body that is read where an operation says nothing.
	maxBodyBytes = 1 << 20
)

// bodyShape is what the body of an operation may and must hold.
type bodyShape struct {
	known    map[string]bool
	required []string
	// limit is how many bytes are read.
	limit int64
	// open says that the domain checks the members.
	open bool
}

func newBodyShape(op *huma.Operation, schemas huma.Registry) *bodyShape {
	schema := op.RequestBody.Content[jsonMediaType].Schema
	for schema.Ref != "" {
		schema = schemas.SchemaFromRef(schema.Ref)
	}
	s := &bodyShape{
		known: map[string]bool{}, required: schema.Required, limit: bodyLimit(op), open: op.SkipValidateBody,
	}
	for name := range schema.Properties {
		s.known[name] = true
	}
	return s
}

// bodyLimit returns the limit that an operation's metadata names.
func bodyLimit(op *huma.Operation) int64 {
	if limit, ok := op.Metadata[bodyLimitKey].(int64); ok {
		return limit
	}
	return maxBodyBytes
}

// bodyLimitKey is where an operation's metadata names a limit of its own.
const bodyLimitKey = "body_limit"

// read returns the body if it is one JSON value, declared as such, of members
// that the operation knows.
func (s *bodyShape) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	declared := len(r.Header.Values("Content-Type")) > 0
	if declared && !isJSON(r.Header) {
		return nil, ErrUnsupportedMediaType
	}
	body, err := readBounded(w, r, s.limit)
	switch {
	case err != nil:
		return nil, err
	case len(bytes.TrimSpace(body)) == 0:
		return nil, ErrBodyMissing
	case !declared:
		return nil, ErrUnsupportedMediaType
	}
	return body, s.check(r.Context(), body)
}

// isJSON reports whether the headers declare one body of plain JSON.
func isJSON(h http.Header) bool {
	types := h.Values("Content-Type")
	mediaType, _, err := mime.ParseMediaType(types[0])
	encoding := h.Get("Content-Encoding")
	plain := encoding == "" || strings.EqualFold(encoding, "identity")
	return len(types) == 1 && err == nil && mediaType == jsonMediaType && plain
}

func readBounded(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, ErrBodyTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, ErrBodyTooLarge
	case err != nil:
		return nil, ErrBodyIncomplete.WithCause(err)
	}
	return body, nil
}

// check names every member that is not known as it is written, and every
// required one that is not there. What they hold is left to the schema. Bodies
// that are no object have no members, and the schema refuses them.
func (s *bodyShape) check(ctx context.Context, body []byte) error {
	if s.open {
		return scan(ctx, body, 0, nil)
	}
	var faults fault.Collector
	missing := slices.Clone(s.required)
	err := scan(ctx, body, maxBodyValues, func(name string) {
		missing = slices.DeleteFunc(missing, func(required string) bool { return required == name })
		switch {
		case s.known[name]:
		case faults.Full():
			faults.Omit(1)
		default:
			faults.Bad(within(inBody, name), "is no member of this body")
		}
	})
	if err != nil {
		return err
	}
	if len(missing) == 0 || bytes.TrimLeft(body, " \t\r\n")[0] != '{' {
		return faults.Err()
	}
	for _, name := range missing {
		faults.Bad(within(inBody, name), "is required")
	}
	return faults.Err()
}
