package ginapi

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/configapp"
)

type historyInput struct {
	Target
	Page
}

type historyOutput struct {
	Body historyJSON
}

// historyJSON is a page of a configuration's versions, newest first.
type historyJSON struct {
	History []entryJSON `json:"history" nullable:"false"`
	Total   int         `json:"total" doc:"How many there are in all"`
	Limit   int         `json:"limit"`
	Offset  int         `json:"offset"`
}

func (a *API) readHistory(ctx context.Context, in *historyInput) (*historyOutput, error) {
	found, err := a.options.Configurations.ReadHistory(ctx, callOf(ctx).caller, configapp.History{
		ID: in.id(), Limit: in.Limit, Offset: in.Offset,
	})
	if err != nil {
		return nil, err
	}
	list := make([]entryJSON, len(found.Entries))
	for i, e := range found.Entries {
		list[i] = representEntry(e)
	}
	return &historyOutput{historyJSON{History: list, Total: found.Total, Limit: in.Limit, Offset: in.Offset}}, nil
}
