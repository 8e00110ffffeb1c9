package rest

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Policies of the headers that restrict browsers. Responses are data: they load nothing and
// are shown in no frame. HSTS is for a year (RFC 6797).
const (
	dataPolicy      = "default-src 'none'; frame-ancestors 'none'"
	transportPolicy = "max-age=31536000"
)

// securityHeaders are values that responses share.
type securityHeaders struct{ nosniff, referrer, frame, content, transport []string }

func newSecurityHeaders() securityHeaders {
	return securityHeaders{
		nosniff: []string{"nosniff"}, referrer: []string{"no-referrer"}, frame: []string{"DENY"},
		content: []string{dataPolicy}, transport: []string{transportPolicy},
	}
}

// secure sets the headers that restrict browsers.
func (r *Router) secure(request *http.Request, h http.Header) {
	security := &r.headers.security
	h["X-Content-Type-Options"] = security.nosniff
	h["Referrer-Policy"] = security.referrer
	h["X-Frame-Options"] = security.frame
	h["Content-Security-Policy"] = security.content
	if request.TLS != nil {
		h["Strict-Transport-Security"] = security.transport
	}
}

// SendPolicy replaces the Content-Security-Policy, for a page that loads parts.
func SendPolicy(c *gin.Context, policy string) {
	c.Writer.Header()["Content-Security-Policy"] = []string{policy}
}
