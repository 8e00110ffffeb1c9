package openapi

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Finishing is what Finish needs.
type Finishing struct {
	// Texts constrain strings, by the names of their fields and parameters.
	Texts map[string]Text
	// Examples are of the bodies of requests, by the ids of operations.
	Examples map[string]string
	// Counted are the ids of the operations that rates apply to.
	Counted map[string]bool
}

// Finish completes the encoded document: names of schemas, templates of paths, constraints
// of strings, and examples.
func (f Finishing) Finish(encoded []byte) (map[string]any, error) {
	var doc map[string]any
	if err := json.Unmarshal(encoded, &doc); err != nil {
		return nil, err //nolint:wrapcheck // the caller adds the context
	}
	doc["servers"] = []any{map[string]any{"url": "/", "description": "The service that sent this document"}}
	doc["paths"] = joinTemplates(member(doc, "paths"))
	f.describeOperations(member(doc, "paths"))
	member(doc, "components")["headers"] = limitHeaders()
	c := constrainer{texts: f.Texts}
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

const (
	jsonMediaType = "application/json"
	// RevisionName is the header with the position of the replica in the change feed: the least
	// revision of a response.
	RevisionName = "Signalbox-Revision"
)

func member(of map[string]any, name string) map[string]any {
	value, _ := of[name].(map[string]any)
	return value
}

// joinTemplates joins paths that differ in the names of parameters alone, which are
// identical to OpenAPI (3.1, "Path Templating Matching"). The parameter has the name of the
// segment before it, in the singular.
func joinTemplates(paths map[string]any) map[string]any {
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
func (f Finishing) describeOperations(paths map[string]any) {
	for path := range paths {
		for method, o := range member(paths, path) {
			if operation, ok := o.(map[string]any); ok {
				declareHeaders(method, operation)
				f.declareLimits(operation)
				f.describeOperation(operation)
			}
		}
	}
}

func (f Finishing) describeOperation(operation map[string]any) {
	if summary, ok := operation["summary"].(string); ok && operation["description"] == nil {
		operation["description"] = summary + "."
	}
	id, _ := operation["operationId"].(string)
	content := member(member(member(operation, "requestBody"), "content"), jsonMediaType)
	var example any
	if content != nil && json.Unmarshal([]byte(f.Examples[id]), &example) == nil {
		content["example"] = example
	}
}
