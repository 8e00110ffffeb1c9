package openapi

import (
	"slices"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Text constrains a string of the document. The constraints are those of the domain, which
// checks them itself, with messages of its own; the document repeats them for clients.
type Text struct {
	Pattern, Format string
	// Least and Most are lengths in characters; a Most of 0 is longestText.
	Least, Most int
}

// longestText bounds every string of the document that has no other bound.
const longestText = 4096

// CommonTexts are strings of all modules, by the names of their fields and parameters.
func CommonTexts() map[string]Text {
	etag := Text{Pattern: `^(\*|(W/)?"[^"]*"(,\s*(W/)?"[^"]*")*)$`, Most: LongestTags}
	return map[string]Text{
		"environment":       {Pattern: `^[a-z0-9][a-z0-9._-]*$|^\*?$`, Most: 50},
		"environments":      {Pattern: `^[a-z0-9][a-z0-9._-]*$`, Most: 50},
		"X-Environment":     {Pattern: `^[a-z0-9][a-z0-9._-]*$`, Most: 50},
		"service_name":      {Pattern: `^[A-Za-z0-9][A-Za-z0-9._-]*$|^$`, Most: 100},
		"description":       {Most: scope.MaxDescriptionBytes},
		"request_id":        {Least: 1, Most: 128},
		"code":              {Pattern: `^[a-z][a-z0-9_]*$`, Most: 64},
		"detail":            {Most: 1000},
		"message":           {Most: 1000},
		"title":             {Least: 1, Most: 100},
		"location":          {Most: 400},
		"pointer":           {Most: 400},
		"updated_by":        {Most: 100},
		"changed_by":        {Most: 100},
		"actor":             {Most: 100},
		"labels":            {Most: 64 << 10},
		"changed_by_key_id": {Pattern: `^[A-Za-z0-9]*$`, Most: 64},
		"event_type":        {Pattern: `^[a-z_]+\.[a-z_]+$`, Most: 100},
		"resource_type":     {Pattern: `^[a-z_]+$`, Most: 100},
		"resource_id":       {Least: 1, Most: 255},
		"epoch":             {Pattern: `^[0-9a-f]*$`, Most: 64},
		"cursor":            {Pattern: `^[A-Za-z0-9_-]*$`, Most: 2048},
		"next":              {Pattern: `^[A-Za-z0-9_-]+$`, Least: 1, Most: 2048},
		"ETag":              {Pattern: `^(W/)?"[^"]*"$`, Most: 200},
		"If-Match":          etag,
		"If-None-Match":     {Most: LongestTags},
		"Location":          {Most: 2048},
		"Last-Modified":     {Pattern: `GMT$`, Most: 40},
		"Signalbox-Stale":   {Pattern: `^[0-9]+$`, Most: 20},
	}
}

// Bounds of parameters in characters, so that those of one request fit into its head: net/http
// responds to one of more than 20 KiB by itself.
const (
	LongestParameter = 1024 // of one that has no other bound
	LongestTags      = 4096 // of a list of ETags
)

// InHead reports whether a parameter is part of the head of a request.
func InHead(in any) bool { return in == "query" || in == "path" || in == "header" }

// constrainer adds constraints to every schema of a string that has none.
//
// Patterns, formats and least lengths are for requests: a response also shows stored rows that break
// the rules ("damaged").
type constrainer struct {
	texts   map[string]Text
	request bool
	// head says that the value is of a parameter.
	head bool
}

// value looks through a value of the document that belongs to a name: that of a field, a
// parameter or a header.
func (c *constrainer) value(name string, v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			c.value(name, item)
		}
	case map[string]any:
		if own, ok := v["name"].(string); ok && v["in"] != nil {
			name = own
			c.head = InHead(v["in"])
			defer func() { c.head = false }()
		}
		c.schema(name, v)
		for key, inner := range v {
			c.member(name, key, inner)
		}
	}
}

// member looks through a member of an object that belongs to a name.
func (c *constrainer) member(name, key string, inner any) {
	switch key {
	case "example", "enum", "required", "description":
	case "parameters", "requestBody", "responses":
		c.request = key != "responses"
		c.value("", inner)
	case "properties", "headers":
		fields, _ := inner.(map[string]any)
		for field, schema := range fields {
			c.value(field, schema)
		}
	case "schema", "items", "anyOf", "oneOf", "additionalProperties", "content", jsonMediaType:
		c.value(name, inner)
	default:
		c.value(key, inner)
	}
}

// schema constrains a schema of a string.
func (c *constrainer) schema(name string, s map[string]any) {
	if types, _ := s["type"].([]any); !c.request && slices.Contains(types, any("array")) {
		s["type"] = "array" // responses have empty lists, and never null
	}
	if !isString(s["type"]) || strings.Contains(name, "/") {
		return // what belongs to a media type is a complete body
	}
	for _, constraint := range []string{"pattern", "enum", "format", "maxLength", "const"} {
		if s[constraint] != nil {
			return
		}
	}
	text := c.texts[name]
	switch {
	case text.Most == 0 && c.head:
		text.Most = LongestParameter
	case text.Most == 0:
		text.Most = longestText
	}
	s["maxLength"] = text.Most
	if c.request && text.Least > 0 {
		s["minLength"] = text.Least
	}
	if c.request && text.Pattern != "" {
		s["pattern"] = text.Pattern
	}
	if c.request && text.Format != "" {
		s["format"] = text.Format
	}
}

func isString(kind any) bool {
	if list, ok := kind.([]any); ok {
		return slices.Contains(list, any("string"))
	}
	return kind == "string"
}

// allowNulls lets every optional member of a request be null, which is as if it were left out.
func allowNulls(schema map[string]any) {
	required, _ := schema["required"].([]any)
	properties := member(schema, "properties")
	for name := range properties {
		if !slices.Contains(required, any(name)) {
			properties[name] = orNullValue(member(properties, name))
		}
	}
}

// orNullValue returns the encoded schema of a value or null.
func orNullValue(s map[string]any) map[string]any {
	kinds, several := s["type"].([]any)
	switch {
	case s["anyOf"] != nil || s["type"] == nil && s["$ref"] == nil || slices.Contains(kinds, any("null")):
		return s
	case s["$ref"] != nil || s["enum"] != nil:
		either := map[string]any{"anyOf": []any{s, map[string]any{"type": "null"}}}
		if s["description"] != nil {
			either["description"] = s["description"]
			delete(s, "description")
		}
		return either
	case several:
		s["type"] = append(kinds, "null")
	default:
		s["type"] = []any{s["type"], "null"}
	}
	return s
}
