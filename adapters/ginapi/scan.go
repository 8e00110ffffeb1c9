package ginapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// maxDepth is how deep a body may nest.
const maxDepth = 32

const (
	// MaxBodyValues is how many JSON values a body may hold whose members the schema
	// checks: the longest metadata hold half as many.
	maxBodyValues = 64 << 10
	// ScanStride is how many tokens are read between two looks at the deadline.
	scanStride = 4096
)

// scan walks a body that must be one JSON value in UTF-8 (RFC 8259, I-JSON in
// its strictness: no repeated names, no lone surrogates), nested at most
// maxDepth deep, of at most so many values; 0 is any number. It shows the names of
// the outermost object's members. It ends with ctx, and then returns its error.
func scan(ctx context.Context, body []byte, values int, member func(name string)) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	for n := 0; n == 0 || d.StackDepth() > 0; n++ {
		if n > 0 && n%scanStride == 0 && ctx.Err() != nil {
			return ctx.Err() //nolint:wrapcheck // becomes ErrDeadline, if the deadline it was
		}
		token, err := d.ReadToken()
		if err != nil {
			return syntaxFault(err, d.InputOffset())
		}
		if err := beyond(d, n, values); err != nil {
			return err
		}
		if member != nil && isMemberName(d) {
			member(token.String())
		}
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return ErrMalformedJSON.WithField(inBody, "goes on after the value")
	}
	return nil
}

// beyond returns an error where a body is beyond its bounds at the n-th token.
func beyond(d *jsontext.Decoder, n, values int) error {
	switch {
	case d.StackDepth() > maxDepth:
		return ErrMalformedJSON.WithField(inBody, "is nested deeper than 32")
	case values > 0 && n > 2*values:
		return fault.Bad(inBody, "must hold at most "+strconv.Itoa(values)+" JSON values")
	}
	return nil
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
		if next == location || len(next) > fault.MaxFieldNameBytes {
			break
		}
		location = next
	}
	return location
}
