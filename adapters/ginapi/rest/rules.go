package rest

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/openapi"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// plainRule returns a rule as Signalbox words it, of one as huma does.
func plainRule(op *operation, location, message string) string {
	if rule := rangeRule(op, location); rule != "" {
		return rule
	}
	if rule, ok := plainRules()[message]; ok {
		return rule
	}
	bounds := regexp.MustCompile(`^expected (number|length|array length) (>=|<=) (\S+)$`)
	comparison := bounds.FindStringSubmatch(message)
	if comparison == nil {
		return message
	}
	bound := comparison[3]
	if f, err := strconv.ParseFloat(bound, 64); err == nil {
		bound = strconv.FormatFloat(f, 'f', -1, 64)
	}
	words := map[string]string{">=": "must be at least ", "<=": "must be at most "}
	suffix := map[string]string{"length": " characters long", "array length": " elements long"}
	return words[comparison[2]] + bound + suffix[comparison[1]]
}

func plainRules() map[string]string {
	return map[string]string{
		"expected integer": "must be a whole number", "invalid integer": "must be a whole number",
		"expected number": "must be a number", "invalid float": "must be a number",
		"expected string": "must be a string", "expected boolean": "must be true or false",
		"invalid boolean": "must be true or false", "expected array": "must be a list",
		"expected object": "must be an object",
	}
}

// rangeRule returns the rule of a parameter that is a whole number within bounds, or "".
func rangeRule(op *operation, location string) string {
	in, name, _ := strings.Cut(location, ".")
	if op == nil {
		return ""
	}
	for _, p := range op.doc.Parameters {
		if p.In != in || p.Name != name || p.Schema == nil {
			continue
		}
		s := p.Schema
		if s.Type == huma.TypeInteger && s.Minimum != nil && s.Maximum != nil {
			return "must be a whole number between " + strconv.FormatFloat(*s.Minimum, 'f', -1, 64) +
				" and " + strconv.FormatFloat(*s.Maximum, 'f', -1, 64)
		}
	}
	return ""
}

// parameterBound returns how many characters a parameter has at most, as the document says.
func parameterBound(texts map[string]openapi.Text, name string) int {
	if most := texts[name].Most; most > 0 {
		return most
	}
	return openapi.LongestParameter
}

// tooLong returns the rule that a parameter breaks, or the empty string.
func tooLong(texts map[string]openapi.Text, name, value string) string {
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
