package ginapi

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep a body may nest.
const maxDepth = 32

// scan walks a body that must be one JSON value in UTF-8 (RFC 8259, I-JSON in
// its strictness: no repeated names, no lone surrogates), nested at most
// maxDepth deep. It returns the names of the outermost object's members, or nil
// where the value is none.
func scan(body []byte) (members []string, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	for first := true; first || d.StackDepth() > 0; first = false {
		token, err := d.ReadToken()
		if err != nil {
			return nil, syntaxFault(err, d.InputOffset())
		}
		if d.StackDepth() > maxDepth {
			return nil, ErrMalformedJSON.WithField(inBody, "is nested deeper than 32")
		}
		if first && token.Kind() == '{' {
			members = []string{}
		}
		if isMemberName(d) {
			members = append(members, token.String())
		}
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, ErrMalformedJSON.WithField(inBody, "goes on after the value")
	}
	return members, nil
}

// isMemberName reports whether the token that was read last names a member of
// the outermost object. An object counts names and values alike.
func isMemberName(d *jsontext.Decoder) bool {
	if d.StackDepth() != 1 {
		return false
	}
	kind, length := d.StackIndex(1)
	return kind == '{' && length%2 == 1
}

// syntaxFault says where the JSON is broken, and nothing of what stands there.
func syntaxFault(err error, offset int64) error {
	location := inBody
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		offset = syntactic.ByteOffset
		location = placeOf(syntactic.JSONPointer)
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return ErrMalformedJSON.WithField(location, "is given twice")
	}
	return ErrMalformedJSON.WithField(location, "is not valid JSON in UTF-8, at byte "+strconv.FormatInt(offset, 10))
}

// placeOf turns a JSON pointer into a place, as far as its names can be shown.
func placeOf(pointer jsontext.Pointer) string {
	location := inBody
	for name := range pointer.Tokens() {
		next := within(location, name)
		if next == location {
			break
		}
		location = next
	}
	return location
}
