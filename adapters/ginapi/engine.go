package ginapi

import (
	"strings"

	"github.com/gin-gonic/gin"
)

// newEngine returns gin as this API uses it: paths matched as they were sent, so
// that a key may hold an escaped slash, and no redirects.
func (a *API) newEngine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.UseEscapedPath = true
	e.UnescapePathValues = false
	e.RedirectTrailingSlash = false
	e.RedirectFixedPath = false
	e.HandleMethodNotAllowed = true
	e.ForwardedByClientIP = false
	e.Use(a.begin, a.rescue, a.preflight, a.authenticate)
	e.NoRoute(func(c *gin.Context) { a.fail(c, ErrRouteNotFound) })
	e.NoMethod(func(c *gin.Context) { a.fail(c, ErrMethodNotAllowed) })
	return e
}

// underBase reports whether a path belongs to what needs authentication.
func underBase(path string) bool {
	rest, ok := strings.CutPrefix(path, basePath)
	return ok && (rest == "" || rest[0] == '/') || strings.TrimSuffix(path, "/") == prometheusSD
}
