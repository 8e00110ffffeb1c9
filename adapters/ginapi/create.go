package ginapi

import (
	"context"
	"net/url"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

type createInput struct {
	Body createJSON
}

// createJSON is the body that creates a configuration.
type createJSON struct {
	Key         string  `json:"key" doc:"1 to 255 of A-Z a-z 0-9 . _ - : / @ +, beginning with a letter, digit or _"`
	Value       string  `json:"value" doc:"UTF-8 without NUL, at most 256 KiB; may be empty"`
	Environment string  `json:"environment" doc:"One of the supported environments"`
	ServiceName string  `json:"service_name" doc:"1 to 100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"`
	Description *string `json:"description,omitzero" doc:"UTF-8 without NUL, at most 4 KiB"`
	IsEncrypted *bool   `json:"is_encrypted,omitzero" doc:"Whether the value is stored encrypted; false if not given"`
}

type createOutput struct {
	Location string `header:"Location" doc:"Where to read it"`
	ETag     string `header:"ETag"`
	Body     configurationJSON
}

func (a *API) create(ctx context.Context, in *createInput) (*createOutput, error) {
	v, err := a.options.Configurations.Create(ctx, callOf(ctx).caller, configapp.Create{
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
