package ginapi

import (
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// raw is JSON that the domain reads and writes itself; the document describes it
// by T. It is exported to huma through the fields that hold it.
type raw[T any] struct{ text []byte }

// UnmarshalJSON keeps the value.
func (r *raw[T]) UnmarshalJSON(text []byte) error {
	r.text = slices.Clone(text)
	return nil
}

// MarshalJSON returns the value.
func (r raw[T]) MarshalJSON() ([]byte, error) { return r.text, nil }

// Schema returns how the document describes the value.
func (raw[T]) Schema(r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }
