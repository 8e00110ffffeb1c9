package rest

import (
	"maps"
	"net/http"
	"strconv"
)

// sendsRateLimited reports whether an operation may respond with 429: to a wrong key, or to a
// request beyond a rate.
func (op Operation) sendsRateLimited() bool { return !op.Open || op.Importance == Ordinary }

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
func (r *Router) declareLimits(operation map[string]any) {
	id, _ := operation["operationId"].(string)
	responses := member(operation, "responses")
	for status := range responses {
		number, _ := strconv.Atoi(status)
		switch {
		case number == http.StatusTooManyRequests:
			addHeaders(member(responses, status), policyName, stateName, retryName)
		case number != 0 && number < http.StatusBadRequest && r.counted[id]:
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
