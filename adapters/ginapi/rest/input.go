package rest

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/openapi"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// reader reads the requests of one operation strictly.
type reader struct {
	path []string
	// query maps to whether a parameter must not be empty.
	query map[string]bool
	// headers are those with a bound, texts the bounds by name.
	headers []string
	texts   map[string]openapi.Text
	body    *bodyShape
}

// newReader takes from an operation's document what its requests may hold.
func newReader(op Operation, doc *huma.Operation, schemas *openapi.Schemas, texts map[string]openapi.Text) reader {
	in := reader{query: map[string]bool{}, headers: headersOf(doc), texts: texts}
	for _, p := range doc.Parameters {
		switch p.In {
		case inPath:
			in.path = append(in.path, p.Name)
		case inQuery:
			in.query[p.Name] = p.Schema.Type != huma.TypeString
		}
	}
	if doc.RequestBody != nil {
		in.body = newBodyShape(op, doc, schemas)
	}
	return in
}

// Input is the parsed parameters and body of a request.
type Input struct {
	reader *reader
	path   []string
	query  url.Values
	body   []byte
	// invalid are the values of the body that break its schema.
	invalid error
}

// Read reads the path, the query and the body.
func (in *Input) Read(c *gin.Context) (err error) {
	if in.path, err = readPath(c.Params); err != nil {
		return err
	}
	if err = in.ReadQuery(c.Request.URL.RawQuery); err != nil || in.reader.body == nil {
		return err
	}
	in.body, in.invalid, err = in.reader.body.read(c.Writer, c.Request)
	return err
}

// readPath unescapes by the rules of paths, in which + is a plus. No route has an empty
// value.
func readPath(params gin.Params) ([]string, error) {
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

// ReadQuery reads a query string. One that cannot be parsed is malformed; parameters that
// are unknown, repeated or empty numbers are all named.
func (in *Input) ReadQuery(raw string) error {
	if raw == "" {
		return nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return ErrMalformedQuery
	}
	var faults fault.Collector
	for _, name := range sortedNames(values) {
		if message := in.reader.queryFault(name, values[name]); message != "" {
			faults.Bad(within(inQuery, name), message)
		}
	}
	in.query = values
	return faults.Err()
}

func (in *reader) queryFault(name string, values []string) string {
	needed, known := in.query[name]
	switch {
	case !known:
		return "unknown parameter"
	case len(values) > 1:
		return "must be given once"
	case needed && values[0] == "":
		return "must not be empty"
	}
	return tooLong(in.texts, name, values[0])
}

func sortedNames(values url.Values) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Path returns a path value by the name that the document gives it.
func (in *Input) Path(name string) string {
	if i := slices.Index(in.reader.path, name); i >= 0 && i < len(in.path) {
		return in.path[i]
	}
	return ""
}

// Query returns a query parameter, or the empty string.
func (in *Input) Query(name string) string { return in.query.Get(name) }

// Given reports whether a query parameter is present, also an empty one.
func (in *Input) Given(name string) bool { return in.query.Has(name) }

// Require returns an error where a query parameter is missing or empty.
func (in *Input) Require(name string) error {
	if in.query.Get(name) == "" {
		return fault.Bad(name, "is required")
	}
	return nil
}

// Int returns a query parameter as a whole number within bounds.
func (in *Input) Int(name string, low, high int64) (int64, error) {
	n, err := strconv.ParseInt(in.query.Get(name), 10, 64)
	if err != nil || n < low || n > high {
		return 0, fault.Bad(name, "must be a whole number from "+strconv.FormatInt(low, 10)+" to "+
			strconv.FormatInt(high, 10))
	}
	return n, nil
}

// MinVersion returns the parameter min_version, or 0.
func (in *Input) MinVersion() (scope.Version, error) {
	if !in.Given("min_version") {
		return 0, nil
	}
	n, err := in.Int("min_version", 1, MaxVersion)
	return scope.Version(n), err
}

// Version returns the parameter version, or 0.
func (in *Input) Version() (scope.Version, error) {
	if !in.Given("version") {
		return 0, nil
	}
	n, err := strconv.ParseInt(in.query.Get("version"), 10, 64)
	if err != nil || n < 1 || n > MaxVersion {
		return 0, fault.Bad("version", "must be a whole number from 1 to 2^53")
	}
	return scope.Version(n), nil
}

// At returns the parameter at, or the zero time. Not every store can represent years
// outside those bounds, and nothing existed then.
func (in *Input) At() (time.Time, error) {
	if !in.Given("at") {
		return time.Time{}, nil
	}
	at, err := scope.ParseTime(in.query.Get("at"))
	at = at.UTC().Truncate(time.Microsecond)
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return time.Time{}, fault.Bad("at",
			"must be a time of RFC 3339 in the years 1970 to 9999, such as 2026-01-31T12:00:00Z; + is sent as %2B")
	}
	return at, nil
}

// Unescape returns a path value by the rules of paths. One that cannot be unescaped is
// returned as it is; it is no valid name.
func Unescape(value string) string {
	for i := range len(value) {
		if value[i] == '%' {
			plain, err := url.PathUnescape(value)
			if err != nil {
				return value
			}
			return plain
		}
	}
	return value
}
