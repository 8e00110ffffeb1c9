package ginapi_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSchemasDescribeTheirTypes compares each schema of the document with the JSON of the
// type that it is made from: its members, which of them are always present, and what each
// may be.
func TestSchemasDescribeTheirTypes(t *testing.T) {
	t.Parallel()
	described := newTestServer(t).api.RouterForTest().SchemaTypes()
	require.Greater(t, len(described), 50)
	for name, d := range described {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotNil(t, d.Type, "no type is known")
			empty, full := encoded(t, example(d.Type, 0)), encoded(t, example(d.Type, 3))
			for _, required := range d.Schema.Required {
				assert.Contains(t, empty, required, "a required member is always present")
			}
			for _, values := range []map[string]any{empty, full} {
				for member, value := range values {
					property := d.Schema.Properties[member]
					if assert.NotNil(t, property, "%s is not in the schema", member) {
						assert.True(t, allows(property, value), "%s may be %v", member, value)
					}
				}
			}
			for member := range d.Schema.Properties {
				assert.Contains(t, full, member, "no JSON of the type has it")
			}
		})
	}
}

// encoded returns the members of a value's JSON, as responses encode it.
func encoded(t *testing.T, v reflect.Value) map[string]any {
	t.Helper()
	text, err := jsonv2.Marshal(v.Interface())
	require.NoError(t, err)
	var members map[string]any
	require.NoError(t, json.Unmarshal(text, &members))
	return members
}

// example returns a value of a type: the emptiest one at depth 0, else one with something
// in everything.
func example(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() { //nolint:exhaustive // no JSON type has the other kinds
	case reflect.Struct:
		if text := v.FieldByName("Text"); text.IsValid() && text.Kind() == reflect.Slice {
			text.SetBytes([]byte(`{}`)) // a rest.Raw
			return v
		}
		for i := range t.NumField() {
			field := v.Field(i)
			if t.Field(i).Anonymous && !field.CanSet() {
				field = reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem()
			}
			if field.CanSet() {
				field.Set(example(field.Type(), max(depth-1, 0)+embedded(t.Field(i), depth)))
			}
		}
	case reflect.Pointer:
		if depth > 0 {
			v.Set(reflect.New(t.Elem()))
			v.Elem().Set(example(t.Elem(), depth))
		}
	case reflect.Slice:
		if depth > 0 {
			v.Set(reflect.Append(v, example(t.Elem(), depth-1)))
		}
	case reflect.Map:
		if depth > 0 {
			v.Set(reflect.MakeMap(t))
			v.SetMapIndex(reflect.ValueOf("k").Convert(t.Key()), example(t.Elem(), depth-1))
		}
	case reflect.String:
		if depth > 0 {
			v.SetString("x")
		}
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(min(depth, 1)))
	case reflect.Uint32:
		v.SetUint(uint64(min(depth, 1)))
	case reflect.Float64:
		v.SetFloat(float64(min(depth, 1)))
	case reflect.Bool:
		v.SetBool(depth > 0)
	case reflect.Interface:
		if depth > 0 {
			v.Set(reflect.ValueOf("x"))
		}
	default:
	}
	return v
}

// embedded is 1 for an embedded struct, whose fields are those of the outer one.
func embedded(f reflect.StructField, depth int) int {
	if f.Anonymous {
		return min(depth, 1)
	}
	return 0
}

// allows reports whether a schema says that a value may be so.
func allows(s *huma.Schema, value any) bool {
	if len(s.AnyOf) > 0 {
		return slices.ContainsFunc(s.AnyOf, func(one *huma.Schema) bool { return allows(one, value) })
	}
	switch value := value.(type) {
	case nil:
		return s.Nullable || s.Type == "null" || s.Type == "" && s.Ref == ""
	case string:
		return s.Type == huma.TypeString || s.Type == "" && s.Ref == ""
	case bool:
		return s.Type == huma.TypeBoolean
	case float64:
		return s.Type == huma.TypeNumber || s.Type == huma.TypeInteger && value == float64(int64(value))
	case []any:
		return s.Type == huma.TypeArray
	case map[string]any:
		return s.Type == huma.TypeObject || s.Ref != "" || s.Type == ""
	}
	return false
}
