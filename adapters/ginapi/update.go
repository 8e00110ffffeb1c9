package ginapi

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Target names the configuration that an operation is about. It is exported for
// huma alone, which passes over what is not.
type Target struct {
	ConfigID int64 `path:"config_id" minimum:"1" doc:"The id of the configuration"`
}

func (t Target) id() configuration.ID { return configuration.ID(t.ConfigID) }

type updateInput struct {
	Target
	Precondition
	Body updateJSON
}

// updateJSON is the body that updates a configuration; what is not named stays.
type updateJSON struct {
	Value       *string `json:"value,omitzero" doc:"UTF-8 without NUL, at most 256 KiB; may be empty"`
	Description *string `json:"description,omitzero" doc:"UTF-8 without NUL, at most 4 KiB"`
	IsEncrypted *bool   `json:"is_encrypted,omitzero" doc:"True also encrypts the history; false needs the admin role"`
}

func (a *API) update(ctx context.Context, in *updateInput) (*changedOutput, error) {
	ask := configapp.Update{
		ID: in.id(), Description: in.Body.Description, IsEncrypted: in.Body.IsEncrypted, Expect: in.expect,
	}
	if in.Body.Value != nil {
		value := secret.New(*in.Body.Value)
		ask.Value = &value
	}
	v, err := a.options.Configurations.Update(ctx, callOf(ctx).caller, ask)
	if err != nil {
		return nil, err
	}
	return &changedOutput{ETag: entityTag(v), Body: represent(v)}, nil
}
