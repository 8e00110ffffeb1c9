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

// MaxMetadataBytes bounds metadata as they are given, and as they are kept.
const MaxMetadataBytes = 64 << 10

// Metadata is a JSON object that means something to those who wrote it. The zero
// value is the empty object.
type Metadata struct{ text string }

// ParseMetadata returns the metadata of a JSON object of at most 64 KiB. Another
// text is ErrInvalid for "metadata".
func ParseMetadata(text []byte) (Metadata, error) {
	if len(text) > MaxMetadataBytes {
		return Metadata{}, fault.Bad("metadata", "must be at most 64 KiB long")
	}
	tree, err := decode(text)
	if err != nil {
		return Metadata{}, err
	}
	if _, ok := tree.(map[string]any); !ok {
		return Metadata{}, fault.Bad("metadata", "must be a JSON object")
	}
	if message := unstorable(tree); message != "" {
		return Metadata{}, fault.Bad("metadata", message)
	}
	canonical := encode(tree)
	switch {
	case len(canonical) > MaxMetadataBytes:
		return Metadata{}, fault.Bad("metadata", "must be at most 64 KiB long")
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

// unstorable says what databases cannot keep of a tree, or "".
func unstorable(tree any) string {
	var message string
	visit(tree, func(leaf any) {
		switch v := leaf.(type) {
		case string:
			if strings.IndexByte(v, 0) >= 0 {
				message = "must not hold a NUL character"
			}
		case json.Number:
			if !modest(v.String()) {
				message = "must not hold numbers of more than 400 digits, or beyond what a double can hold"
			}
		}
	})
	return message
}

// visit shows every leaf of a tree, the names of members too.
func visit(tree any, show func(leaf any)) {
	switch v := tree.(type) {
	case []any:
		for _, e := range v {
			visit(e, show)
		}
	case map[string]any:
		for name, e := range v {
			show(name)
			visit(e, show)
		}
	default:
		show(v)
	}
}

// modest reports whether a number can be kept and compared at small cost.
func modest(number string) bool {
	const most = 400
	if _, err := strconv.ParseFloat(number, 64); err != nil || len(number) > most {
		return false
	}
	i := strings.IndexAny(number, "eE")
	if i < 0 {
		return true
	}
	exponent, err := strconv.Atoi(number[i+1:])
	return err == nil && -most <= exponent && exponent <= most
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

// Same reports whether two objects say the same, however their numbers are
// written: a store may have written 1e2 as 100.
func (m Metadata) Same(n Metadata) bool {
	if m.text == n.text {
		return true
	}
	return reflect.DeepEqual(normal(m.tree()), normal(n.tree()))
}

// tree returns the object that the text was made from.
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

// normal returns a tree with every number written in one way.
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
