package limit

import (
	"net/http"
	"strconv"
)

// The fields of draft-ietf-httpapi-ratelimit-headers, as net/http spells them.
const (
	policyField = "Ratelimit-Policy"
	stateField  = "Ratelimit"
)

// Send adds the limit and the state of its bucket to RateLimit-Policy and RateLimit, beside
// those of other limits.
func (r Result) Send(h http.Header) {
	state := append(strconv.AppendQuote(make([]byte, 0, 48), r.name), ";r="...)
	state = append(strconv.AppendInt(state, r.remaining, 10), ";t="...)
	state = strconv.AppendInt(state, r.reset, 10)
	add(h, policyField, r.policy)
	add(h, stateField, string(state))
}

// add appends a member to a field that is a list (RFC 9651, section 3.1).
func add(h http.Header, field, member string) {
	if before := h[field]; len(before) == 1 {
		h[field] = []string{before[0] + ", " + member}
		return
	}
	h[field] = []string{member}
}
