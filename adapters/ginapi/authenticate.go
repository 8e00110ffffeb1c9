package ginapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/domain/access"
)

// authenticate finds out who is asking before anything else is looked at under
// the base path and OFREP: a wrong key is told so whether or not the route exists.
func (a *API) authenticate(c *gin.Context) {
	if c.Request.URL.Path == healthPath {
		a.recognize(c)
		return
	}
	if !underBase(c.Request.URL.Path) && callOf(c.Request.Context()).ofrep == nil ||
		c.Request.URL.Path == ofrepStream { // a pass is asked for there
		return
	}
	caller, err := a.whoIs(c.Request)
	if err != nil {
		a.fail(c, err)
		return
	}
	this := callOf(c.Request.Context())
	caller.RequestID, caller.TraceParent = this.requestID, traceParent(c.Request.Header)
	caller.Until = c.Request.Context()
	this.caller = caller
	if c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead {
		a.tellRevision(c)
	}
}

// recognize finds out who is asking where no key is needed. A wrong key is as none.
func (a *API) recognize(c *gin.Context) {
	if caller, err := a.whoIs(c.Request); err == nil {
		callOf(c.Request.Context()).caller = caller
	}
}

func (a *API) whoIs(r *http.Request) (access.Caller, error) {
	if key, ok := onlyKey(r.Header); ok {
		return a.options.Access.Authenticate(r.Context(), key)
	}
	keys := presentedKeys(r.Header)
	switch len(keys) {
	case 0:
		return a.options.Access.Anonymous()
	case 1:
		return a.options.Access.Authenticate(r.Context(), keys[0])
	}
	// Two different keys are nobody; the empty key opens nothing.
	return a.options.Access.Authenticate(r.Context(), "")
}

// onlyKey returns the key of the usual request, which holds one in one header.
func onlyKey(h http.Header) (string, bool) {
	credentials, others := h["Authorization"], h["X-Api-Key"]
	if len(credentials) != 1 || len(others) != 0 {
		return "", false
	}
	scheme, key, _ := strings.Cut(credentials[0], " ")
	return key, scheme == "ApiKey" || scheme == "Bearer"
}

// presentedKeys returns the different keys that the headers hold. Credentials of
// another scheme count as an empty key: who shows something means to be somebody.
func presentedKeys(h http.Header) []string {
	var keys []string
	for _, credentials := range h.Values("Authorization") {
		scheme, key, _ := strings.Cut(strings.TrimSpace(credentials), " ")
		if !strings.EqualFold(scheme, "ApiKey") && !strings.EqualFold(scheme, "Bearer") {
			key = ""
		}
		keys = append(keys, strings.TrimSpace(key))
	}
	for _, key := range h.Values("X-API-Key") {
		keys = append(keys, strings.TrimSpace(key))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
