package rest

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
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
