package ginapi

import (
	"net/url"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// intake reads the requests of one operation strictly, before anything looks at
// what they mean.
type intake struct {
	path  []string
	query map[string]bool
	body  *bodyShape
}

// input is what an intake has read.
type input struct {
	names, path []string
	query       url.Values
	body        []byte
}

// newIntake takes from an operation's document what its requests may hold. The
// query parameters that map to true may not be empty.
func newIntake(op *huma.Operation, schemas huma.Registry) intake {
	in := intake{query: map[string]bool{}}
	for _, p := range op.Parameters {
		switch p.In {
		case "path":
			in.path = append(in.path, p.Name)
		case inQuery:
			in.query[p.Name] = p.Schema.Type != huma.TypeString
		}
	}
	if op.RequestBody != nil {
		in.body = newBodyShape(op, schemas)
	}
	return in
}

func (in intake) read(c *gin.Context) (input, error) {
	path, err := in.readPath(c.Params)
	if err != nil {
		return input{}, err
	}
	query, err := in.readQuery(c.Request.URL.RawQuery)
	if err != nil {
		return input{}, err
	}
	var body []byte
	if in.body != nil {
		body, err = in.body.read(c.Writer, c.Request)
	}
	return input{names: in.path, path: path, query: query, body: body}, err
}

// readPath unescapes by the rules of paths, in which + is a plus. Nothing is at
// a path with an empty value.
func (in intake) readPath(params gin.Params) ([]string, error) {
	values := make([]string, len(params))
	for i, p := range params {
		value, err := url.PathUnescape(p.Value)
		switch {
		case err != nil:
			return nil, ErrMalformedPath
		case value == "":
			return nil, ErrRouteNotFound
		}
		values[i] = value
	}
	return values, nil
}

// readQuery takes the query string apart. One that cannot be is malformed;
// parameters that are unknown, repeated or empty numbers are all named.
func (in intake) readQuery(raw string) (url.Values, error) {
	if raw == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, ErrMalformedQuery
	}
	var faults fault.Collector
	for _, name := range sortedNames(values) {
		if message := in.queryFault(name, values[name]); message != "" {
			faults.Bad(within(inQuery, name), message)
		}
	}
	return values, faults.Err()
}

func (in intake) queryFault(name string, values []string) string {
	needed, known := in.query[name]
	switch {
	case !known:
		return "is no parameter of this operation"
	case len(values) > 1:
		return "may be given once"
	case needed && values[0] == "":
		return "may not be empty"
	}
	return ""
}

func sortedNames(values url.Values) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// param returns a path value by the name that the document gives it.
func (in input) param(name string) string {
	if i := slices.Index(in.names, name); i >= 0 && i < len(in.path) {
		return in.path[i]
	}
	return ""
}

// given reports whether a query parameter is there, also an empty one.
func (in input) given(name string) bool { return in.query.Has(name) }
