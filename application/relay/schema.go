package relay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/signalbox-hq/signalbox/ports"
)

// document is a JSON Schema (2020-12), in the order in which it is written. Its
// description takes the place of the schema's.
type document struct {
	Dialect     string `json:"$schema"`
	ID          string `json:"$id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	schema
}

// schema is a schema within a document.
type schema struct {
	Type        string      `json:"type,omitempty"`
	Enum        []string    `json:"enum,omitempty"`
	Const       string      `json:"const,omitempty"`
	Pattern     string      `json:"pattern,omitempty"`
	Minimum     int64       `json:"minimum,omitempty"`
	MinLength   int         `json:"minLength,omitempty"` //nolint:tagliatelle // a keyword of JSON Schema
	MaxLength   int         `json:"maxLength,omitempty"` //nolint:tagliatelle // a keyword of JSON Schema
	Description string      `json:"description,omitempty"`
	Required    []string    `json:"required,omitempty"`
	Additional  *bool       `json:"additionalProperties,omitempty"` //nolint:tagliatelle // a keyword of JSON Schema
	Properties  *properties `json:"properties,omitempty"`
}

// properties are the fields of an object, in their order.
type properties []property

type property struct {
	name     string
	required bool
	schema
}

// MarshalJSON writes an object with the fields in their order.
func (p properties) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, field := range p {
		if i > 0 {
			text = append(text, ',')
		}
		name, err := json.Marshal(field.name)
		if err != nil {
			return nil, fmt.Errorf("encode the name of a field: %w", err)
		}
		value, err := json.Marshal(field.schema)
		if err != nil {
			return nil, fmt.Errorf("encode field %s: %w", field.name, err)
		}
		text = append(append(append(text, name...), ':'), value...)
	}
	return append(text, '}'), nil
}

// object returns the schema of an object with these fields and no others.
func object(required []string, fields ...property) schema {
	for _, f := range fields {
		if f.required {
			required = append(required, f.name)
		}
	}
	list, additional := properties(fields), false
	return schema{Type: "object", Required: required, Additional: &additional, Properties: &list}
}

// Schema returns the JSON Schema of a module's messages, with a line break at the end.
func Schema(m ports.Module) ([]byte, error) {
	fields := object([]string{"action", "resource_type", "resource_id", "data", "timestamp", "environment"},
		optional("action", schema{
			Enum:        []string{string(ports.ActionCreate), string(ports.ActionUpdate), string(ports.ActionDelete)},
			Description: "The change of the resource; data.event_type is more specific.",
		}),
		optional("resource_type", schema{Const: m.ResourceType}),
		optional("resource_id", schemaOf(m.Schema.ResourceID)),
		optional("timestamp", schema{
			Type: "string", Pattern: `^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$`,
			Description: "The time of the change: RFC 3339, UTC.",
		}),
		optional("environment", schemaOf(m.Schema.Environment)),
		optional("data", dataSchema(m)),
	)
	s := document{
		Dialect: "https://json-schema.org/draft/2020-12/schema", ID: "urn:signalbox:schema:" + m.Schema.Name + "-event",
		Title: m.Schema.Title, Description: m.Schema.Description, schema: fields,
	}
	text := &bytes.Buffer{}
	encoder := json.NewEncoder(text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(s); err != nil {
		return nil, fmt.Errorf("encode the schema of %s: %w", m.Schema.Name, err)
	}
	return text.Bytes(), nil
}

// dataSchema describes the field "data".
func dataSchema(m ports.Module) schema {
	var types []string
	for _, e := range m.Events {
		types = append(types, e.Name)
	}
	fields := []property{
		required("version", schema{
			Type: "integer", Minimum: 1,
			Description: "The version that the change created: 1, 2, 3, … of each resource.",
		}),
		required("revision", schema{
			Type: "integer", Minimum: 1,
			Description: "The position of the change in the feed: 1, 2, 3, … without a gap within an epoch " +
				"(header ce_epoch).",
		}),
		required("event_type", schema{Enum: types}),
	}
	for _, p := range m.Schema.Data {
		fields = append(fields, property{name: p.Name, required: p.Required, schema: schemaOf(p)})
	}
	return object(nil, fields...)
}

func required(name string, s schema) property { return property{name: name, required: true, schema: s} }

func optional(name string, s schema) property { return property{name: name, schema: s} }

func schemaOf(p ports.Property) schema {
	return schema{
		Type: p.Type, Enum: slices.Clone(p.Enum), Const: p.Const, Pattern: p.Pattern, Minimum: p.Minimum,
		MinLength: p.MinLength, MaxLength: p.MaxLength, Description: p.Description,
	}
}
