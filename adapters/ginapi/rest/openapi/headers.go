package openapi

import (
	"maps"
	"net/http"
	"strconv"
)

// The headers of limits in the document.
const (
	policyName, stateName = "RateLimit-Policy", "RateLimit"
	retryName             = "Retry-After"
	headerPrefix          = "#/components/headers/"
)

// limitHeaders describes the headers of limits, those of draft-ietf-httpapi-ratelimit-headers
// among them.
func limitHeaders() map[string]any {
	text := func(description, example string) map[string]any {
		return map[string]any{
			"description": description, "example": example,
			"schema": map[string]any{"type": "string", "maxLength": longestText},
		}
	}
	return map[string]any{
		policyName: text("The limits of the caller at this replica, where there are any", `"key";q=100;w=1`),
		stateName: text("How many requests are left of each limit, and in how many seconds it is whole again",
			`"key";r=99;t=1`),
		retryName: map[string]any{
			"description": "In how many seconds to retry", "schema": map[string]any{"type": "integer", "minimum": 1},
		},
	}
}

// declareLimits adds the headers of limits to the responses of an operation: to 429, and
// where rates apply to successes. The document leaves them out of other failures, which may
// have them too.
func (f Finishing) declareLimits(operation map[string]any) {
	id, _ := operation["operationId"].(string)
	responses := member(operation, "responses")
	for status := range responses {
		number, _ := strconv.Atoi(status)
		switch {
		case number == http.StatusTooManyRequests:
			addHeaders(member(responses, status), policyName, stateName, retryName)
		case number != 0 && number < http.StatusBadRequest && f.Counted[id]:
			addHeaders(member(responses, status), policyName, stateName)
		}
	}
}

// addHeaders adds headers of the document to a response, which may share its own with another
// one.
func addHeaders(response map[string]any, names ...string) {
	all := maps.Clone(member(response, "headers"))
	if all == nil {
		all = map[string]any{}
	}
	for _, name := range names {
		all[name] = map[string]any{"$ref": headerPrefix + name}
	}
	response["headers"] = all
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
	_, listed := headers[RevisionName]
	if listed || method == "get" && responses["401"] != nil {
		headers[RevisionName] = map[string]any{
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
