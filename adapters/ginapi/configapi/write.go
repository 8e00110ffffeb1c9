package configapi

import (
	"context"
	"net/url"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Configurations are the use cases of configurations, as configapp.Service implements
// them.
type Configurations interface {
	Create(ctx context.Context, by access.Caller, in configapp.Create) (configapp.View, error)
	Read(ctx context.Context, by access.Caller, in configapp.Read) (configapp.View, error)
	List(ctx context.Context, by access.Caller, in configapp.List) (configapp.Listing, error)
	Update(ctx context.Context, by access.Caller, in configapp.Update) (configapp.View, error)
	Delete(ctx context.Context, by access.Caller, in configapp.Delete) (configapp.View, error)
	RollBack(ctx context.Context, by access.Caller, in configapp.RollBack) (configapp.View, error)
	ReadHistory(ctx context.Context, by access.Caller, in configapp.History) (configapp.Timeline, error)
}

type createInput struct {
	Body createJSON
}

// createJSON is the body that creates a configuration.
type createJSON struct {
	Key         string  `json:"key" doc:"1 to 255 of A-Z a-z 0-9 . _ - : / @ + [ ], first a letter, digit or _"`
	Value       string  `json:"value" doc:"UTF-8 without NUL, at most 256 KiB; may be empty"`
	Environment string  `json:"environment" doc:"One of the supported environments"`
	ServiceName string  `json:"service_name" doc:"1 to 100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"`
	Description *string `json:"description,omitzero" doc:"UTF-8 without NUL, at most 4 KiB"`
	IsEncrypted *bool   `json:"is_encrypted,omitzero" doc:"Whether the value is stored encrypted; false if not given"`
}

type createOutput struct {
	Location string `header:"Location" doc:"The path to read it"`
	ETag     string `header:"ETag"`
	Body     configurationJSON
}

func (a *API) create(ctx context.Context, in *createInput) (*createOutput, error) {
	v, err := a.configurations.Create(ctx, rest.CallerOf(ctx), configapp.Create{
		Key:         in.Body.Key,
		Value:       secret.New(in.Body.Value),
		Environment: in.Body.Environment,
		ServiceName: in.Body.ServiceName,
		Description: in.Body.Description,
		IsEncrypted: in.Body.IsEncrypted != nil && *in.Body.IsEncrypted,
	})
	if err != nil {
		return nil, err
	}
	return &createOutput{Location: locationOf(v.Identity), ETag: entityTag(v), Body: represent(v)}, nil
}

// locationOf returns the path and query that read a configuration.
func locationOf(i configuration.Identity) string {
	query := url.Values{"environment": {i.Environment.String()}, "service_name": {i.Service.String()}}
	return collectionPath + url.PathEscape(i.Key.String()) + "?" + query.Encode()
}

// Target identifies the configuration of an operation. It is exported because huma reads
// no embedded fields that are not.
type Target struct {
	ConfigID int64 `path:"config_id" minimum:"1" doc:"The id of the configuration"`
}

func (t Target) id() configuration.ID { return configuration.ID(t.ConfigID) }

// changedOutput is the response to a write.
type changedOutput struct {
	ETag string `header:"ETag"`
	Body configurationJSON
}

func changed(v configapp.View, err error) (*changedOutput, error) {
	if err != nil {
		return nil, err
	}
	return &changedOutput{ETag: entityTag(v), Body: represent(v)}, nil
}

type updateInput struct {
	Target
	rest.Precondition
	Body updateJSON
}

// updateJSON is the body that updates a configuration; what is not named stays.
type updateJSON struct {
	Value       *string `json:"value,omitzero" doc:"UTF-8 without NUL, at most 256 KiB; may be empty"`
	Description *string `json:"description,omitzero" doc:"UTF-8 without NUL, at most 4 KiB"`
	IsEncrypted *bool   `json:"is_encrypted,omitzero" doc:"True also encrypts the history; false needs the admin role"`
}

func (a *API) update(ctx context.Context, in *updateInput) (*changedOutput, error) {
	update := configapp.Update{
		ID: in.id(), Description: in.Body.Description, IsEncrypted: in.Body.IsEncrypted, Expect: in.Expected(),
	}
	if in.Body.Value != nil {
		value := secret.New(*in.Body.Value)
		update.Value = &value
	}
	return changed(a.configurations.Update(ctx, rest.CallerOf(ctx), update))
}

type deleteInput struct {
	Target
	rest.Precondition
}

func (a *API) delete(ctx context.Context, in *deleteInput) (*struct{}, error) {
	_, err := a.configurations.Delete(ctx, rest.CallerOf(ctx), configapp.Delete{
		ID: in.id(), Expect: in.Expected(),
	})
	return nil, err
}

type rollBackInput struct {
	Target
	rest.Precondition
	Body rest.RollBackJSON
}

func (a *API) rollBack(ctx context.Context, in *rollBackInput) (*changedOutput, error) {
	return changed(a.configurations.RollBack(ctx, rest.CallerOf(ctx), configapp.RollBack{
		ID: in.id(), Version: configuration.Version(in.Body.Version), Expect: in.Expected(),
	}))
}
