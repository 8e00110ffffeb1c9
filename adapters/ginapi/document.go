package ginapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const schemaPrefix = "#/components/schemas/"

// document is the OpenAPI document in both its forms.
type document struct{ json, yaml []byte }

// newRegistry returns a registry in which a type's schema is named as the type,
// without the JSON that its name ends with here.
func newRegistry() huma.Registry {
	return huma.NewMapRegistry(schemaPrefix, func(t reflect.Type, hint string) string {
		return strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "JSON")
	})
}

// newDocument returns the OpenAPI document before any operation.
func (a *API) newDocument() *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:   "Signalbox",
			Version: a.options.Version,
			Description: "Tells running programs their configuration, and which feature flags are on for whom, and " +
				"where other services are. " +
				"Failures are problems of RFC 9457 with a stable code.",
		},
		Components: &huma.Components{
			Schemas: a.routes.schemas,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {
					Type: "http", Scheme: "bearer", BearerFormat: "sbx_…", Description: "Authorization: Bearer <key>",
				},
				"api_key": {
					Type: "apiKey", In: "header", Name: "Authorization", Description: "Authorization: ApiKey <key>",
				},
				"x_api_key": {Type: "apiKey", In: "header", Name: "X-API-Key"},
			},
		},
		Tags: []*huma.Tag{
			{Name: "configurations"}, {Name: "flags"}, {Name: "ofrep"}, {Name: "registry"}, {Name: "service"},
		},
	}
}

// keySecurity says that one of the forms of an API key is wanted.
func keySecurity() []map[string][]string {
	return []map[string][]string{{"bearer": {}}, {"api_key": {}}, {"x_api_key": {}}}
}

// operation returns an operation that needs a key, with what all of them share.
// Problems are the failures that are its own.
func (a *API) operation(tag, id, method, path, summary string, problems ...int) huma.Operation {
	problems = append([]int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity,
	}, problems...)
	return huma.Operation{
		OperationID: id,
		Method:      method,
		Path:        path,
		Summary:     summary,
		Tags:        []string{tag},
		Security:    keySecurity(),
		Responses:   a.problemResponses(problems...),
	}
}

// problemJSON is a failure as RFC 9457 has it. Facts beside the message, such as
// current_version, are further members.
type problemJSON struct {
	_         struct{} `additionalProperties:"true"`
	Type      string   `json:"type" format:"uri" doc:"urn:signalbox:problem:, and the code"`
	Title     string   `json:"title" doc:"The name of the status"`
	Status    int      `json:"status"`
	Detail    string   `json:"detail,omitzero" doc:"A sentence for people; left out where the failure is ours"`
	Code      string   `json:"code" doc:"Stable, for programs"`
	Errors    []place  `json:"errors,omitzero" nullable:"false" doc:"At most 50 places; errors_omitted counts others"`
	RequestID string   `json:"request_id" doc:"What to quote when reporting it"`
}

// problemResponses documents the failures of an operation: those named, and any
// other.
func (a *API) problemResponses(statuses ...int) map[string]*huma.Response {
	content := map[string]*huma.MediaType{problemMediaType: {
		Schema: a.routes.schemas.Schema(reflect.TypeFor[problemJSON](), true, ""),
	}}
	responses := map[string]*huma.Response{"default": {Description: "Any other failure", Content: content}}
	for _, status := range statuses {
		responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: content}
	}
	return responses
}

// jsonResponse documents an answer that huma does not know of by itself.
func (a *API) jsonResponse(status int, body reflect.Type, headers ...string) *huma.Response {
	r := &huma.Response{
		Description: http.StatusText(status),
		Content:     map[string]*huma.MediaType{jsonMediaType: {Schema: a.routes.schemas.Schema(body, true, "")}},
		Headers:     map[string]*huma.Param{},
	}
	for _, name := range headers {
		r.Headers[name] = &huma.Param{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return r
}

// requestBody documents a body that huma does not know of by itself.
func (a *API) requestBody(body reflect.Type) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		jsonMediaType: {Schema: a.routes.schemas.Schema(body, true, "")},
	}}
}

// forgetLibrarySchemas drops the error model that huma registers and this API
// never sends.
func (a *API) forgetLibrarySchemas() {
	delete(a.routes.schemas.Map(), "ErrorModel")
	delete(a.routes.schemas.Map(), "ErrorDetail")
}

// render writes the document down. Maps are written in the order of their keys.
func (a *API) render() (document, error) {
	compact, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		return document{}, fmt.Errorf("encode document: %w", err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, compact, "", "  "); err != nil {
		return document{}, fmt.Errorf("indent document: %w", err)
	}
	pretty.WriteByte('\n')
	yaml, err := a.huma.OpenAPI().YAML()
	if err != nil {
		return document{}, fmt.Errorf("convert document to YAML: %w", err)
	}
	return document{json: pretty.Bytes(), yaml: yaml}, nil
}
