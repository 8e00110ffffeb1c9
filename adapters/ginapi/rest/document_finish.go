package rest

import (
	"encoding/json"
	"maps"
	"regexp"
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

// commonTexts are strings of all modules, by the names of their fields and parameters.
func commonTexts() map[string]Text {
	etag := Text{Pattern: `^(\*|(W/)?"[^"]*"(,\s*(W/)?"[^"]*")*)$`, Most: longestTags}
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
		"If-None-Match":     {Most: longestTags},
		"Location":          {Most: 2048},
		"Last-Modified":     {Pattern: `GMT$`, Most: 40},
		"Signalbox-Stale":   {Pattern: `^[0-9]+$`, Most: 20},
	}
}

// finish completes the encoded document: names of schemas, templates of paths, constraints
// of strings, and examples.
func (r *Router) finish(encoded []byte) (map[string]any, error) {
	var doc map[string]any
	if err := json.Unmarshal(encoded, &doc); err != nil {
		return nil, err //nolint:wrapcheck // the caller adds the context
	}
	doc["servers"] = []any{map[string]any{"url": "/", "description": "The service that sent this document"}}
	doc["paths"] = r.joinTemplates(member(doc, "paths"))
	r.describeOperations(member(doc, "paths"))
	member(doc, "components")["headers"] = limitHeaders()
	c := constrainer{texts: r.texts}
	c.value("", doc["paths"])
	sent := map[string]bool{}
	collectSent(doc, doc["paths"], sent)
	for name, schema := range member(member(doc, "components"), "schemas") {
		c.request = sent[name]
		c.value("", schema)
		if object, ok := schema.(map[string]any); ok && c.request {
			allowNulls(object)
		}
	}
	return doc, nil
}

// collectSent collects the names of the schemas that requests are made of.
func collectSent(doc map[string]any, v any, sent map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			collectSent(doc, item, sent)
		}
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			name := strings.TrimPrefix(ref, schemaPrefix)
			if !sent[name] {
				sent[name] = true
				collectSent(doc, member(member(member(doc, "components"), "schemas"), name), sent)
			}
		}
		for key, inner := range v {
			if key != "responses" {
				collectSent(doc, inner, sent)
			}
		}
	}
}

// declareHeaders adds the headers that no operation lists itself: the revision on every read
// with a key, and on a 304 those of the response that it stands for (RFC 9110, section
// 15.4.5).
func declareHeaders(method string, operation map[string]any) {
	responses := member(operation, "responses")
	ok := member(responses, "200")
	if ok == nil {
		return
	}
	headers := member(ok, "headers")
	if headers == nil {
		headers = map[string]any{}
	}
	_, listed := headers[revisionName]
	if listed || method == "get" && responses["401"] != nil {
		headers[revisionName] = map[string]any{
			"description": "The least revision of everything in the response, for min_revision",
			"schema":      map[string]any{"type": "integer", "format": "int64", "minimum": 0},
		}
	}
	if len(headers) == 0 {
		return
	}
	ok["headers"] = headers
	if unchanged := member(responses, "304"); unchanged != nil {
		unchanged["headers"] = maps.Clone(headers)
	}
}

func member(of map[string]any, name string) map[string]any {
	value, _ := of[name].(map[string]any)
	return value
}

// joinTemplates joins paths that differ in the names of parameters alone, which are
// identical to OpenAPI (3.1, "Path Templating Matching"). The parameter has the name of the
// segment before it, in the singular.
func (r *Router) joinTemplates(paths map[string]any) map[string]any {
	names := regexp.MustCompile(`\{[^}]*\}`)
	twins := map[string][]string{}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		plain := names.ReplaceAllString(path, "{}")
		twins[plain] = append(twins[plain], path)
	}
	joined := map[string]any{}
	for _, same := range twins {
		if len(same) == 1 {
			joined[same[0]] = paths[same[0]]
			continue
		}
		item := map[string]any{}
		shared := sharedName(same[0])
		for _, path := range same {
			own := strings.Trim(names.FindString(path), "{}")
			for method, operation := range member(paths, path) {
				renameParameter(operation, own, shared)
				item[method] = operation
			}
		}
		joined[names.ReplaceAllString(same[0], "{"+shared+"}")] = item
	}
	return joined
}

// sharedName names the parameter of twins: "flag" in /api/v1/feature-flags/{name}.
func sharedName(path string) string {
	before, _, _ := strings.Cut(path, "/{")
	segment := before[strings.LastIndexAny(before, "/-")+1:]
	return strings.TrimSuffix(segment, "s")
}

func renameParameter(operation any, from, to string) {
	object, _ := operation.(map[string]any)
	list, _ := object["parameters"].([]any)
	for _, p := range list {
		if parameter, ok := p.(map[string]any); ok && parameter["in"] == "path" && parameter["name"] == from {
			parameter["name"] = to
		}
	}
}

// describeOperations gives each operation a description and its request an example.
func (r *Router) describeOperations(paths map[string]any) {
	for path := range paths {
		for method, o := range member(paths, path) {
			if operation, ok := o.(map[string]any); ok {
				declareHeaders(method, operation)
				r.declareLimits(operation)
				r.describeOperation(operation)
			}
		}
	}
}

func (r *Router) describeOperation(operation map[string]any) {
	if summary, ok := operation["summary"].(string); ok && operation["description"] == nil {
		operation["description"] = summary + "."
	}
	id, _ := operation["operationId"].(string)
	content := member(member(member(operation, "requestBody"), "content"), JSONMediaType)
	var example any
	if content != nil && json.Unmarshal([]byte(r.examples[id]), &example) == nil {
		content["example"] = example
	}
}

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
			c.head = inHead(v["in"])
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
	case "schema", "items", "anyOf", "oneOf", "additionalProperties", "content", JSONMediaType:
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
		text.Most = longestParameter
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
