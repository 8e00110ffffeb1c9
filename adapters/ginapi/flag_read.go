package ginapi

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// routeReadFlag registers the read of one flag.
func (a *API) routeReadFlag() {
	op := a.flagOperation("read-flag", http.MethodGet, flagNamePath, "Read a feature flag", http.StatusNotFound)
	op.Description = "Answers 304 when If-None-Match names the present ETag."
	op.Parameters = append([]*huma.Param{
		{
			Name: "name", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
			Description: "The name; a slash in it is sent as %2F",
		},
		{Name: "environment", In: inQuery, Required: true, Schema: &huma.Schema{Type: huma.TypeString}},
		minVersionParameter(),
	}, asOfParameters()...)
	op.Responses["200"] = a.jsonResponse(http.StatusOK, reflect.TypeFor[flagJSON](),
		"ETag", "Last-Modified", "Signalbox-Stale")
	op.Responses["304"] = &huma.Response{Description: "Not Modified"}
	a.huma.OpenAPI().AddOperation(&op)
	a.routes.handle(&op, a.readFlag)
}

func (a *API) readFlag(c *gin.Context, in input) {
	version, versionErr := readVersion(in)
	at, atErr := readTime(in)
	least, leastErr := readMinVersion(in)
	if err := fault.Merge(needed(in, "environment"), versionErr, atErr, leastErr); err != nil {
		a.fail(c, err)
		return
	}
	f, err := a.heldFlag(c, flagapp.Read{
		Name: in.param("name"), Environment: in.query.Get("environment"), Version: version, At: at, MinVersion: least,
	})
	a.tellStale(c, f.Stale)
	if err != nil {
		a.fail(c, err)
		return
	}
	if !a.notModified(c, versionTag(f.Version), f.UpdatedAt) {
		c.Data(http.StatusOK, jsonMediaType, representFlag(f.State).text)
	}
}

// heldFlag reads a flag, and reserves the memory of its answer unless the caller holds
// it as it is.
func (a *API) heldFlag(c *gin.Context, in flagapp.Read) (flagapp.View, error) {
	ctx := c.Request.Context()
	// What stands is in memory already, or loaded once for all that ask.
	if in.Version != 0 || !in.At.IsZero() {
		leave, err := a.enterFlagLoad(ctx)
		if err != nil {
			return flagapp.View{}, err
		}
		defer leave()
	}
	f, err := a.options.Flags.Read(ctx, callOf(ctx).caller, in)
	if err == nil && !unchanged(c.Request.Header.Values("If-None-Match"), versionTag(f.Version)) {
		err = a.holdAnswer(ctx, len(f.Definition.JSON()))
	}
	return f, err
}
