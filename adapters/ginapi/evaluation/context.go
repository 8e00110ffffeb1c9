package evaluation

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// MaxBytes is the longest body of an evaluation that is read.
const MaxBytes = 128 << 10

// Request is the body of an evaluation as it is read. Requests are reused: nothing of one
// may outlive the HTTP request.
type Request struct {
	rest.Object
	// Answer is the buffer for the response.
	Answer []byte
	// Context is what flags are evaluated for.
	Context targeting.Context
	// NotObject says that the body's context is no object.
	NotObject bool
}

// NewRequest returns a request to be reused.
func NewRequest() Request { return Request{Object: rest.NewObject()} }

// Reset makes the request ready for an HTTP request.
func (r *Request) Reset() {
	r.Object.Reset()
	r.Context.Reset()
	r.Answer, r.NotObject = r.Answer[:0], false
}

// Receive reads the body.
func (r *Request) Receive(w http.ResponseWriter, request *http.Request) error {
	return r.Object.Receive(w, request, MaxBytes)
}

// KnownName returns the names of expected fields without allocating.
func KnownName(quoted []byte) string {
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
	return ""
}

// ReadUser reads the targeting key outside the context, which wins over the one within.
func (r *Request) ReadUser() error {
	token, err := r.Decoder.ReadToken()
	if err != nil {
		return err
	}
	v, scalar := valueOf(token)
	if !scalar {
		r.Bad("user_id", "must be a string, a number, true or false")
		return r.SkipRest(token)
	}
	if v.Kind != targeting.Null {
		r.Context.SetKey(v)
	}
	return nil
}

// valueOf returns the value of a token; scalar is false where it begins an array or an
// object.
func valueOf(token jsontext.Token) (v targeting.Value, scalar bool) {
	switch token.Kind() { //nolint:exhaustive // the rest begins an object: ends are handled before
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

// ReadContext reads the context; null is the empty one.
func (r *Request) ReadContext() error {
	token, err := r.Decoder.ReadToken()
	switch {
	case err != nil || token.Kind() == 'n':
		return err
	case token.Kind() != '{':
		r.NotObject = true
		return r.SkipRest(token)
	}
	for outermost := r.Decoder.StackDepth(); ; {
		name := ""
		if kind, _ := r.Decoder.StackIndex(r.Decoder.StackDepth()); kind == '{' && r.Decoder.PeekKind() == '"' {
			if name, err = r.ReadName(KnownName); err != nil {
				return err
			}
		}
		token, err := r.Decoder.ReadToken()
		if err != nil {
			return err
		}
		if done, err := r.take(name, token, outermost); done || err != nil {
			return err
		}
	}
}

// take adds a token to the context, and reports whether the context is complete.
func (r *Request) take(name string, token jsontext.Token, outermost int) (done bool, err error) {
	if kind := token.Kind(); kind == '}' || kind == ']' {
		if r.Decoder.StackDepth() < outermost {
			return true, nil
		}
		r.Context.Close()
		return false, nil
	}
	v, scalar := valueOf(token)
	if scalar {
		r.Context.Add(name, v)
		return false, nil
	}
	if r.Decoder.StackDepth() > rest.MaxDepth {
		return false, rest.ErrTooDeep()
	}
	r.Context.Open(name, v.Kind)
	return false, nil
}
