package ginapi

import (
	"maps"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/domain/access"
)

// actionKey is where an operation's metadata names the action that it is.
const actionKey = "action"

// needing returns the operation as one whose callers are refused before their request
// is read, if they may do the action nowhere. Every operation with a body has one.
func needing(action access.Action, op huma.Operation) huma.Operation {
	metadata := map[string]any{actionKey: action}
	maps.Copy(metadata, op.Metadata)
	op.Metadata = metadata
	return op
}

// admitting returns a handler that refuses who may do the operation's action nowhere.
func (a *API) admitting(op *huma.Operation, handler gin.HandlerFunc) gin.HandlerFunc {
	action, named := op.Metadata[actionKey].(access.Action)
	if !named {
		return handler
	}
	return func(c *gin.Context) {
		if err := callOf(c.Request.Context()).caller.RequireAnywhere(action); err != nil {
			a.fail(c, err)
			return
		}
		handler(c)
	}
}
