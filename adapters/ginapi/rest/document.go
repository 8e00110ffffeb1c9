package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/yaml"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/openapi"
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
			Schemas: r.schemas.Registry,
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
	finishing := openapi.Finishing{Texts: r.texts, Examples: r.examples, Counted: r.counted}
	finished, err := finishing.Finish(encoded)
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

// PrefixSchemas puts a prefix before the names of the schemas of a package's types that do
// not have it: generated clients have all schemas in one namespace. T is a type of the package.
func PrefixSchemas[T any](r *Router, prefix string) {
	r.schemas.Prefix(reflect.TypeFor[T]().PkgPath(), prefix)
}

// SchemaTypes returns the schemas of the document with the types that they describe, by
// name.
func (r *Router) SchemaTypes() map[string]openapi.SchemaType { return r.schemas.Types() }

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

// describedProblems describes the failures of an operation: those named, and any other.
func (r *Router) describedProblems(statuses []int) map[string]*huma.Response {
	content := map[string]*huma.MediaType{problemMediaType: {Schema: r.schemas.Of(reflect.TypeFor[problemJSON]())}}
	responses := map[string]*huma.Response{"default": {Description: "Any other failure", Content: content}}
	for _, status := range statuses {
		responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: content}
	}
	return responses
}

// describedResponse describes a response.
func (r *Router) describedResponse(response Response) *huma.Response {
	described := &huma.Response{Description: http.StatusText(response.Status)}
	switch {
	case response.MediaType != "":
		described.Content = map[string]*huma.MediaType{response.MediaType: {Schema: stringSchema()}}
	case response.Type != nil:
		described.Content = map[string]*huma.MediaType{JSONMediaType: {Schema: r.schemas.Of(response.Type)}}
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

// DescribedBy returns the type of the schema.
func (Raw[T]) DescribedBy() reflect.Type { return reflect.TypeFor[T]() }
