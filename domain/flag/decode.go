package flag

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

const (
	// MaxDefinitionValues bounds the JSON values in a change, those in lists and objects
	// included, and so the cost of reading one.
	MaxDefinitionValues = 500_000
	// MaxDefinitionDepth is how deep they may nest, as in encoding/json. Bodies of
	// requests nest less deep than that.
	maxDefinitionDepth = 10_000
	// DecodeStride is how many values are read between two checks of the deadline.
	decodeStride = 1024
)

// decode reads an object with known fields, one at a time. Unknown fields are skipped and
// reported, so that they cost no memory however many they are. A field that is null
// counts as not set.
//
// Invalid JSON, and JSON of too many values, is ErrInvalid. When ctx ends, its error is
// returned.
func (r *reader) decode(ctx context.Context, text []byte, known []string) (map[string]any, error) {
	d := newTreeDecoder(ctx, text)
	if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		tree, err := d.value(0)
		if err != nil {
			return nil, d.fault(err)
		}
		return r.members("", tree), nil
	}
	given, err := r.decodeMembers(d, known)
	if err != nil {
		return nil, d.fault(err)
	}
	if _, err := d.json.Token(); !errors.Is(err, io.EOF) {
		return nil, d.fault(err)
	}
	return given, nil
}

func (r *reader) decodeMembers(d *treeDecoder, known []string) (map[string]any, error) {
	given := map[string]any{}
	if _, err := d.json.Token(); err != nil {
		return nil, err //nolint:wrapcheck // translated in decode
	}
	for d.json.More() {
		name, err := d.name()
		if err != nil {
			return nil, err
		}
		if !slices.Contains(known, name) {
			r.countUnknown(name)
			if err := d.skip(); err != nil {
				return nil, err
			}
			continue
		}
		value, err := d.value(1)
		if err != nil {
			return nil, err
		}
		if value != nil {
			given[name] = value
		}
	}
	_, err := d.json.Token()
	return given, err //nolint:wrapcheck // translated in decode
}

func (r *reader) countUnknown(name string) {
	if r.faults.Full() {
		r.faults.Omit(1)
		return
	}
	r.unknown("", name)
}

// treeDecoder reads JSON into maps, lists and scalars, within bounds.
type treeDecoder struct {
	ctx     context.Context //nolint:containedctx // its lifetime is one decode
	json    *json.Decoder
	values  int
	skipped json.RawMessage
}

func newTreeDecoder(ctx context.Context, text []byte) *treeDecoder {
	d := &treeDecoder{ctx: ctx, json: json.NewDecoder(bytes.NewReader(text))}
	d.json.UseNumber()
	return d
}

var (
	errTooManyValues = fault.Bad("", "must contain at most 500000 JSON values; split the flag, or shorten its lists")
	errTooDeep       = fault.Bad("", "must be nested at most 10000 deep")
)

// fault translates an error of the decoder.
func (d *treeDecoder) fault(err error) error {
	if ended := d.ctx.Err(); ended != nil {
		return ended //nolint:wrapcheck // callers compare it with context.Canceled
	}
	if e, ours := errors.AsType[*fault.Error](err); ours {
		return e
	}
	return fault.Bad("", "must be valid JSON")
}

// count notes one value more.
func (d *treeDecoder) count() error {
	d.values++
	if d.values > MaxDefinitionValues {
		return errTooManyValues
	}
	if d.values%decodeStride == 0 {
		return d.ctx.Err() //nolint:wrapcheck // as it is
	}
	return nil
}

func (d *treeDecoder) name() (string, error) {
	token, err := d.json.Token()
	name, _ := token.(string)
	return name, err //nolint:wrapcheck // translated in decode
}

// skip skips a value. It counts for the deadline, not for the bound, because it is not
// stored.
func (d *treeDecoder) skip() error {
	if err := d.json.Decode(&d.skipped); err != nil {
		return err //nolint:wrapcheck // translated in decode
	}
	return d.ctx.Err() //nolint:wrapcheck // as it is
}

func (d *treeDecoder) value(depth int) (any, error) {
	if err := d.count(); err != nil {
		return nil, err
	}
	token, err := d.json.Token()
	if err != nil {
		return nil, err //nolint:wrapcheck // translated in decode
	}
	opens, ok := token.(json.Delim)
	switch {
	case !ok:
		return token, nil
	case depth >= maxDefinitionDepth:
		return nil, errTooDeep
	case opens == '[':
		return d.list(depth)
	}
	return d.object(depth)
}

func (d *treeDecoder) list(depth int) (any, error) {
	list := []any{}
	for d.json.More() {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.json.Token()
	return list, err //nolint:wrapcheck // translated in decode
}

func (d *treeDecoder) object(depth int) (any, error) {
	object := map[string]any{}
	for d.json.More() {
		name, err := d.name()
		if err != nil {
			return nil, err
		}
		if object[name], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := d.json.Token()
	return object, err //nolint:wrapcheck // translated in decode
}
