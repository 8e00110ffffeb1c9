package rest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Object reads a body that is one JSON object, field by field, in one pass. Hot
// operations use it. Objects are reused: nothing of one may outlive its request.
type Object struct {
	// Decoder reads the value of the field that is being read.
	Decoder *jsontext.Decoder
	// Faults are the fields at fault.
	Faults fault.Collector
	// List is the pointer to the list whose item is being read, or "" outside of lists.
	List string
	// Item is the index of that item.
	Item   int
	buffer bytes.Buffer
}

// NewObject returns an object to be reused.
func NewObject() Object { return Object{Decoder: jsontext.NewDecoder(bytes.NewReader(nil))} }

// Reset makes the object ready for another request.
func (o *Object) Reset() {
	o.buffer.Reset()
	o.Faults, o.List, o.Item = fault.Collector{}, "", 0
}

// Bytes returns the body as it was received.
func (o *Object) Bytes() []byte { return o.buffer.Bytes() }

// Receive reads the body, which may be empty and may leave out Content-Type.
func (o *Object) Receive(w http.ResponseWriter, r *http.Request, limit int64) error {
	if err := checkMedia(r.Header); err != nil {
		return err
	}
	if r.ContentLength > limit {
		return ErrBodyTooLarge
	}
	var body io.Reader = r.Body
	if r.ContentLength < 0 {
		body = http.MaxBytesReader(w, r.Body, limit)
	}
	_, err := o.buffer.ReadFrom(body)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return ErrBodyTooLarge
	}
	if err != nil {
		return ErrBodyIncomplete.WithCause(err)
	}
	return nil
}

// ReceiveRequired is Receive for a body that must be present.
func (o *Object) ReceiveRequired(w http.ResponseWriter, r *http.Request, limit int64) error {
	if err := o.Receive(w, r, limit); err != nil {
		return err
	}
	if o.buffer.Len() == 0 {
		return ErrBodyMissing
	}
	return nil
}

// ParseObject reads the body and calls field for each field with its name; an empty body is
// the empty object. Known returns the names of expected fields from their quoted form, so
// that they need no allocation, and "" for others.
func ParseObject[B any](o *Object, self B, known func(quoted []byte) string, field func(B, string) error) error {
	if len(bytes.TrimSpace(o.buffer.Bytes())) == 0 {
		return nil
	}
	o.Decoder.Reset(bytes.NewBuffer(o.buffer.Bytes()))
	if o.Decoder.PeekKind() != '{' {
		if err := o.Decoder.SkipValue(); err != nil {
			return o.syntax(err)
		}
		return ErrMalformedJSON.WithField(inBody, "must be an object")
	}
	if _, err := o.Decoder.ReadToken(); err != nil {
		return o.syntax(err)
	}
	for o.Decoder.PeekKind() == '"' {
		name, err := o.ReadName(known)
		if err != nil {
			return o.syntax(err)
		}
		if err := field(self, name); err != nil {
			return o.syntax(err)
		}
	}
	if _, err := o.Decoder.ReadToken(); err != nil {
		return o.syntax(err)
	}
	if _, err := o.Decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return ErrMalformedJSON.WithField(inBody, "must be one JSON value")
	}
	return o.Faults.Err()
}

// ReadName reads the name of a field.
func (o *Object) ReadName(known func(quoted []byte) string) (string, error) {
	quoted, err := o.Decoder.ReadValue()
	if err != nil {
		return "", err
	}
	if name := known(quoted); name != "" {
		return name, nil
	}
	name, _ := jsontext.AppendUnquote(nil, quoted) // the decoder has checked it
	return string(name), nil
}

// syntax turns an error of the decoder into a fault.
func (o *Object) syntax(err error) error {
	if _, ours := errors.AsType[*fault.Error](err); ours {
		return err
	}
	return syntaxFault(err, o.buffer.Bytes(), o.Decoder.InputOffset())
}

// ItemPointer returns the pointer to the item of List that is being read.
func (o *Object) ItemPointer() string { return o.List + "/" + strconv.Itoa(o.Item) }

// Bad notes a field at fault.
func (o *Object) Bad(name, message string) {
	switch {
	case o.Faults.Full():
		o.Faults.Omit(1)
	case o.List != "":
		o.Faults.Bad(o.ItemPointer()+"/"+name, message)
	default:
		o.Faults.Bad(name, message)
	}
}

// Unknown notes an unknown field, and skips it.
func (o *Object) Unknown(name string) error {
	if o.List == "" {
		name = within(inBody, name)
	}
	o.Bad(name, "unknown field")
	return o.Decoder.SkipValue()
}

// ReadString reads a string; null is not given.
func (o *Object) ReadString(name string) (value string, given bool, err error) {
	return o.readScalar(name, '"', "must be a string")
}

// ReadNumber reads a number as it is written; null is not given.
func (o *Object) ReadNumber(name string) (digits string, given bool, err error) {
	return o.readScalar(name, '0', "must be a number")
}

func (o *Object) readScalar(name string, kind jsontext.Kind, rule string) (value string, given bool, err error) {
	token, err := o.Decoder.ReadToken()
	switch {
	case err != nil || token.Kind() == 'n':
		return "", false, err
	case token.Kind() != kind:
		o.Bad(name, rule)
		return "", false, o.SkipRest(token)
	}
	return token.String(), true, nil
}

// SkipRest skips the rest of an array or an object that a token began.
func (o *Object) SkipRest(token jsontext.Token) error {
	if kind := token.Kind(); kind != '{' && kind != '[' {
		return nil
	}
	for depth := o.Decoder.StackDepth(); o.Decoder.StackDepth() >= depth; {
		if _, err := o.Decoder.ReadToken(); err != nil {
			return err
		}
	}
	return nil
}
