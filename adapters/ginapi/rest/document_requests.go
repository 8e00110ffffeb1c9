package rest

import (
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Bounds of parameters in characters, so that those of one request fit into its head: net/http
// responds to one of more than 20 KiB by itself.
const (
	longestParameter = 1024 // of one that has no other bound
	longestTags      = 4096 // of a list of ETags
)

// inHead reports whether a parameter is part of the head of a request.
func inHead(in any) bool { return in == inQuery || in == inPath || in == inHeader }

// parameterBound returns how many characters a parameter has at most, as the document says.
func parameterBound(texts map[string]Text, name string) int {
	if most := texts[name].Most; most > 0 {
		return most
	}
	return longestParameter
}

// tooLong returns the rule that a parameter breaks, or the empty string.
func tooLong(texts map[string]Text, name, value string) string {
	most := parameterBound(texts, name)
	if len(value) <= most || utf8.RuneCountInString(value) <= most {
		return ""
	}
	return "must be at most " + strconv.Itoa(most) + " characters long"
}

// headersOf returns the headers that an operation declares, as net/http spells them.
func headersOf(doc *huma.Operation) []string {
	var names []string
	for _, p := range doc.Parameters {
		if p.In == inHeader {
			names = append(names, http.CanonicalHeaderKey(p.Name))
		}
	}
	return names
}

// checkHeaders rejects headers of an operation that are longer than the document says.
func (in *reader) checkHeaders(h http.Header) error {
	var faults fault.Collector
	for _, name := range in.headers {
		for _, value := range h[name] {
			if message := tooLong(in.texts, name, value); message != "" {
				faults.Bad(within(inHeader, name), message)
				break
			}
		}
	}
	return faults.Err()
}

// allowNulls lets every optional member of a request be null, which is as if it were left out.
func allowNulls(schema map[string]any) {
	required, _ := schema["required"].([]any)
	properties := member(schema, "properties")
	for name := range properties {
		if !slices.Contains(required, any(name)) {
			properties[name] = orNullValue(member(properties, name))
		}
	}
}

// orNullValue returns the encoded schema of a value or null.
func orNullValue(s map[string]any) map[string]any {
	kinds, several := s["type"].([]any)
	switch {
	case s["anyOf"] != nil || s["type"] == nil && s["$ref"] == nil || slices.Contains(kinds, any("null")):
		return s
	case s["$ref"] != nil || s["enum"] != nil:
		either := map[string]any{"anyOf": []any{s, map[string]any{"type": "null"}}}
		if s["description"] != nil {
			either["description"] = s["description"]
			delete(s, "description")
		}
		return either
	case several:
		s["type"] = append(kinds, "null")
	default:
		s["type"] = []any{s["type"], "null"}
	}
	return s
}
