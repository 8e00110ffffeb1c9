package rest

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/peer"
	"github.com/signalbox-hq/signalbox/domain/access"
)

// Authenticator authenticates callers, as accessapp.Service does.
type Authenticator interface {
	// Anonymous returns the caller of requests without a key, or why a key is required.
	Anonymous() (access.Caller, error)
	// Authenticate returns the holder of a key, or why the key is rejected, with its actor
	// where it is known.
	Authenticate(ctx context.Context, key string, from access.Origin) (access.Caller, error)
}

// authenticate sets the caller of a request. It comes before routing: a wrong key is
// rejected whether or not the route exists. It reports whether the request goes on.
func (r *Router) authenticate(c *gin.Context, req *request) bool {
	switch req.realm.Authentication {
	case Optional:
		if caller, _, err := r.callerOf(c.Request, req); err == nil {
			req.caller = caller
		}
	case Required:
		caller, key, err := r.callerOf(c.Request, req)
		if err != nil {
			req.caller.Actor = caller.Actor // the key, where that is known, for the audit log
			r.Fail(c, r.limitFailure(c, key, err))
			return false
		}
		caller.RequestID, caller.TraceParent = req.id, peer.TraceParent(c.Request.Header)
		caller.Until, caller.From = req, req
		req.caller = caller
		if c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead {
			r.SendRevision(c)
		}
	case Deferred:
	}
	return true
}

// callerOf returns the caller of a request, and the key that it presents. Two different
// keys identify no caller; they are like the empty key, which is rejected.
func (r *Router) callerOf(
	request *http.Request, from access.Origin,
) (by access.Caller, key string, err error) {
	key, given := onlyKey(request.Header)
	if !given {
		keys := presentedKeys(request.Header)
		if len(keys) == 0 {
			by, err = r.options.Access.Anonymous()
			return by, "", err
		}
		if key = ""; len(keys) == 1 {
			key = keys[0]
		}
	}
	by, err = r.options.Access.Authenticate(request.Context(), key, from)
	return by, key, err
}

// onlyKey returns the key of the usual request, which has one in one header.
func onlyKey(h http.Header) (string, bool) {
	credentials, others := h["Authorization"], h["X-Api-Key"]
	if len(credentials) != 1 || len(others) != 0 {
		return "", false
	}
	scheme, key, _ := strings.Cut(credentials[0], " ")
	usual := (scheme == "ApiKey" || scheme == "Bearer") && key != "" && key[0] != ' ' && key[len(key)-1] != ' '
	return key, usual
}

// presentedKeys returns the different keys in the headers; one or more spaces follow the
// scheme (RFC 9110, section 11.4). Credentials of another scheme
// count as an empty key: such a request does not mean to be anonymous.
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
