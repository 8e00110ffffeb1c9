package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"reflect"
	"strconv"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// MaxMetadataBytes bounds metadata as stored.
const MaxMetadataBytes = 64 << 10

// Metadata is a JSON object of the client's. The zero value is the empty object.
type Metadata struct{ text string }

// ParseMetadata returns the metadata of a JSON object that is at most 64 KiB long in the
// form of Metadata.JSON. Spacing, order and the format of numbers, which stores may
// change, do not matter. Another text is ErrInvalid for "metadata".
func ParseMetadata(text []byte) (Metadata, error) {
	tree, err := decode(text)
	if err != nil {
		return Metadata{}, err
	}
	if _, ok := tree.(map[string]any); !ok {
		return Metadata{}, fault.Bad("metadata", "must be a JSON object")
	}
	tree, message := storable(tree)
	if message != "" {
		return Metadata{}, fault.Bad("metadata", message)
	}
	canonical := encode(tree)
	switch {
	case len(canonical) > MaxMetadataBytes:
		return Metadata{}, fault.Bad("metadata",
			"must be at most 64 KiB long, with numbers written without an exponent")
	case canonical == "{}":
		return Metadata{}, nil
	}
	return Metadata{text: canonical}, nil
}

func decode(text []byte) (any, error) {
	errNotJSON := fault.Bad("metadata", "must be valid JSON")
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var tree any
	if d.Decode(&tree) != nil {
		return nil, errNotJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotJSON
	}
	return tree, nil
}

func encode(tree any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(tree); err != nil {
		panic("registry: JSON that was decoded does not encode")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// storable returns a tree with its numbers written as databases store them, or the rule
// that it breaks.
func storable(tree any) (kept any, message string) {
	switch v := tree.(type) {
	case string:
		return tree, textFault(v)
	case json.Number:
		text, ok := plainNumber(v.String())
		if !ok {
			return nil, "must not contain numbers of more than 400 digits, or beyond what a double can hold"
		}
		return json.Number(text), ""
	case []any:
		for i, e := range v {
			if v[i], message = storable(e); message != "" {
				return nil, message
			}
		}
	case map[string]any:
		return storableObject(v)
	}
	return tree, ""
}

func storableObject(object map[string]any) (kept any, message string) {
	for name, e := range object {
		if object[name], message = storable(e); message == "" {
			message = textFault(name)
		}
		if message != "" {
			return nil, message
		}
	}
	return object, ""
}

// textFault returns why databases cannot store a text, or "".
func textFault(text string) string {
	if strings.IndexByte(text, 0) >= 0 {
		return "must not contain a NUL character"
	}
	return ""
}

// maxDigits bounds a number that is written without an exponent.
const maxDigits = 400

// plainNumber returns a JSON number as databases store it, with all its digits, without
// an exponent and without the sign of a zero; or false for one that is too long, or
// beyond a double.
func plainNumber(literal string) (plain string, ok bool) {
	f, err := strconv.ParseFloat(literal, 64)
	mantissa, exponent, _ := strings.Cut(strings.ToLower(literal), "e")
	negative := strings.HasPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	zero := strings.Trim(whole+fraction, "0") == ""
	if err != nil || f == 0 && !zero || len(mantissa) > maxDigits {
		return "", false
	}
	shift := 0
	if exponent != "" && !zero {
		if shift, err = strconv.Atoi(exponent); err != nil || max(shift, -shift) > 2*maxDigits {
			return "", false
		}
	}
	text := shifted(whole, fraction, shift)
	if negative && !zero {
		text = "-" + text
	}
	return text, len(text) <= maxDigits
}

// shifted returns a decimal number with its point so many digits further right.
func shifted(whole, fraction string, by int) string {
	if by >= 0 {
		fraction += strings.Repeat("0", max(0, by-len(fraction)))
		whole, fraction = whole+fraction[:by], fraction[by:]
	} else {
		whole = strings.Repeat("0", max(0, -by-len(whole)+1)) + whole
		whole, fraction = whole[:len(whole)+by], whole[len(whole)+by:]+fraction
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// JSON returns the object, its members in order.
func (m Metadata) JSON() string {
	if m.text == "" {
		return "{}"
	}
	return m.text
}

// Members returns the top-level members: strings as they are, the rest as JSON.
func (m Metadata) Members() map[string]string {
	members := map[string]string{}
	for name, v := range m.tree() {
		if text, ok := v.(string); ok {
			members[name] = text
		} else {
			members[name] = encode(v)
		}
	}
	return members
}

// The members that steer the discovery of Prometheus.
const (
	metricsPath   = "metrics_path"
	metricsScheme = "metrics_scheme"
)

// MetricsPath returns where the instance serves metrics, or "" where that is not given: the
// member is missing, null, empty or no string.
func (m Metadata) MetricsPath() string { return m.stringMember(metricsPath) }

// MetricsScheme returns "http", "https", or "" where it is not given.
func (m Metadata) MetricsScheme() string { return m.stringMember(metricsScheme) }

// stringMember returns a member that is a string.
func (m Metadata) stringMember(name string) string {
	if !strings.Contains(m.text, name) {
		return ""
	}
	text, _ := m.tree()[name].(string)
	return text
}

// steeringFault returns what is wrong with the members that steer something.
func (m Metadata) steeringFault() error {
	path, scheme := m.MetricsPath(), m.MetricsScheme()
	_, err := ParseURL("metadata", "http://host"+path)
	var pathErr, schemeErr error
	if path != "" && (err != nil || path[0] != '/') {
		pathErr = fault.Bad("/metadata/"+metricsPath, "must be a path that begins with /")
	}
	if scheme != "" && scheme != "http" && scheme != "https" {
		schemeErr = fault.Bad("/metadata/"+metricsScheme, "must be http or https")
	}
	return fault.Merge(pathErr, schemeErr)
}

// Same reports whether two objects say the same, however their numbers are
// written: 1.0 is 1.
func (m Metadata) Same(n Metadata) bool {
	if m.text == n.text {
		return true
	}
	return reflect.DeepEqual(normal(m.tree()), normal(n.tree()))
}

// tree returns the object of the text.
func (m Metadata) tree() map[string]any {
	tree, err := decode([]byte(m.JSON()))
	object, ok := tree.(map[string]any)
	if err != nil || !ok {
		panic("registry: metadata that are no object")
	}
	return object
}

// number is a number however it was written.
type number string

// normal returns a tree with every number in canonical form.
func normal(tree any) any {
	switch v := tree.(type) {
	case json.Number:
		// ParseMetadata bounds the digits.
		if r, ok := new(big.Rat).SetString(v.String()); ok {
			return number(r.RatString())
		}
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = normal(e)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, e := range v {
			object[name] = normal(e)
		}
		return object
	}
	return tree
}
