package ginapi

import (
	"strconv"
	"strings"

	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
)

// ofrepRequestJSON is the body of both calls; other members are passed over.
type ofrepRequestJSON struct {
	_       struct{}       `additionalProperties:"true"`
	Context map[string]any `json:"context,omitzero" doc:"Attributes; targetingKey is needed where a rollout is reached"`
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
	Flags        []ofrepFlagJSON   `json:"flags" nullable:"false"`
	EventStreams []ofrepStreamJSON `json:"eventStreams" nullable:"false"` //nolint:tagliatelle // as OFREP calls it
}

// ofrepStreamJSON is where to hear of changes.
type ofrepStreamJSON struct {
	Type     string `json:"type" enum:"sse"`
	Endpoint struct {
		RequestURI string `json:"requestUri" doc:"Of the origin that was called"` //nolint:tagliatelle // as OFREP calls it
	} `json:"endpoint"`
}

// ofrepErrorJSON is a failure of OFREP.
type ofrepErrorJSON struct {
	Key          string `json:"key,omitzero" doc:"On the call for one flag"`
	ErrorCode    string `json:"errorCode" enum:"PARSE_ERROR,TARGETING_KEY_MISSING,INVALID_CONTEXT,FLAG_NOT_FOUND,GENERAL"` //nolint:tagliatelle // as OFREP calls it
	ErrorDetails string `json:"errorDetails"`                                                                              //nolint:tagliatelle // as OFREP calls it
}

// appendBulk writes what the context gets of all flags of a snapshot, as the first
// member of an object that goes on. What is much is sent on the way. It fails where
// the time does not suffice.
func appendBulk(to []byte, s *flagapp.Snapshot, b *evaluationBody, out *spill) ([]byte, error) {
	to = append(to, `{"flags":[`...)
	for i, f := range s.All() {
		if i > 0 {
			to = append(out.over(to), ',')
		}
		d := flag.Evaluate(f, &b.context)
		if d.Reason == flag.Late {
			return to, d.Err()
		}
		if err := d.Err(); err != nil {
			to = appendOFREPError(to, f.Name(), true, fault.Of(err))
			continue
		}
		to = appendOFREP(to, f, d)
	}
	for i, name := range s.Damaged() {
		if i > 0 || len(s.All()) > 0 {
			to = append(to, ',')
		}
		to = appendOFREPError(to, name, true, flag.ErrDamaged)
	}
	return append(to, "],"...), nil
}

// appendOFREP writes a decision. Names need no escapes.
func appendOFREP(to []byte, f *flag.Compiled, d flag.Decision) []byte {
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

func appendOFREPError(to []byte, key string, keyed bool, f *fault.Error) []byte {
	to = append(to, '{')
	if keyed {
		to = append(appendQuoted(append(to, `"key":`...), key), ',')
	}
	to = append(append(append(to, `"errorCode":"`...), ofrepCode(f)...), '"')
	to = appendMember(to, "errorDetails", ofrepDetails(f))
	return append(to, '}')
}

// ofrepCode is OpenFeature's code for a failure (specification, types, error code).
func ofrepCode(f *fault.Error) string {
	switch f.Code() {
	case flag.ErrNotFound.Code():
		return "FLAG_NOT_FOUND"
	case flag.ErrTargetingKeyMissing.Code():
		return "TARGETING_KEY_MISSING"
	case flag.ErrInvalidContext.Code():
		return "INVALID_CONTEXT"
	case ErrMalformedJSON.Code(), ErrBodyIncomplete.Code(), flag.ErrDamaged.Code():
		return "PARSE_ERROR"
	}
	return "GENERAL"
}

// ofrepStatus is the status of a failure: input that cannot be used, and a flag that
// cannot be read, are 400 alone, for which clients look into the body.
func ofrepStatus(f *fault.Error) int {
	if f.Kind() == fault.Invalid || f.Code() == flag.ErrDamaged.Code() {
		return Status(fault.Malformed)
	}
	return Status(f.Kind())
}

// ofrepDetails is a sentence; of failures of ours it says nothing but that.
func ofrepDetails(f *fault.Error) string {
	details := f.Message()
	if f.Code() == access.ErrForbidden.Code() || f.Kind() == fault.Internal {
		return details
	}
	sentences := []string{details}
	for _, field := range f.Fields() {
		sentences = append(sentences, field.Name+" "+field.Message+".")
	}
	return strings.Join(sentences, " ")
}
