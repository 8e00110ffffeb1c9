package openapi

import (
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const schemaPrefix = "#/components/schemas/"

// Schemas makes the schemas of the document from Go types. It adds to huma's what huma
// leaves out: the members of embedded structs that are not exported, and null where a
// pointer may be nil.
type Schemas struct {
	// Registry has the schemas by their names.
	Registry huma.Registry
	// flat names the types that stand for types with embedded structs.
	flat map[reflect.Type]string
	// prepared are the types that were looked through, completed the schemas.
	prepared  map[reflect.Type]bool
	completed map[string]bool
	// prefixes are of the names of schemas, by the packages of their types.
	prefixes map[string]string
	// types are the structs that schemas were made from, by the names of the schemas.
	types map[string]reflect.Type
}

// NewSchemas returns none.
func NewSchemas() *Schemas {
	s := &Schemas{
		flat: map[reflect.Type]string{}, prepared: map[reflect.Type]bool{}, completed: map[string]bool{},
		types: map[string]reflect.Type{}, prefixes: map[string]string{},
	}
	s.Registry = huma.NewMapRegistry(schemaPrefix, s.name)
	return s
}

// name names the schema of a type as the type, without JSON at its end.
func (s *Schemas) name(t reflect.Type, hint string) string {
	plain := t
	for plain.Kind() == reflect.Pointer {
		plain = plain.Elem()
	}
	if name, ok := s.flat[plain]; ok {
		return name
	}
	name := strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "JSON")
	if prefix := s.prefixes[plain.PkgPath()]; !strings.Contains(name, prefix) {
		return prefix + name
	}
	return name
}

// Of returns the schema of a type, as a reference where it has a name.
func (s *Schemas) Of(t reflect.Type) *huma.Schema {
	s.Prepare(t, "")
	return s.Registry.Schema(t, true, "")
}

// described is a type whose schema is that of another type, as rest.Raw is.
type described interface{ DescribedBy() reflect.Type }

// Prepare replaces each type within t that embeds structs by one that has their fields.
// Hint names a type without a name, as huma does.
func (s *Schemas) Prepare(t reflect.Type, hint string) {
	if s.prepared[t] {
		return
	}
	s.prepared[t] = true
	if d, ok := reflect.TypeAssert[described](reflect.Zero(t)); ok && t.Kind() == reflect.Struct {
		s.Prepare(d.DescribedBy(), "")
		return
	}
	switch t.Kind() { //nolint:exhaustive // other kinds hold no types
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		s.Prepare(t.Elem(), hint)
	case reflect.Struct:
		s.types[s.name(t, hint)] = t
		embeds := false
		for field := range t.Fields() {
			s.Prepare(field.Type, t.Name()+field.Name+"Struct")
			embeds = embeds || field.Anonymous && !field.IsExported()
		}
		if embeds {
			flat := reflect.StructOf(flatten(t, nil, false))
			s.flat[flat] = s.name(t, "")
			s.Registry.RegisterTypeAlias(t, flat)
		}
	}
}

// flatten returns the fields of a struct, its own before those that it embeds. Fields of
// a pointer that may be nil are not required.
func flatten(t reflect.Type, fields []reflect.StructField, optional bool) []reflect.StructField {
	var embedded []reflect.Type
	for field := range t.Fields() {
		known := slices.ContainsFunc(fields, func(f reflect.StructField) bool { return f.Name == field.Name })
		switch {
		case field.Anonymous && field.Tag.Get("json") == "":
			embedded = append(embedded, field.Type)
		case field.IsExported() && !known:
			if optional {
				field.Tag += ` required:"false"`
			}
			fields = append(fields, reflect.StructField{Name: field.Name, Type: field.Type, Tag: field.Tag})
		}
	}
	for _, e := range embedded {
		if e.Kind() == reflect.Pointer {
			fields = flatten(e.Elem(), fields, true)
		} else {
			fields = flatten(e, fields, optional)
		}
	}
	return fields
}

// Complete adds null to what may be a nil pointer, in all schemas that are new. It
// forgets the error model that huma registers and this API never sends.
func (s *Schemas) Complete() {
	all := s.Registry.Map()
	delete(all, "ErrorModel")
	delete(all, "ErrorDetail")
	for name, schema := range all {
		t := s.Registry.TypeFromRef(schemaPrefix + name)
		if s.completed[name] || t == nil || t.Kind() != reflect.Struct {
			continue
		}
		s.completed[name] = true
		for field := range t.Fields() {
			member, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if property := schema.Properties[member]; property != nil && mayBeNull(field) {
				schema.Properties[member] = orNull(property)
			}
		}
	}
}

// mayBeNull reports whether a field may be null though huma does not say so.
func mayBeNull(field reflect.StructField) bool {
	tag := field.Tag.Get("json")
	if field.Type.Kind() != reflect.Pointer || strings.Contains(tag, ",omit") || field.Tag.Get("nullable") != "" {
		return false
	}
	return field.Type.Elem().Kind() == reflect.Struct
}

// orNull returns the schema of a value or null.
func orNull(s *huma.Schema) *huma.Schema {
	return &huma.Schema{
		Description: s.Description,
		AnyOf:       []*huma.Schema{{Ref: s.Ref, Type: s.Type, Properties: s.Properties}, {Type: "null"}},
	}
}

// Prefix puts a prefix before the names of the schemas of the types of a package that do not have
// it.
func (s *Schemas) Prefix(path, prefix string) { s.prefixes[path] = prefix }

// Types returns the schemas with the types that they describe, by name.
func (s *Schemas) Types() map[string]SchemaType {
	described := map[string]SchemaType{}
	for name, schema := range s.Registry.Map() {
		described[name] = SchemaType{Schema: schema, Type: s.types[name]}
	}
	return described
}

// SchemaType is a schema with the type that it describes.
type SchemaType struct {
	Schema *huma.Schema
	Type   reflect.Type
}
