package flag

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// decodeJSON reads one value with its numbers as they are written. The JSON must be
// valid, as stores and interfaces have checked.
func decodeJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err //nolint:wrapcheck // callers add the context
}

// appendJSON writes a value in canonical form: fields in bytewise order, no space, only
// the escapes that JSON requires, numbers without an exponent.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case string:
		return appendText(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case json.Number:
		return append(b, plainNumber(string(v))...)
	case json.RawMessage:
		return append(b, v...)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, e)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(append(appendText(b, name), ':'), v[name])
		}
		return append(b, '}')
	}
	panic("flag: a value that JSON does not have")
}

// exact returns the canonical form of a number, with all its digits: 1, 1.0 and 10e-1 are
// "1".
func exact(n json.Number) string {
	key, _ := targeting.NumberValue(string(n)).BucketKey()
	return key.Text
}

// plainNumber writes a number as databases store it: without an exponent, and without the
// sign of a zero.
func plainNumber(literal string) string {
	text := exact(json.Number(literal))
	switch {
	case text == "0":
		return strings.TrimPrefix(strings.SplitN(strings.ToLower(literal), "e", 2)[0], "-")
	case !strings.ContainsAny(literal, "eE"):
		return literal
	case !strings.Contains(text, "e") && len(text) <= maxDigits:
		return text
	}
	f, _ := strconv.ParseFloat(literal, 64)
	return strconv.FormatFloat(f, 'f', -1, 64)
}

func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// pointer adds a name to a JSON pointer (RFC 6901).
func pointer(parent, name string) string {
	return parent + "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func indexed(parent string, i int) string { return parent + "/" + strconv.Itoa(i) }
