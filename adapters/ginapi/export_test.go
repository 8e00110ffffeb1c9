package ginapi

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Routes returns what gin serves.
func (a *API) Routes() gin.RoutesInfo { return a.engine.Routes() }

// TraceParentForTest returns the trace that a request's headers name.
func TraceParentForTest(h http.Header) string { return traceParent(h) }

// StatusClientGoneForTest is the status of who does not wait for the answer.
const StatusClientGoneForTest = statusClientGone

// ResponseMemoryIsFree reports whether no page holds memory.
func (a *API) ResponseMemoryIsFree() bool {
	free := a.responses.TryAcquire(a.options.ResponseBytes)
	if free {
		a.responses.Release(a.options.ResponseBytes)
	}
	return free
}
