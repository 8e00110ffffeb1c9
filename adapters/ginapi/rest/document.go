package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/yaml"
)

// document is the OpenAPI document in both forms.
type document struct{ json, yaml []byte }

// newDocument returns the OpenAPI document before any operation.
func (r *Router) newDocument() *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:   "Signalbox",
			Version: r.options.Version,
			Description: "Provides running programs with their configuration, feature flags and the addresses " +
				"of other services. " +
				"Failures are problems of RFC 9457 with a stable code.",
		},
		Components: &huma.Components{
			Schemas: r.schemas.registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {
					Type: "http", Scheme: "bearer", BearerFormat: "sbx_…", Description: "Authorization: Bearer <key>",
				},
				"api_key": {
					Type: "apiKey", In: inHeader, Name: "Authorization", Description: "Authorization: ApiKey <key>",
				},
				"x_api_key": {Type: "apiKey", In: inHeader, Name: "X-API-Key"},
			},
		},
	}
}

// declareTag adds a tag to the document when the first operation has it.
func (r *Router) declareTag(name string) {
	r.DescribeTag(name, "")
}

// DescribeTag adds a tag to the document, or its description.
func (r *Router) DescribeTag(name, description string) {
	doc := r.huma.OpenAPI()
	i := slices.IndexFunc(doc.Tags, func(t *huma.Tag) bool { return t.Name == name })
	switch {
	case i < 0:
		doc.Tags = append(doc.Tags, &huma.Tag{Name: name, Description: description})
	case description != "":
		doc.Tags[i].Description = description
	}
}

// render encodes the document. Maps are encoded in the order of their keys.
func (r *Router) render() (document, error) {
	encoded, err := json.Marshal(r.huma.OpenAPI())
	if err != nil {
		return document{}, fmt.Errorf("encode document: %w", err)
	}
	finished, err := r.finish(encoded)
	if err != nil {
		return document{}, fmt.Errorf("finish document: %w", err)
	}
	var pretty, plain bytes.Buffer
	encoder := json.NewEncoder(&pretty)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(finished); err != nil {
		return document{}, fmt.Errorf("encode document: %w", err)
	}
	if err := yaml.Convert(&plain, bytes.NewReader(pretty.Bytes())); err != nil {
		return document{}, fmt.Errorf("convert document to YAML: %w", err)
	}
	return document{json: pretty.Bytes(), yaml: plain.Bytes()}, nil
}

const schemaPrefix = "#/components/schemas/"

// schemas makes the schemas of the document from Go types. It adds to huma's what huma
// leaves out: the members of embedded structs that are not exported, and null where a
// pointer may be nil.
type schemas struct {
	registry huma.Registry
	// flat names the types that stand for types with embedded structs.
	flat map[reflect.Type]string
	// prepared are the types that were looked through, completed the schemas.
	prepared  map[reflect.Type]bool
	completed map[string]bool
	// prefixes are of the names of schemas, by the packages of their types.
	prefixes map[string]string
	// types are the structs that schemas were made from, by the names of the schemas.
	types map[string]reflect.Type
}

func newSchemas() *schemas {
	s := &schemas{
		flat: map[reflect.Type]string{}, prepared: map[reflect.Type]bool{}, completed: map[string]bool{},
		types: map[string]reflect.Type{}, prefixes: map[string]string{},
	}
	s.registry = huma.NewMapRegistry(schemaPrefix, s.name)
	return s
}

// name names the schema of a type as the type, without JSON at its end.
func (s *schemas) name(t reflect.Type, hint string) string {
	plain := t
	for plain.Kind() == reflect.Pointer {
		plain = plain.Elem()
	}
	if name, ok := s.flat[plain]; ok {
		return name
	}
	name := strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "JSON")
	if prefix := s.prefixes[plain.PkgPath()]; !strings.Contains(name, prefix) {
		return prefix + name
	}
	return name
}

// PrefixSchemas puts a prefix before the names of the schemas of a package's types that do
// not have it: generated clients have all schemas in one namespace. T is a type of the package.
func PrefixSchemas[T any](r *Router, prefix string) {
	r.schemas.prefixes[reflect.TypeFor[T]().PkgPath()] = prefix
}

// SchemaTypes returns the schemas of the document with the types that they describe, by
// name.
func (r *Router) SchemaTypes() map[string]SchemaType {
	described := map[string]SchemaType{}
	for name, schema := range r.schemas.registry.Map() {
		described[name] = SchemaType{Schema: schema, Type: r.schemas.types[name]}
	}
	return described
}

// SchemaType is a schema with the type that it describes.
type SchemaType struct {
	Schema *huma.Schema
	Type   reflect.Type
}

// of returns the schema of a type, as a reference where it has a name.
func (s *schemas) of(t reflect.Type) *huma.Schema {
	s.prepare(t, "")
	return s.registry.Schema(t, true, "")
}

// described is a type whose schema is that of another type, as Raw is.
type described interface{ describedBy() reflect.Type }

// prepare replaces each type within t that embeds structs by one that has their fields.
// Hint names a type without a name, as huma does.
func (s *schemas) prepare(t reflect.Type, hint string) {
	if s.prepared[t] {
		return
	}
	s.prepared[t] = true
	if d, ok := reflect.TypeAssert[described](reflect.Zero(t)); ok && t.Kind() == reflect.Struct {
		s.prepare(d.describedBy(), "")
		return
	}
	switch t.Kind() { //nolint:exhaustive // other kinds hold no types
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		s.prepare(t.Elem(), hint)
	case reflect.Struct:
		s.types[s.name(t, hint)] = t
		embeds := false
		for field := range t.Fields() {
			s.prepare(field.Type, t.Name()+field.Name+"Struct")
			embeds = embeds || field.Anonymous && !field.IsExported()
		}
		if embeds {
			flat := reflect.StructOf(flatten(t, nil, false))
			s.flat[flat] = s.name(t, "")
			s.registry.RegisterTypeAlias(t, flat)
		}
	}
}

// flatten returns the fields of a struct, its own before those that it embeds. Fields of
// a pointer that may be nil are not required.
func flatten(t reflect.Type, fields []reflect.StructField, optional bool) []reflect.StructField {
	var embedded []reflect.Type
	for field := range t.Fields() {
		known := slices.ContainsFunc(fields, func(f reflect.StructField) bool { return f.Name == field.Name })
		switch {
		case field.Anonymous && field.Tag.Get("json") == "":
			embedded = append(embedded, field.Type)
		case field.IsExported() && !known:
			if optional {
				field.Tag += ` required:"false"`
			}
			fields = append(fields, reflect.StructField{Name: field.Name, Type: field.Type, Tag: field.Tag})
		}
	}
	for _, e := range embedded {
		if e.Kind() == reflect.Pointer {
			fields = flatten(e.Elem(), fields, true)
		} else {
			fields = flatten(e, fields, optional)
		}
	}
	return fields
}

// complete adds null to what may be a nil pointer, in all schemas that are new. It
// forgets the error model that huma registers and this API never sends.
func (s *schemas) complete() {
	all := s.registry.Map()
	delete(all, "ErrorModel")
	delete(all, "ErrorDetail")
	for name, schema := range all {
		t := s.registry.TypeFromRef(schemaPrefix + name)
		if s.completed[name] || t == nil || t.Kind() != reflect.Struct {
			continue
		}
		s.completed[name] = true
		for field := range t.Fields() {
			member, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if property := schema.Properties[member]; property != nil && mayBeNull(field) {
				schema.Properties[member] = orNull(property)
			}
		}
	}
}

// mayBeNull reports whether a field may be null though huma does not say so.
func mayBeNull(field reflect.StructField) bool {
	tag := field.Tag.Get("json")
	if field.Type.Kind() != reflect.Pointer || strings.Contains(tag, ",omit") || field.Tag.Get("nullable") != "" {
		return false
	}
	return field.Type.Elem().Kind() == reflect.Struct
}

// orNull returns the schema of a value or null.
func orNull(s *huma.Schema) *huma.Schema {
	return &huma.Schema{
		Description: s.Description,
		AnyOf:       []*huma.Schema{{Ref: s.Ref, Type: s.Type, Properties: s.Properties}, {Type: "null"}},
	}
}

// problem is the schema of a failure as RFC 9457 has it. Facts beside the message are further
// members; those that programs act upon are described.
type problemJSON struct {
	_         struct{} `additionalProperties:"true"`
	Type      string   `json:"type" format:"uri" doc:"urn:signalbox:problem:, and the code"`
	Title     string   `json:"title" doc:"The name of the status"`
	Status    int      `json:"status"`
	Detail    string   `json:"detail,omitzero" doc:"A sentence for humans; left out for internal errors"`
	Code      string   `json:"code" doc:"Stable, for programs"`
	Errors    []Place  `json:"errors,omitzero" nullable:"false" doc:"At most 50 places; errors_omitted counts others"`
	RequestID string   `json:"request_id" doc:"What to quote when reporting it"`

	CurrentVersion  int64    `json:"current_version,omitzero" doc:"Of stale_version: the version to read and merge"`
	CurrentRevision int64    `json:"current_revision,omitzero" doc:"Of a min_revision that was not reached"`
	ID              int64    `json:"id,omitzero" doc:"Of already_exists: the resource to update"`
	RetryAfter      int64    `json:"retry_after,omitzero" doc:"Of rate_limited: the seconds in Retry-After"`
	Environments    []string `json:"environments,omitzero" nullable:"false" doc:"Of environment_required: the choices"`
}

// problems describes the failures of an operation: those named, and any other.
func (s *schemas) problems(statuses []int) map[string]*huma.Response {
	content := map[string]*huma.MediaType{problemMediaType: {Schema: s.of(reflect.TypeFor[problemJSON]())}}
	responses := map[string]*huma.Response{"default": {Description: "Any other failure", Content: content}}
	for _, status := range statuses {
		responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: content}
	}
	return responses
}

// response describes a response.
func (s *schemas) response(response Response) *huma.Response {
	described := &huma.Response{Description: http.StatusText(response.Status)}
	switch {
	case response.MediaType != "":
		described.Content = map[string]*huma.MediaType{response.MediaType: {Schema: stringSchema()}}
	case response.Type != nil:
		described.Content = map[string]*huma.MediaType{JSONMediaType: {Schema: s.of(response.Type)}}
	}
	for _, name := range response.Headers {
		if described.Headers == nil {
			described.Headers = map[string]*huma.Param{}
		}
		described.Headers[name] = &huma.Param{Schema: stringSchema()}
	}
	return described
}

// Raw is JSON that the domain reads and writes itself; the document describes it by T.
type Raw[T any] struct{ Text []byte }

// UnmarshalJSON keeps the value.
func (r *Raw[T]) UnmarshalJSON(text []byte) error {
	r.Text = slices.Clone(text)
	return nil
}

// MarshalJSON returns the value.
func (r Raw[T]) MarshalJSON() ([]byte, error) { return r.Text, nil }

// Schema returns how the document describes the value.
func (Raw[T]) Schema(r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }

func (Raw[T]) describedBy() reflect.Type { return reflect.TypeFor[T]() }
