package ginapi

import (
	"strings"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
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
	a.trust(e)
	e.Use(a.begin, a.rescue, a.preflight, a.authenticate)
	e.NoRoute(func(c *gin.Context) { a.fail(c, ErrRouteNotFound) })
	e.NoMethod(func(c *gin.Context) { a.fail(c, ErrMethodNotAllowed) })
	return e
}

// trust names the proxies whose word on a client's address counts. Where one of
// them is no address, none is trusted.
func (a *API) trust(e *gin.Engine) {
	err := e.SetTrustedProxies(a.options.TrustedProxies)
	if err == nil {
		return
	}
	a.options.Logger.Warn("no proxy is trusted, because one of the trusted proxies is no address")
	if err := e.SetTrustedProxies(nil); err != nil {
		a.options.Logger.Warn("trusted proxies keep their default", zap.Error(err))
	}
}

// underBase reports whether a path belongs to what needs authentication.
func underBase(path string) bool {
	rest, ok := strings.CutPrefix(path, basePath)
	return ok && (rest == "" || rest[0] == '/') || strings.TrimSuffix(path, "/") == prometheusSD
}
