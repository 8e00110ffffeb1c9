package ginapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// register adds a typed operation. Whatever error its use case returns becomes
// the problem that is sent.
func register[I, O any](a *API, op huma.Operation, run func(context.Context, *I) (*O, error)) {
	// The intake has read and bounded the body by the time huma sees it.
	op.MaxBodyBytes, op.BodyReadTimeout = -1, -1
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := run(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
}

// humaConfig is huma as this API uses it: JSON alone, no documents of its own,
// no links to schemas, and its errors turned into ours.
func (a *API) humaConfig() huma.Config {
	return huma.Config{
		OpenAPI:       a.newDocument(),
		Formats:       map[string]huma.Format{jsonMediaType: jsonFormat(), problemMediaType: jsonFormat()},
		DefaultFormat: jsonMediaType,
		Transformers:  []huma.Transformer{a.translate},
	}
}

func jsonFormat() huma.Format { return huma.Format{Marshal: encode, Unmarshal: decode} }

// encode writes a value whole or not at all. A write that fails means that the
// client has gone, which nobody can be told.
func encode(w io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	_, _ = w.Write(body)
	return nil
}

// decode reads a body that scan has passed. Its errors reach the client, so that
// they say nothing of what stood there.
func decode(data []byte, v any) error {
	// That no name is repeated has been checked, at a cost.
	once := jsontext.AllowDuplicateNames(true)
	err := json.Unmarshal(data, v, json.RejectUnknownMembers(true), once)
	if _, untyped := v.(*any); untyped && err != nil {
		err = json.Unmarshal(data, v, json.WithUnmarshalers(json.UnmarshalFromFunc(decodeNumber)), once)
	}
	if err == nil {
		return nil
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		return errors.New(placeOf(semantic.JSONPointer) + " cannot be read as a value of its type")
	}
	return errors.New("cannot be read")
}

// decodeNumber reads a number beyond what a double can hold as an infinite one. So
// it is told as any other value that breaks a rule, and not as broken JSON.
func decodeNumber(d *jsontext.Decoder, v *any) error {
	if d.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	token, err := d.ReadToken()
	if err != nil {
		return err //nolint:wrapcheck // scan has read the same
	}
	// What is out of range is infinite.
	*v, _ = strconv.ParseFloat(token.String(), 64)
	return nil
}

// translate turns the errors that huma found into a problem of ours. It drops
// the values that huma holds beside their places.
func (a *API) translate(ctx huma.Context, status string, v any) (any, error) {
	found, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	var f *fault.Error
	switch status {
	case strconv.Itoa(http.StatusUnprocessableEntity):
		f = fault.ErrInvalid
	case strconv.Itoa(http.StatusBadRequest):
		f = ErrMalformedJSON
	default:
		f = fault.ErrInternal.WithCause(errors.New("huma: " + found.Detail))
	}
	for _, e := range found.Errors {
		f = f.WithField(e.Location, e.Message)
	}
	return a.problem(ctx.Context(), f), nil
}
