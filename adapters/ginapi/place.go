package ginapi

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// maxPlaceName is the longest name from a request that a place repeats.
const maxPlaceName = 64

// place is one place of the input and what is wrong there.
type place struct {
	// Location is such as "body.value", "query.limit" or "path.key".
	Location string `json:"location" doc:"Where, such as body.value, query.limit or path.key"`
	// Pointer says where in the body (RFC 6901), for bodies with more than one level.
	Pointer *string `json:"pointer,omitzero" nullable:"false" doc:"Where in the body, as a JSON pointer (RFC 6901)"`
	// Message never holds the value.
	Message string `json:"message" doc:"What is wrong there and what is allowed"`
}

// placesOf says where in the request of an operation the fields lie.
func placesOf(op *huma.Operation, fields []fault.Field) []place {
	places := make([]place, len(fields))
	for i, f := range fields {
		places[i] = place{Location: locate(op, f.Name), Message: f.Message}
		if f.Name == "" || f.Name[0] == '/' {
			places[i].Location, places[i].Pointer = inBody, &fields[i].Name
		}
	}
	return places
}

// locate finds a field by its name: among the operation's parameters, else in its
// body. What HTTP itself complained of names its place already.
func locate(op *huma.Operation, field string) string {
	if op == nil || field == inBody || strings.Contains(field, ".") {
		return field
	}
	for _, p := range op.Parameters {
		if p.Name == field {
			return p.In + "." + field
		}
	}
	if op.RequestBody != nil {
		return inBody + "." + field
	}
	return field
}

// within names a member of a part of the request. Names that a request made up
// are repeated if they are plain; others could be values gone astray.
func within(part, name string) string {
	if !sane(name, maxPlaceName) {
		return part
	}
	return part + "." + name
}
