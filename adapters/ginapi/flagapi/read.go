package flagapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/etag"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
)

func readParameters() []*huma.Param {
	return append([]*huma.Param{
		rest.PathParam("name", "The name; a slash in it is sent as %2F"),
		rest.RequiredQuery("environment", ""),
		rest.MinVersionParam(),
	}, rest.AsOfParams()...)
}

func (a *API) read(c *gin.Context, in *rest.Input) {
	version, versionErr := in.Version()
	at, atErr := in.At()
	least, leastErr := in.MinVersion()
	if err := fault.Merge(in.Require("environment"), versionErr, atErr, leastErr); err != nil {
		a.router.Fail(c, err)
		return
	}
	f, err := a.load(c, flagapp.Read{
		Name: in.Path("name"), Environment: in.Query("environment"), Version: version, At: at, MinVersion: least,
	})
	rest.SendStale(c, f.Stale)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	if !a.router.Revalidated(c, &ports.Representation{
		ETag:         []string{etag.OfVersion(f.Version)},
		LastModified: []string{rest.LastModified(f.UpdatedAt)}, Modified: f.UpdatedAt,
	}) {
		c.Data(http.StatusOK, rest.JSONMediaType, representFlag(f.State).Text)
	}
}

// load reads a flag, and reserves the memory of its response unless the caller has it
// cached.
func (a *API) load(c *gin.Context, in flagapp.Read) (flagapp.View, error) {
	ctx := c.Request.Context()
	// The present version is in memory, or loaded once for all concurrent callers.
	if in.Version != 0 || !in.At.IsZero() {
		place, err := a.loads.Reserve(ctx, 1)
		if err != nil {
			return flagapp.View{}, err
		}
		defer place.Release()
	}
	f, err := a.flags.Read(ctx, rest.CallerOf(ctx), in)
	if err == nil && !etag.Unchanged(c.Request.Header.Values("If-None-Match"), etag.OfVersion(f.Version)) {
		err = a.router.ReserveResponse(ctx, len(f.Definition.JSON()))
	}
	return f, err
}

type listFlagsInput struct {
	Environment string `query:"environment" doc:"Only of this environment"`
	NamePrefix  string `query:"name_prefix" doc:"Only with names that begin so"`
	Deleted     bool   `query:"deleted" default:"false" doc:"List the deleted ones instead of the others"`
	rest.Page
}

// listJSON is a page of flags, ordered by environment and name.
type listJSON struct {
	Flags  []rest.Raw[flagJSON] `json:"flags" nullable:"false"`
	Total  int                  `json:"total" doc:"How many there are in all"`
	Limit  int                  `json:"limit"`
	Offset int                  `json:"offset"`
	Next   string               `json:"next,omitempty" doc:"The cursor of the next page; left out at the end"`
}

func (a *API) list(ctx context.Context, in *listFlagsInput) (*rest.PageOutput, error) {
	body, err := rest.LoadPage(ctx, a.router, 0, func() (flagapp.Listing, rest.Envelope, error) {
		found, err := a.flags.List(ctx, rest.CallerOf(ctx), flagapp.List{
			Environment: in.Environment, NamePrefix: in.NamePrefix, Deleted: in.Deleted,
			Window: in.Window(),
		})
		return found, rest.Envelope{Cursor: in.Cursor, List: "flags", Value: listJSON{
			Flags: []rest.Raw[flagJSON]{}, Total: found.Total, Limit: in.Limit, Offset: in.Offset,
		}}, err
	}, representFlag)
	return &rest.PageOutput{Body: body}, err
}

type flagHistoryInput struct {
	FlagTarget
	rest.Page
}

// flagHistoryJSON is a page of a flag's versions, newest first.
type flagHistoryJSON struct {
	History []flagEntryJSON `json:"history" nullable:"false"`
	Total   int             `json:"total" doc:"How many there are in all"`
	Limit   int             `json:"limit"`
	Offset  int             `json:"offset"`
	Next    string          `json:"next,omitempty" doc:"The cursor of the next page; left out at the end"`
}

func (a *API) readHistory(ctx context.Context, in *flagHistoryInput) (*rest.PageOutput, error) {
	body, err := rest.LoadPage(ctx, a.router, 0, func() (flagapp.Timeline, rest.Envelope, error) {
		found, err := a.flags.ReadHistory(ctx, rest.CallerOf(ctx), flagapp.History{
			ID: in.id(), Window: in.Window(),
		})
		return found, rest.Envelope{Cursor: in.Cursor, List: "history", Value: flagHistoryJSON{
			History: []flagEntryJSON{}, Total: found.Total, Limit: in.Limit, Offset: in.Offset,
		}}, err
	}, representFlagEntry)
	return &rest.PageOutput{Body: body}, err
}
