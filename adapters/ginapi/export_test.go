package ginapi

import (
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/flagapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
)

// Routes returns the routes of all operations.
func (a *API) Routes() gin.RoutesInfo { return a.router.Routes() }

// RouterForTest returns the router.
func (a *API) RouterForTest() *rest.Router { return a.router }

// StatusClientGoneForTest is the status in the access log where the client has
// disconnected.
const StatusClientGoneForTest = rest.StatusClientGone

// ResponseMemoryIsFree reports whether no response has memory reserved.
func (a *API) ResponseMemoryIsFree() bool { return a.router.Memory().IsFree() }

// MaxFlagWritesForTest is how many flags are written at once.
const MaxFlagWritesForTest = flagapi.MaxWrites

// FlagWritesAreFull reports whether no further write of a flag may begin.
func (a *API) FlagWritesAreFull() bool {
	for _, module := range a.modules {
		if flags, ok := module.(*flagapi.API); ok {
			return flags.WritesAreFull()
		}
	}
	return false
}
