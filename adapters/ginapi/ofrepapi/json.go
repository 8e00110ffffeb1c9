package ofrepapi

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
)

// ofrepRequestJSON is the body of both calls; other members are ignored.
type ofrepRequestJSON struct {
	_       struct{}       `additionalProperties:"true"`
	Context map[string]any `json:"context,omitzero" nullable:"true" doc:"Attributes; a rollout needs targetingKey"`
}

// ofrepFlagJSON is what a context gets of a flag.
type ofrepFlagJSON struct {
	Key      string         `json:"key"`
	Reason   string         `json:"reason" enum:"STATIC,DEFAULT,TARGETING_MATCH,SPLIT,DISABLED,UNKNOWN"`
	Variant  string         `json:"variant" doc:"Empty where there is no value"`
	Value    any            `json:"value,omitzero" doc:"Left out where a disabled flag has no value"`
	Metadata map[string]any `json:"metadata" doc:"version, rule, flag_id, environment"`
}

// ofrepBulkJSON is what a context gets of all flags; a flag that fails stands in
// its place with errorCode and errorDetails.
type ofrepBulkJSON struct {
	Flags        []ofrepResult     `json:"flags" nullable:"false"`
	EventStreams []ofrepStreamJSON `json:"eventStreams" nullable:"false"` //nolint:tagliatelle // as OFREP calls it
}

// ofrepResult is a flag or its failure, for the document.
type ofrepResult struct{}

// Schema returns the schema of either.
func (ofrepResult) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[ofrepFlagJSON](), true, ""), r.Schema(reflect.TypeFor[ofrepErrorJSON](), true, ""),
	}}
}

// ofrepStreamJSON is where changes are announced.
type ofrepStreamJSON struct {
	Type     string            `json:"type" enum:"sse"`
	Endpoint ofrepEndpointJSON `json:"endpoint"`
}

type ofrepEndpointJSON struct {
	RequestURI string `json:"requestUri" doc:"Of the origin that was called"` //nolint:tagliatelle // as OFREP calls it
}

// ofrepErrorJSON is a failure of OFREP.
type ofrepErrorJSON struct {
	Key          string `json:"key,omitzero" maxLength:"20480" doc:"On the call for one flag, as it was sent"`
	ErrorCode    string `json:"errorCode" enum:"PARSE_ERROR,TARGETING_KEY_MISSING,INVALID_CONTEXT,FLAG_NOT_FOUND,GENERAL"` //nolint:tagliatelle // as OFREP calls it
	ErrorDetails string `json:"errorDetails"`                                                                              //nolint:tagliatelle // as OFREP calls it
}

// appendBulk encodes the decisions for all flags of a snapshot, as the first member of an
// object. It sends a long buffer, and fails when the request's deadline is exceeded.
func appendBulk(to []byte, all *flagapp.Evaluations, out *rest.Chunks) ([]byte, error) {
	to = append(to, `{"flags":[`...)
	var e flagapp.Evaluated
	for i := range all.Len() {
		if i > 0 {
			to = append(out.Spill(to), ',')
		}
		if err := all.At(i, &e); err != nil {
			return to, err
		}
		if err := e.Err(); err != nil {
			to = appendFailure(to, e.Name, fault.Of(err))
		} else {
			to = appendDecision(to, e.Flag, &e.Decision)
		}
	}
	return append(to, "],"...), nil
}

// appendDecision encodes a decision. Names need no escapes.
func appendDecision(to []byte, f *flag.Compiled, d *flag.Decision) []byte {
	to = append(append(to, `{"key":"`...), f.Name()...)
	to = append(append(to, `","reason":"`...), d.Reason.String()...)
	if d.Variant == nil {
		to = append(to, `","variant":"","metadata":{"version":`...)
	} else {
		to = append(append(to, `","variant":"`...), d.Variant.Name...)
		to = append(append(to, `","value":`...), d.Variant.JSON()...)
		to = append(to, `,"metadata":{"version":`...)
	}
	to = strconv.AppendInt(to, int64(d.Version), 10)
	if d.Rule != "" {
		to = append(append(append(to, `,"rule":"`...), d.Rule...), '"')
	}
	to = strconv.AppendInt(append(to, `,"flag_id":`...), int64(f.ID()), 10)
	to = append(append(to, `,"environment":"`...), f.Environment()...)
	return append(to, `"}}`...)
}

// describe returns the response for a failure.
func describe(r *http.Request, f *fault.Error) rest.Failure {
	return rest.Failure{
		Status: statusOf(f), MediaType: rest.JSONMediaType, Body: appendFailure(nil, keyOf(r.URL), f),
	}
}

// appendFailure encodes a failure, of one flag if there is a key.
func appendFailure(to []byte, key string, f *fault.Error) []byte {
	to = append(to, '{')
	if key != "" {
		to = append(rest.AppendQuoted(append(to, `"key":`...), key), ',')
	}
	to = append(append(append(to, `"errorCode":"`...), codeOf(f)...), '"')
	to = rest.AppendMember(to, "errorDetails", detailsOf(f))
	return append(to, '}')
}

// codeOf is OpenFeature's code for a failure (specification, types, error code).
func codeOf(f *fault.Error) string {
	switch f.Code() {
	case flag.ErrNotFound.Code():
		return "FLAG_NOT_FOUND"
	case flag.ErrTargetingKeyMissing.Code():
		return "TARGETING_KEY_MISSING"
	case flag.ErrInvalidContext.Code():
		return "INVALID_CONTEXT"
	case rest.ErrMalformedJSON.Code(), rest.ErrBodyIncomplete.Code(), flag.ErrDamaged.Code():
		return "PARSE_ERROR"
	}
	return "GENERAL"
}

// statusOf is the status of a failure: input that cannot be used, and a flag that
// cannot be read, are 400, for which alone clients read the body.
func statusOf(f *fault.Error) int {
	if f.Kind() == fault.Invalid || f.Code() == flag.ErrDamaged.Code() {
		return rest.Status(fault.Malformed)
	}
	return rest.Status(f.Kind())
}

// detailsOf is a sentence, which for internal failures says no more than that.
func detailsOf(f *fault.Error) string {
	details := f.Message()
	if f.Code() == access.ErrForbidden.Code() || f.Kind() == fault.Internal {
		return details
	}
	sentences := []string{details}
	if f.Code() == fault.ErrInvalid.Code() && len(f.Fields()) > 0 {
		sentences[0] = "The request is invalid:" // there is no list of errors to refer to
	}
	for _, field := range f.Fields() {
		sentences = append(sentences, field.Name+" "+field.Message+".")
	}
	return strings.Join(sentences, " ")
}
