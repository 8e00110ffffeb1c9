package ginapi

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/configapp"
)

// Page says which part of a list to answer. It is exported for huma alone, which
// passes over what is not.
type Page struct {
	Limit  int `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many at most"`
	Offset int `query:"offset" default:"0" minimum:"0" maximum:"2147483647" doc:"How many to pass over"`
}

type listInput struct {
	Environment string `query:"environment" doc:"Only of this environment"`
	ServiceName string `query:"service_name" doc:"Only of this service"`
	KeyPrefix   string `query:"key_prefix" doc:"Only with keys that begin so"`
	Deleted     bool   `query:"deleted" default:"false" doc:"The deleted ones instead of those that live"`
	Page
}

type listOutput struct {
	Body listJSON
}

// listJSON is a page of configurations, ordered by environment, service and key.
type listJSON struct {
	Configurations []configurationJSON `json:"configurations" nullable:"false"`
	Total          int                 `json:"total" doc:"How many there are in all"`
	Limit          int                 `json:"limit"`
	Offset         int                 `json:"offset"`
}

func (a *API) list(ctx context.Context, in *listInput) (*listOutput, error) {
	found, err := a.options.Configurations.List(ctx, callOf(ctx).caller, configapp.List{
		Environment: in.Environment,
		ServiceName: in.ServiceName,
		KeyPrefix:   in.KeyPrefix,
		Deleted:     in.Deleted,
		Limit:       in.Limit,
		Offset:      in.Offset,
	})
	if err != nil {
		return nil, err
	}
	list := make([]configurationJSON, len(found.Configurations))
	for i, v := range found.Configurations {
		list[i] = represent(v)
	}
	return &listOutput{listJSON{Configurations: list, Total: found.Total, Limit: in.Limit, Offset: in.Offset}}, nil
}
