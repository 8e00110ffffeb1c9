package configapi

import (
	"context"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/configapp"
)

type listInput struct {
	Environment string `query:"environment" doc:"Only of this environment"`
	ServiceName string `query:"service_name" doc:"Only of this service"`
	KeyPrefix   string `query:"key_prefix" doc:"Only with keys that begin so"`
	Deleted     bool   `query:"deleted" default:"false" doc:"List the deleted ones instead of the others"`
	rest.Page
}

// listJSON is a page of configurations, ordered by environment, service and key.
type listJSON struct {
	Configurations []configurationJSON `json:"configurations" nullable:"false"`
	Total          int                 `json:"total" doc:"How many there are in all"`
	Limit          int                 `json:"limit"`
	Offset         int                 `json:"offset"`
	Next           string              `json:"next,omitempty" doc:"The cursor of the next page; left out at the end"`
}

func (a *API) list(ctx context.Context, in *listInput) (*rest.PageOutput, error) {
	body, err := rest.LoadPage(ctx, a.router, 0, func() (configapp.Listing, rest.Envelope, error) {
		found, err := a.configurations.List(ctx, rest.CallerOf(ctx), configapp.List{
			Environment: in.Environment,
			ServiceName: in.ServiceName,
			KeyPrefix:   in.KeyPrefix,
			Deleted:     in.Deleted,
			Window:      in.Window(),
		})
		return found, rest.Envelope{Cursor: in.Cursor, List: "configurations", Value: listJSON{
			Configurations: []configurationJSON{}, Total: found.Total, Limit: in.Limit, Offset: in.Offset,
		}}, err
	}, represent)
	return &rest.PageOutput{Body: body}, err
}

type historyInput struct {
	Target
	rest.Page
}

// historyJSON is a page of a configuration's versions, newest first.
type historyJSON struct {
	History []entryJSON `json:"history" nullable:"false"`
	Total   int         `json:"total" doc:"How many there are in all"`
	Limit   int         `json:"limit"`
	Offset  int         `json:"offset"`
	Next    string      `json:"next,omitempty" doc:"The cursor of the next page; left out at the end"`
}

func (a *API) readHistory(ctx context.Context, in *historyInput) (*rest.PageOutput, error) {
	body, err := rest.LoadPage(ctx, a.router, 0, func() (configapp.Timeline, rest.Envelope, error) {
		found, err := a.configurations.ReadHistory(ctx, rest.CallerOf(ctx), configapp.History{
			ID: in.id(), Window: in.Window(),
		})
		return found, rest.Envelope{Cursor: in.Cursor, List: "history", Value: historyJSON{
			History: []entryJSON{}, Total: found.Total, Limit: in.Limit, Offset: in.Offset,
		}}, err
	}, representEntry)
	return &rest.PageOutput{Body: body}, err
}
