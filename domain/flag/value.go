package flag

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Limits of values.
const (
	// MaxInteger is 2^53-1: every JSON reader represents the integers up to it exactly.
	MaxInteger = 1<<53 - 1
	// MaxObjectBytes bounds an object in its JSON, MaxTextBytes a string.
	MaxObjectBytes = 64 << 10
	MaxTextBytes   = 64 << 10
)

// Type is the type of a flag's values. It never changes. The zero value is none.
type Type uint8

// The types.
const (
	Boolean Type = iota + 1
	String
	Integer
	Float
	Object
)

// Types returns every type.
func Types() []Type { return []Type{Boolean, String, Integer, Float, Object} }

// String returns "boolean", "string", "integer", "float" or "object".
func (t Type) String() string {
	if t < Boolean || t > Object {
		return "unknown"
	}
	return [...]string{"boolean", "string", "integer", "float", "object"}[t-1]
}

// ParseType is the inverse of String; another text is ErrInvalid for "/type".
func ParseType(text string) (Type, error) {
	for _, t := range Types() {
		if t.String() == text {
			return t, nil
		}
	}
	return 0, fault.Bad("/type", "must be boolean, string, integer, float or object")
}

// Variant is a value that a flag can have, with its name.
type Variant struct {
	Name  string
	value string
}

// JSON returns the value as canonical JSON: a float has a decimal point or an exponent,
// an integer neither, fields of objects are in bytewise order.
func (v *Variant) JSON() string { return v.value }

// On reports whether the value is true.
func (v *Variant) On() bool { return v.value == "true" }

// encodeValue returns a JSON value in canonical form, or the rule that it breaks.
func encodeValue(t Type, v any) (encoded, message string) {
	switch t {
	case Boolean:
		if b, ok := v.(bool); ok {
			return strconv.FormatBool(b), ""
		}
		return "", "must be a boolean, as the flag's type says"
	case String:
		if s, ok := v.(string); ok {
			return string(appendJSON(nil, s)), textMessage(s, MaxTextBytes)
		}
		return "", "must be a string, as the flag's type says"
	case Integer:
		return encodeInteger(v)
	case Float:
		return encodeFloat(v)
	case Object:
		return encodeObject(v)
	}
	return "", "has no type"
}

func textMessage(s string, most int) string {
	switch {
	case len(s) > most:
		return "must be at most " + strconv.Itoa(most) + " bytes long"
	case !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0:
		return "must be valid UTF-8 without NUL"
	}
	return ""
}

func encodeInteger(v any) (encoded, message string) {
	const wrong = "must be an integer within ±(2^53-1), as the flag's type says"
	n, ok := v.(json.Number)
	if !ok {
		return "", wrong
	}
	i, err := strconv.ParseInt(exact(n), 10, 64)
	if err != nil || i > MaxInteger || i < -MaxInteger {
		return "", wrong
	}
	return strconv.FormatInt(i, 10), ""
}

func encodeFloat(v any) (encoded, message string) {
	n, ok := v.(json.Number)
	if !ok {
		return "", "must be a number, as the flag's type says"
	}
	f, err := n.Float64()
	if err != nil {
		return "", "must be a number that fits 64 bits (IEEE 754)"
	}
	return formatFloat(f), ""
}

// formatFloat writes the shortest decimal that reads back as f, always with a
// point, so that no reader takes it for an integer.
func formatFloat(f float64) string {
	if f == 0 {
		return "0.0"
	}
	if size := math.Abs(f); size < 1e-6 || size >= 1e21 {
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		return mantissa + "e" + exponent
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func encodeObject(v any) (encoded, message string) {
	o, ok := v.(map[string]any)
	if !ok {
		return "", "must be an object, as the flag's type says"
	}
	if message := plain(o); message != "" {
		return "", message
	}
	encoded = string(appendJSON(nil, o))
	if len(encoded) > MaxObjectBytes {
		return "", "must be at most 64 KiB long"
	}
	return encoded, ""
}

// maxDigits bounds what a number in an object or a condition is written with.
const maxDigits = 400

// plain returns why a store could not store a number exactly, or "".
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return textMessage(v, MaxObjectBytes)
	case json.Number:
		if f, err := v.Float64(); err != nil || len(v) > maxDigits || f == 0 && exact(v) != "0" {
			return "must contain only numbers that fit 64 bits (IEEE 754)"
		}
	case []any:
		return plainList(v)
	case map[string]any:
		for name, e := range v {
			if message := cmp.Or(plain(name), plain(e)); message != "" {
				return message
			}
		}
	}
	return ""
}

func plainList(list []any) string {
	for _, e := range list {
		if message := plain(e); message != "" {
			return message
		}
	}
	return ""
}
