package ginapi

import (
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
	objectBody
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
}

func newEvaluationBody() *evaluationBody {
	return &evaluationBody{objectBody: newObjectBody()}
}

// body returns an evaluation's body that is read by lax or strict members. It is
// given back with forget.
func (a *API) evaluationBody(w http.ResponseWriter, r *http.Request, members func(*evaluationBody, string) error) (
	*evaluationBody, error,
) {
	b, _ := a.bodies.Get().(*evaluationBody)
	b.reset()
	b.context.Until(r.Context())
	err := b.receive(w, r, maxEvaluationBytes)
	if err == nil {
		err = parseObject(&b.objectBody, b, members)
	}
	return b, err
}

func (a *API) forget(b *evaluationBody) { a.bodies.Put(b) }

func (b *evaluationBody) reset() {
	b.context.Reset()
	b.objectBody.reset()
	*b = evaluationBody{objectBody: b.objectBody, answer: b.answer[:0], context: b.context}
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
	return b.unknown(name)
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
