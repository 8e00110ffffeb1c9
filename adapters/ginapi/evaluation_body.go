package ginapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

const (
	// MaxEvaluationBytes is the longest body of an evaluation that is read.
	maxEvaluationBytes = 128 << 10
	// MaxBatch is how many flags may be named at once.
	maxBatch = 500
)

// evaluationBody is the body of an evaluation as it is read. Bodies are reused:
// nothing of one outlives its request.
type evaluationBody struct {
	buffer  bytes.Buffer
	decoder *jsontext.Decoder
	// answer is where the answer is written.
	answer []byte

	flagName    string
	named       bool
	environment string
	userID      targeting.Value
	context     targeting.Context
	flagNames   []string
	listed      bool
	version     scope.Version
	// noContext says that the context is there and is no object.
	noContext bool
	// waited is the revision that a bulk evaluation had to wait for, 0 for none.
	waited int64
	faults []error
}

func newEvaluationBody() *evaluationBody {
	return &evaluationBody{decoder: jsontext.NewDecoder(bytes.NewReader(nil))}
}

// body returns an evaluation's body that is read by lax or strict members. It is
// given back with forget.
func (a *API) evaluationBody(w http.ResponseWriter, r *http.Request, members func(*evaluationBody, string) error) (
	*evaluationBody, error,
) {
	b, _ := a.bodies.Get().(*evaluationBody)
	b.reset()
	err := b.receive(w, r)
	if err == nil {
		err = b.parse(members)
	}
	return b, err
}

func (a *API) forget(b *evaluationBody) { a.bodies.Put(b) }

func (b *evaluationBody) reset() {
	b.context.Reset()
	*b = evaluationBody{
		buffer: b.buffer, decoder: b.decoder, answer: b.answer[:0], context: b.context,
	}
	b.buffer.Reset()
}

// receive reads the body, which may be empty and may leave out that it is JSON.
func (b *evaluationBody) receive(w http.ResponseWriter, r *http.Request) error {
	declared := r.Header["Content-Type"]
	if len(declared) > 0 && declared[0] != jsonMediaType && !isJSON(r.Header) {
		return ErrUnsupportedMediaType
	}
	if r.ContentLength > maxEvaluationBytes {
		return ErrBodyTooLarge
	}
	var body io.Reader = r.Body
	if r.ContentLength < 0 {
		body = http.MaxBytesReader(w, r.Body, maxEvaluationBytes)
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

// parse reads one object; no body at all is the empty object.
func (b *evaluationBody) parse(member func(*evaluationBody, string) error) error {
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
		if err := member(b, memberName(name)); err != nil {
			return b.syntax(err)
		}
	}
	if _, err := b.decoder.ReadToken(); err != nil {
		return b.syntax(err)
	}
	if _, err := b.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return ErrMalformedJSON.WithField(inBody, "goes on after the value")
	}
	return fault.Merge(b.faults...)
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
	case `"targetingKey"`:
		return targeting.KeyAttribute
	}
	name, _ := jsontext.AppendUnquote(nil, quoted) // the decoder has checked it
	return string(name)
}

// syntax turns what the decoder says into a fault of ours.
func (b *evaluationBody) syntax(err error) error {
	if _, ours := errors.AsType[*fault.Error](err); ours {
		return err
	}
	return syntaxFault(err, b.decoder.InputOffset())
}

// lax takes the context and passes over all else, as protocols want that grow.
func lax(b *evaluationBody, name string) error {
	if name == "context" {
		return b.readContext()
	}
	return b.decoder.SkipValue()
}

// single reads the members of an evaluation of one flag, and names others.
func single(b *evaluationBody, name string) (err error) {
	if name != "flag_name" {
		return common(b, name)
	}
	b.flagName, b.named, err = b.readText(name)
	return err
}

// explained reads those of an explanation.
func explained(b *evaluationBody, name string) error {
	if name != "version" {
		return single(b, name)
	}
	token, err := b.decoder.ReadToken()
	if err != nil || token.Kind() == 'n' {
		return err
	}
	text := token.String()
	n, parseErr := strconv.ParseInt(text, 10, 64)
	if token.Kind() != '0' || parseErr != nil || n < 1 || n > maxVersion {
		b.bad("version", "must be a whole number from 1 to 2^53")
		return b.skipRest(token)
	}
	b.version = scope.Version(n)
	return nil
}

// batch reads those of an evaluation of several.
func batch(b *evaluationBody, name string) error {
	if name != "flag_names" {
		return common(b, name)
	}
	kind := b.decoder.PeekKind()
	if kind != '[' {
		if kind != 'n' {
			b.bad(name, "must be a list of names")
		}
		return b.decoder.SkipValue()
	}
	b.listed = true
	if _, err := b.decoder.ReadToken(); err != nil {
		return err
	}
	for b.decoder.PeekKind() != ']' {
		text, _, err := b.readText(name)
		if err != nil {
			return err
		}
		if b.flagNames = append(b.flagNames, text); len(b.flagNames) > maxBatch {
			return fault.Bad(name, "must hold at most 500 names")
		}
	}
	_, err := b.decoder.ReadToken()
	return err
}

func common(b *evaluationBody, name string) (err error) {
	switch name {
	case "environment":
		b.environment, _, err = b.readText(name)
		return err
	case "user_id":
		return b.readUser()
	case "context":
		return b.readContext()
	}
	b.faults = append(b.faults, fault.Bad(within(inBody, name), "is no member of this body"))
	return b.decoder.SkipValue()
}

func (b *evaluationBody) bad(name, message string) {
	b.faults = append(b.faults, fault.Bad(name, message))
}

// readText reads a text; null is none.
func (b *evaluationBody) readText(name string) (text string, given bool, err error) {
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
func (b *evaluationBody) skipRest(token jsontext.Token) error {
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

// readUser reads the targeting key of the original's calls.
func (b *evaluationBody) readUser() error {
	token, err := b.decoder.ReadToken()
	if err != nil {
		return err
	}
	v, scalar := valueOf(token)
	if !scalar {
		b.bad("user_id", "must be a text, a number, true or false")
		return b.skipRest(token)
	}
	if v.Kind != targeting.Null {
		b.userID = v
		b.context.SetKey(v)
	}
	return nil
}

// valueOf returns the value of a token; scalar is false where one begins that
// others are in.
func valueOf(token jsontext.Token) (v targeting.Value, scalar bool) {
	switch token.Kind() { //nolint:exhaustive // what is left begins an object: ends are taken before
	case '"':
		return targeting.TextValue(token.String()), true
	case '0':
		return targeting.NumberValue(token.String()), true
	case 't':
		return targeting.BoolValue(true), true
	case 'f':
		return targeting.BoolValue(false), true
	case 'n':
		return targeting.Value{Kind: targeting.Null}, true
	case '[':
		return targeting.Value{Kind: targeting.Array}, false
	default:
		return targeting.Value{Kind: targeting.Object}, false
	}
}

// readContext reads the context; null is the empty one.
func (b *evaluationBody) readContext() error {
	token, err := b.decoder.ReadToken()
	switch {
	case err != nil || token.Kind() == 'n':
		return err
	case token.Kind() != '{':
		b.noContext = true
		return b.skipRest(token)
	}
	for outermost := b.decoder.StackDepth(); ; {
		name := ""
		if kind, _ := b.decoder.StackIndex(b.decoder.StackDepth()); kind == '{' && b.decoder.PeekKind() == '"' {
			quoted, err := b.decoder.ReadValue()
			if err != nil {
				return err
			}
			name = memberName(quoted)
		}
		token, err := b.decoder.ReadToken()
		if err != nil {
			return err
		}
		if done, err := b.take(name, token, outermost); done || err != nil {
			return err
		}
	}
}

// take adds a token to the context, and reports whether that is complete.
func (b *evaluationBody) take(name string, token jsontext.Token, outermost int) (done bool, err error) {
	if kind := token.Kind(); kind == '}' || kind == ']' {
		if b.decoder.StackDepth() < outermost {
			return true, nil
		}
		b.context.Close()
		return false, nil
	}
	v, scalar := valueOf(token)
	if scalar {
		b.context.Add(name, v)
		return false, nil
	}
	if b.decoder.StackDepth() > maxDepth {
		return false, ErrMalformedJSON.WithField(inBody, "is nested deeper than 32")
	}
	b.context.Open(name, v.Kind)
	return false, nil
}
