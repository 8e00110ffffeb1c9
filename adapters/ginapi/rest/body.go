package rest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/openapi"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// JSONMediaType is that of all bodies but problems and event streams.
const JSONMediaType = "application/json"

// MaxBodyBytes is the longest body that is read where an operation sets no limit.
const MaxBodyBytes = 1 << 20

// bodyShape is what the body of an operation may and must contain.
type bodyShape struct {
	schema   *huma.Schema
	registry huma.Registry
	known    map[string]bool
	required []string
	// limit is how many bytes are read.
	limit int64
	// open says that the domain checks the fields.
	open bool
}

func newBodyShape(op Operation, doc *huma.Operation, schemas *openapi.Schemas) *bodyShape {
	s := &bodyShape{
		schema: doc.RequestBody.Content[JSONMediaType].Schema, registry: schemas.Registry,
		known: map[string]bool{}, limit: cmp.Or(op.BodyLimit, MaxBodyBytes), open: op.UncheckedBody,
	}
	schema := s.schema
	for schema.Ref != "" {
		schema = s.registry.SchemaFromRef(schema.Ref)
	}
	s.required = schema.Required
	for name := range schema.Properties {
		s.known[name] = true
	}
	return s
}

// read returns the body if it is one JSON value, declared as such, with fields that the
// operation knows. Invalid are the values that break the schema.
func (s *bodyShape) read(w http.ResponseWriter, r *http.Request) (body []byte, invalid, err error) {
	if err = checkMedia(r.Header); err != nil {
		return nil, nil, err
	}
	body, err = readBounded(w, r, s.limit)
	switch {
	case err != nil:
		return nil, nil, err
	case len(bytes.TrimSpace(body)) == 0:
		return nil, nil, ErrBodyMissing
	case s.open:
		return body, nil, scan(r.Context(), body, 0, nil)
	}
	invalid, err = s.check(r.Context(), body)
	return body, invalid, err
}

// checkMedia rejects a body that is declared as something else than JSON in UTF-8 without a
// content coding. A body without Content-Type counts as JSON.
func checkMedia(h http.Header) error {
	if codings, coded := h["Content-Encoding"]; coded && !identity(codings) {
		return ErrUnsupportedCoding
	}
	types := h["Content-Type"]
	if len(types) == 0 || len(types) == 1 && types[0] == JSONMediaType {
		return nil
	}
	mediaType, parameters, err := mime.ParseMediaType(types[0])
	if len(types) != 1 || err != nil || mediaType != JSONMediaType || !isUTF8(parameters["charset"]) {
		return ErrUnsupportedMediaType
	}
	return nil
}

// isUTF8 reports whether a charset is UTF-8, a part of it, or not given: that is the only
// encoding of JSON between systems (RFC 8259, section 8.1).
func isUTF8(charset string) bool {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii":
		return true
	}
	return false
}

// identity reports whether a Content-Encoding names no coding.
func identity(codings []string) bool {
	for coding := range strings.SplitSeq(strings.Join(codings, ","), ",") {
		if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
			return false
		}
	}
	return true
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

// check names every field that is unknown as it is written, and every required one that
// is missing; without any, it validates the values. A body that is no object has no
// fields, and the schema rejects it.
func (s *bodyShape) check(ctx context.Context, body []byte) (invalid, err error) {
	var faults fault.Collector
	missing := slices.Clone(s.required)
	values := &tree{onName: func(name string) {
		missing = slices.DeleteFunc(missing, func(required string) bool { return required == name })
		switch {
		case s.known[name]:
		case faults.Full():
			faults.Omit(1)
		default:
			faults.Bad(within(inBody, name), "unknown field")
		}
	}}
	if err := scan(ctx, body, maxBodyValues, values); err != nil {
		return nil, err
	}
	if _, object := values.root.(map[string]any); object {
		for _, name := range missing {
			faults.Bad(within(inBody, name), "is required")
		}
	}
	if faults.Any() {
		return nil, faults.Err()
	}
	return s.validate(values.root), nil
}

// validate returns the values that break the schema as one fault, or nil.
func (s *bodyShape) validate(value any) error {
	path, result := huma.NewPathBuffer(nil, 0), &huma.ValidateResult{}
	path.Push(inBody)
	huma.Validate(s.registry, s.schema, path, huma.ModeWriteToServer, value, result)
	var faults fault.Collector
	for _, err := range result.Errors {
		if detail, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			faults.Bad(detail.Location, plainRule(nil, detail.Location, detail.Message))
		}
	}
	return faults.Err()
}

// MaxDepth is how deep a body may nest.
const MaxDepth = 32

const (
	// MaxBodyValues is how many JSON values a body may contain whose fields the schema
	// checks: the longest metadata contain half as many.
	maxBodyValues = 64 << 10
	// ScanStride is how many tokens are read between two checks of the deadline.
	scanStride = 4096
)

// scan reads a body that must be one JSON value in UTF-8 (RFC 8259, I-JSON in
// its strictness: no repeated names, no lone surrogates), nested at most
// MaxDepth deep, of at most so many values; 0 is any number. It adds the tokens to a tree,
// if there is one. It ends with ctx, and then returns its error.
func scan(ctx context.Context, body []byte, values int, to *tree) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	for n := 0; n == 0 || d.StackDepth() > 0; n++ {
		if n > 0 && n%scanStride == 0 && ctx.Err() != nil {
			return ctx.Err() //nolint:wrapcheck // becomes ErrDeadline, if it was the deadline
		}
		token, err := d.ReadToken()
		if err != nil {
			return syntaxFault(err, body, d.InputOffset())
		}
		if err := beyond(d, n, values); err != nil {
			return err
		}
		if to != nil {
			to.add(token, isName(d))
		}
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return ErrMalformedJSON.WithField(inBody, "must be one JSON value")
	}
	return nil
}

// beyond returns an error where a body exceeds its bounds at the n-th token.
func beyond(d *jsontext.Decoder, n, values int) error {
	switch {
	case d.StackDepth() > MaxDepth:
		return ErrTooDeep()
	case values > 0 && n > 2*values:
		return fault.Bad(inBody, "must contain at most "+strconv.Itoa(values)+" JSON values")
	}
	return nil
}

// ErrTooDeep rejects a body that nests deeper than MaxDepth.
func ErrTooDeep() error { return ErrMalformedJSON.WithField(inBody, "must be nested at most 32 deep") }

// isName reports whether the token that was read last names a member of an object, which
// counts names and values alike.
func isName(d *jsontext.Decoder) bool {
	kind, length := d.StackIndex(d.StackDepth())
	return kind == '{' && length%2 == 1
}

// tree builds the value of a body from its tokens, for validation.
type tree struct {
	// onName is called with the names of the outermost object.
	onName func(name string)
	root   any
	open   []container
}

// container is an array or an object that is being read.
type container struct {
	object map[string]any
	array  []any
	// name is that of the member whose value comes next.
	name string
}

func (t *tree) add(token jsontext.Token, name bool) {
	switch token.Kind() { //nolint:exhaustive // the rest is null: the decoder returns no invalid token
	case '{':
		t.open = append(t.open, container{object: map[string]any{}})
	case '[':
		t.open = append(t.open, container{array: []any{}})
	case '}', ']':
		t.close()
	case '"':
		if name {
			t.name(token.String())
		} else {
			t.put(token.String())
		}
	case '0':
		// Beyond the range of a double it is infinite, which breaks a rule of the schema.
		number, _ := strconv.ParseFloat(token.String(), 64)
		t.put(number)
	case 't', 'f':
		t.put(token.Bool())
	default:
		t.put(nil)
	}
}

func (t *tree) name(name string) {
	t.open[len(t.open)-1].name = name
	if len(t.open) == 1 {
		t.onName(name)
	}
}

func (t *tree) close() {
	last := t.open[len(t.open)-1]
	t.open = t.open[:len(t.open)-1]
	if last.object != nil {
		t.put(last.object)
	} else {
		t.put(last.array)
	}
}

func (t *tree) put(value any) {
	if len(t.open) == 0 {
		t.root = value
		return
	}
	last := &t.open[len(t.open)-1]
	if last.object != nil {
		last.object[last.name] = value
	} else {
		last.array = append(last.array, value)
	}
}

// byteOrderMark may not begin a JSON text that is sent (RFC 8259, section 8.1).
const byteOrderMark = "\uFEFF"

// syntaxFault locates a syntax error, and quotes nothing of the body.
func syntaxFault(err error, body []byte, offset int64) error {
	if bytes.HasPrefix(body, []byte(byteOrderMark)) {
		return ErrMalformedJSON.WithField(inBody, "begins with a byte order mark (U+FEFF); send the JSON without it")
	}
	location := inBody
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		offset = syntactic.ByteOffset
		location = placeOf(syntactic.JSONPointer)
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return ErrMalformedJSON.WithField(location, "duplicate field")
	}
	return ErrMalformedJSON.WithField(location, "is not valid JSON in UTF-8, at byte "+strconv.FormatInt(offset, 10))
}

// isIndex reports whether a part of a pointer is written as the place in an array.
func isIndex(name string) bool {
	return name != "" && strings.Trim(name, "0123456789") == "" && (name == "0" || name[0] != '0')
}

// placeOf turns a JSON pointer into a location, as far as its names can be shown.
func placeOf(pointer jsontext.Pointer) string {
	location := inBody
	for name := range pointer.Tokens() {
		next := within(location, name)
		if isIndex(name) {
			next = location + "[" + name + "]"
		}
		if next == location || len(next) > fault.MaxFieldNameBytes {
			break
		}
		location = next
	}
	return location
}
