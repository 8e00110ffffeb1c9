package ginapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// objectBody is a body that is read member by member, without huma's machinery.
// Bodies are reused: nothing of one outlives its request.
type objectBody struct {
	buffer  bytes.Buffer
	decoder *jsontext.Decoder
	faults  fault.Collector
	// at is the pointer to what is being read, where that is not the body itself.
	at string
}

func newObjectBody() objectBody {
	return objectBody{decoder: jsontext.NewDecoder(bytes.NewReader(nil))}
}

func (b *objectBody) reset() {
	b.buffer.Reset()
	b.faults, b.at = fault.Collector{}, ""
}

// receive reads the body, which may be empty and may leave out that it is JSON.
func (b *objectBody) receive(w http.ResponseWriter, r *http.Request, limit int64) error {
	declared := r.Header["Content-Type"]
	if len(declared) > 0 && declared[0] != jsonMediaType && !isJSON(r.Header) {
		return ErrUnsupportedMediaType
	}
	if r.ContentLength > limit {
		return ErrBodyTooLarge
	}
	var body io.Reader = r.Body
	if r.ContentLength < 0 {
		body = http.MaxBytesReader(w, r.Body, limit)
	}
	_, err := b.buffer.ReadFrom(body)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return ErrBodyTooLarge
	}
	if err != nil {
		return ErrBodyIncomplete.WithCause(err)
	}
	return nil
}

// parseObject reads one object, each member into self; no body at all is the empty
// object.
func parseObject[B any](b *objectBody, self B, member func(B, string) error) error {
	if len(bytes.TrimSpace(b.buffer.Bytes())) == 0 {
		return nil
	}
	b.decoder.Reset(bytes.NewBuffer(b.buffer.Bytes()))
	if b.decoder.PeekKind() != '{' {
		if err := b.decoder.SkipValue(); err != nil {
			return b.syntax(err)
		}
		return ErrMalformedJSON.WithField(inBody, "must be an object")
	}
	if _, err := b.decoder.ReadToken(); err != nil {
		return b.syntax(err)
	}
	for b.decoder.PeekKind() == '"' {
		name, err := b.decoder.ReadValue()
		if err != nil {
			return b.syntax(err)
		}
		if err := member(self, memberName(name)); err != nil {
			return b.syntax(err)
		}
	}
	if _, err := b.decoder.ReadToken(); err != nil {
		return b.syntax(err)
	}
	if _, err := b.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return ErrMalformedJSON.WithField(inBody, "goes on after the value")
	}
	return b.faults.Err()
}

// memberName returns what a quoted name stands for. Names that are expected are
// made without allocating.
func memberName(quoted jsontext.Value) string {
	switch string(quoted) {
	case `"context"`:
		return "context"
	case `"flag_name"`:
		return "flag_name"
	case `"environment"`:
		return "environment"
	case `"user_id"`:
		return "user_id"
	case `"service_name"`:
		return "service_name"
	case `"instance_id"`:
		return "instance_id"
	case `"lease_epoch"`:
		return "lease_epoch"
	case `"status"`:
		return "status"
	case `"response_time"`:
		return "response_time"
	case `"targetingKey"`:
		return targeting.KeyAttribute
	}
	name, _ := jsontext.AppendUnquote(nil, quoted) // the decoder has checked it
	return string(name)
}

// syntax turns what the decoder says into a fault of ours.
func (b *objectBody) syntax(err error) error {
	if _, ours := errors.AsType[*fault.Error](err); ours {
		return err
	}
	return syntaxFault(err, b.decoder.InputOffset())
}

func (b *objectBody) bad(name, message string) {
	switch {
	case b.faults.Full():
		b.faults.Omit(1)
	case b.at != "":
		b.faults.Bad(b.at+"/"+name, message)
	default:
		b.faults.Bad(name, message)
	}
}

// readText reads a text; null is none.
func (b *objectBody) readText(name string) (text string, given bool, err error) {
	token, err := b.decoder.ReadToken()
	switch {
	case err != nil || token.Kind() == 'n':
		return "", false, err
	case token.Kind() != '"':
		b.bad(name, "must be a text")
		return "", false, b.skipRest(token)
	}
	return token.String(), true, nil
}

// skipRest leaves an array or an object that was begun.
func (b *objectBody) skipRest(token jsontext.Token) error {
	if kind := token.Kind(); kind != '{' && kind != '[' {
		return nil
	}
	for depth := b.decoder.StackDepth(); b.decoder.StackDepth() >= depth; {
		if _, err := b.decoder.ReadToken(); err != nil {
			return err
		}
	}
	return nil
}

// unknown finds fault with a member that is not known, and passes over it.
func (b *objectBody) unknown(name string) error {
	if b.at == "" {
		name = within(inBody, name)
	}
	b.bad(name, "is no member of this body")
	return b.decoder.SkipValue()
}

// readNumber reads a number as it is written; null is none.
func (b *objectBody) readNumber(name string) (text string, given bool, err error) {
	token, err := b.decoder.ReadToken()
	switch {
	case err != nil || token.Kind() == 'n':
		return "", false, err
	case token.Kind() != '0':
		b.bad(name, "must be a number")
		return "", false, b.skipRest(token)
	}
	return token.String(), true, nil
}
