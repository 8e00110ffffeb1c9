package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Document is an OpenAPI document of version 3.1. It is safe for concurrent use.
type Document struct {
	root  map[string]any
	paths []template

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

// template is a path of the document.
type template struct {
	path     string
	segments []string
}

const resource = "openapi.json"

// Parse reads a document.
func Parse(text []byte) (*Document, error) {
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("parse the document: %w", err)
	}
	object, ok := root.(map[string]any)
	if !ok {
		return nil, errors.New("the document is no object")
	}
	d := &Document{root: object, compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(resource, root); err != nil {
		return nil, fmt.Errorf("add the document: %w", err)
	}
	for path := range member(object, "paths") {
		d.paths = append(d.paths, template{path: path, segments: strings.Split(strings.Trim(path, "/"), "/")})
	}
	return d, nil
}

func member(of map[string]any, name string) map[string]any {
	value, _ := of[name].(map[string]any)
	return value
}

// Exchange is a request with its response.
type Exchange struct {
	Method string
	URL    *url.URL
	// Body and Response are complete; Response is nil for a stream.
	Body, Response []byte
	Status         int
	Header         http.Header
}

// Check returns what contradicts the document: the response, and the request if it was
// accepted. Paths that the document leaves out, such as /docs, are not checked.
func (d *Document) Check(e Exchange) error {
	path, item := d.find(e.URL.EscapedPath())
	if item == nil {
		return nil
	}
	method := strings.ToLower(e.Method)
	if method == "head" {
		method, e.Response = "get", nil
	}
	operation := member(item, method)
	if operation == nil {
		if e.Status < http.StatusBadRequest && method != "options" {
			return fmt.Errorf("%s %s is %d, and not in the document", e.Method, path, e.Status)
		}
		return nil
	}
	at := "/paths/" + escape(path) + "/" + method
	if err := d.checkResponse(at, operation, e); err != nil {
		return fmt.Errorf("%s %s: response %d: %w", e.Method, path, e.Status, err)
	}
	if e.Status >= http.StatusMultipleChoices {
		return nil
	}
	if err := d.checkRequest(at, operation, e); err != nil {
		return fmt.Errorf("%s %s: accepted request: %w", e.Method, path, err)
	}
	return nil
}

// find returns the template of a path, with the most literal segments.
func (d *Document) find(path string) (string, map[string]any) {
	path = strings.Replace(path, "/api/v1/services", "/api/v1/registry", 1)
	if rest, ok := strings.CutPrefix(path, "/environments/"); ok {
		_, after, _ := strings.Cut(rest, "/")
		path = "/" + after
	}
	segments := strings.Split(strings.Trim(path, "/"), "/")
	best, literal := "", -1
	for _, t := range d.paths {
		if n := t.match(segments); n > literal {
			best, literal = t.path, n
		}
	}
	if literal < 0 {
		return "", nil
	}
	return best, member(member(d.root, "paths"), best)
}

// match returns the number of literal segments, or -1.
func (t template) match(segments []string) int {
	if len(segments) != len(t.segments) {
		return -1
	}
	literal := 0
	for i, s := range t.segments {
		switch {
		case strings.HasPrefix(s, "{"):
		case s == segments[i]:
			literal++
		default:
			return -1
		}
	}
	return literal
}

// CheckBody returns what contradicts the document in the body of a request to a path of the
// document.
func (d *Document) CheckBody(method, path string, body []byte) error {
	return d.validate("/paths/"+escape(path)+"/"+method+"/requestBody/content/application~1json/schema", body)
}

func (d *Document) checkResponse(at string, operation map[string]any, e Exchange) error {
	responses := member(operation, "responses")
	key := strconv.Itoa(e.Status)
	if responses[key] == nil {
		key = "default"
	}
	response := member(responses, key)
	if response == nil {
		return errors.New("the status is not in the document")
	}
	if err := checkHeaders(response, e); err != nil {
		return err
	}
	content := member(response, "content")
	if len(e.Response) == 0 {
		return nil
	}
	if content == nil {
		return errors.New("there is a body, and none in the document")
	}
	mediaType, _, _ := strings.Cut(e.Header.Get("Content-Type"), ";")
	if content[mediaType] == nil {
		return fmt.Errorf("the media type %q is not in the document", mediaType)
	}
	if !strings.HasSuffix(mediaType, "json") {
		return nil
	}
	return d.validate(at+"/responses/"+key+"/content/"+escape(mediaType)+"/schema", e.Response)
}

// checkHeaders checks that the headers of a response are in the document, but for those that
// every response may have. Of failures it checks those of limits on 429.
func checkHeaders(response map[string]any, e Exchange) error {
	if e.Status >= http.StatusBadRequest && e.Status != http.StatusTooManyRequests {
		return nil
	}
	for name := range e.Header {
		limits := strings.HasPrefix(name, "Ratelimit") || name == "Retry-After"
		if e.Status == http.StatusTooManyRequests && !limits || slices.Contains(common(), name) ||
			strings.HasPrefix(name, "Access-Control-") {
			continue
		}
		declared := false
		for header := range member(response, "headers") {
			declared = declared || http.CanonicalHeaderKey(header) == name
		}
		if !declared {
			return fmt.Errorf("the header %s is not in the document", name)
		}
	}
	return nil
}

// common are the headers that the document leaves out: those of HTTP itself, of caches and
// browsers, and the request's id.
func common() []string {
	return []string{
		"Cache-Control", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Date", "Transfer-Encoding",
		"Vary", "X-Accel-Buffering", "X-Request-Id",
		"Content-Security-Policy", "Referrer-Policy", "Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options",
	}
}

func (d *Document) checkRequest(at string, operation map[string]any, e Exchange) error {
	if err := d.checkQuery(at, operation, e.URL.Query()); err != nil {
		return err
	}
	if len(bytes.TrimSpace(e.Body)) == 0 || member(operation, "requestBody") == nil {
		return nil
	}
	return d.validate(at+"/requestBody/content/application~1json/schema", e.Body)
}

// checkQuery checks that the parameters are those of the operation.
func (d *Document) checkQuery(at string, operation map[string]any, query url.Values) error {
	list, _ := operation["parameters"].([]any)
	for name, values := range query {
		found := false
		for i, p := range list {
			parameter, _ := p.(map[string]any)
			if parameter["in"] != "query" || parameter["name"] != name {
				continue
			}
			found = true
			schema := at + "/parameters/" + strconv.Itoa(i) + "/schema"
			if err := d.validateValue(schema, typed(member(parameter, "schema"), values[0])); err != nil {
				return fmt.Errorf("query %s: %w", name, err)
			}
		}
		if !found {
			return fmt.Errorf("the query parameter %s is not in the document", name)
		}
	}
	return nil
}

// typed returns the value of a parameter as its schema has it.
func typed(schema map[string]any, text string) any {
	switch schema["type"] {
	case "integer", "number":
		if v, err := jsonschema.UnmarshalJSON(strings.NewReader(text)); err == nil {
			return v
		}
	case "boolean":
		if v, err := strconv.ParseBool(text); err == nil {
			return v
		}
	}
	return text
}

func (d *Document) validate(pointer string, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("no JSON: %w", err)
	}
	return d.validateValue(pointer, value)
}

func (d *Document) validateValue(pointer string, value any) error {
	schema, err := d.schema(pointer)
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

func (d *Document) schema(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.compiled[pointer]; s != nil {
		return s, nil
	}
	s, err := d.compiler.Compile(resource + "#" + url.PathEscape(pointer))
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", pointer, err)
	}
	d.compiled[pointer] = s
	return s, nil
}

// escape writes a name as a part of a JSON pointer (RFC 6901).
func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
