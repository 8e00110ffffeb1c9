package rest

import "github.com/danielgtaylor/huma/v2"

// The parts of a request, as the document and problems name them.
const (
	inBody   = "body"
	inQuery  = "query"
	inPath   = "path"
	inHeader = "header"
)

// MaxVersion is the greatest whole number that every JSON reader represents exactly.
const MaxVersion = 1 << 53

// PathParam describes a value in the path.
func PathParam(name, description string) *huma.Param {
	return &huma.Param{Name: name, In: inPath, Required: true, Schema: stringSchema(), Description: description}
}

// QueryString describes a query parameter.
func QueryString(name, description string) *huma.Param {
	return &huma.Param{Name: name, In: inQuery, Schema: stringSchema(), Description: description}
}

// RequiredQuery describes a query parameter that must be given.
func RequiredQuery(name, description string) *huma.Param {
	return &huma.Param{Name: name, In: inQuery, Required: true, Schema: stringSchema(), Description: description}
}

// QueryEnum describes a query parameter with fixed values.
func QueryEnum(name, description string, values ...string) *huma.Param {
	p := QueryString(name, description)
	for _, value := range values {
		p.Schema.Enum = append(p.Schema.Enum, value)
	}
	return p
}

// QueryInt describes a query parameter that is a whole number within bounds.
func QueryInt(name string, low, high float64, description string) *huma.Param {
	return &huma.Param{Name: name, In: inQuery, Description: description, Schema: &huma.Schema{
		Type: huma.TypeInteger, Format: "int64", Minimum: &low, Maximum: &high,
	}}
}

// QueryBool describes a query parameter that is true or false.
func QueryBool(name, description string) *huma.Param {
	return &huma.Param{Name: name, In: inQuery, Description: description, Schema: &huma.Schema{Type: huma.TypeBoolean}}
}

// HeaderParam describes a header of a request.
func HeaderParam(name, description string) *huma.Param {
	return &huma.Param{Name: name, In: inHeader, Schema: stringSchema(), Description: description}
}

// MinVersionParam describes the parameter that Input.MinVersion reads.
func MinVersionParam() *huma.Param {
	return QueryInt("min_version", 1, MaxVersion,
		"Require at least this version; otherwise 412 with the current one")
}

// AsOfParams describe the parameters that Input.Version and Input.At read, and
// If-None-Match.
func AsOfParams() []*huma.Param {
	return []*huma.Param{
		QueryInt("version", 1, MaxVersion, "The value of this version"),
		{
			Name: "at", In: inQuery, Description: "The value at this time (RFC 3339); not together with version",
			Schema: &huma.Schema{Type: huma.TypeString, Format: "date-time"},
		},
		HeaderParam("If-None-Match", "ETags cached by the client, or *"),
	}
}

func minRevisionParameter() *huma.Param {
	return QueryInt("min_revision", 0, MaxVersion,
		"Require at least this revision of the feed: waits up to two seconds, else 412")
}

func stringSchema() *huma.Schema { return &huma.Schema{Type: huma.TypeString} }
