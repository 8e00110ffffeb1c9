package ginapi

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
)

const (
	// What clients of OFREP send.
	corsAllowed = "Authorization, Content-Type, If-None-Match, X-API-Key, X-Environment, X-Request-ID, " +
		"traceparent, tracestate"
	// What they read.
	corsExposed = "ETag, Retry-After, Signalbox-Revision, Signalbox-Stale, X-Request-ID"
	// How long a browser may keep the answer, in seconds.
	corsMaxAge = "600"
)

// preflight answers a browser that asks whether it may call from another origin,
// without a key, and tells it of the origins that may call OFREP. There are none
// unless the options name them.
func (a *API) preflight(c *gin.Context) {
	r := c.Request
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	allowed := callOf(r.Context()).ofrep != nil && a.mayCall(origin)
	h := c.Writer.Header()
	if callOf(r.Context()).ofrep != nil && len(a.options.CORSOrigins) > 0 {
		h.Add("Vary", "Origin")
	}
	if allowed {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", corsExposed)
	}
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return
	}
	if allowed {
		h.Set("Access-Control-Allow-Methods", http.MethodPost)
		h.Set("Access-Control-Allow-Headers", corsAllowed)
		h.Set("Access-Control-Max-Age", corsMaxAge)
	}
	c.AbortWithStatus(http.StatusNoContent)
}

func (a *API) mayCall(origin string) bool {
	return slices.Contains(a.options.CORSOrigins, "*") || slices.Contains(a.options.CORSOrigins, origin)
}
