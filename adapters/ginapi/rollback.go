package ginapi

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/configuration"
)

type rollBackInput struct {
	Target
	Precondition
	Body rollBackJSON
}

// rollBackJSON is the body that rolls a configuration back. 2^53 is the greatest
// whole number that every JSON reader keeps.
type rollBackJSON struct {
	Version int64 `json:"version" minimum:"1" maximum:"9007199254740992" doc:"The version to go back to"`
}

func (a *API) rollBack(ctx context.Context, in *rollBackInput) (*changedOutput, error) {
	v, err := a.options.Configurations.RollBack(ctx, callOf(ctx).caller, configapp.RollBack{
		ID: in.id(), Version: configuration.Version(in.Body.Version), Expect: in.expect,
	})
	if err != nil {
		return nil, err
	}
	return &changedOutput{ETag: entityTag(v), Body: represent(v)}, nil
}
