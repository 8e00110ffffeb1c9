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

// MaxFlagWritesForTest is how many flags are written at once.
const MaxFlagWritesForTest = maxFlagWrites

// FlagWritesAreFull reports whether no further write of a flag may begin.
func (a *API) FlagWritesAreFull() bool {
	free := a.flagWrites.TryAcquire(1)
	if free {
		a.flagWrites.Release(1)
	}
	return !free
}
