package ginapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// The paths of configurations.
const (
	collectionPath = basePath + "/config/"
	keyPath        = basePath + "/config/{key}"
	idPath         = basePath + "/config/{config_id}"
)

// routeConfigurations registers all that can be done with configurations.
func (a *API) routeConfigurations() {
	op := a.configurationOperation("create-configuration", http.MethodPost, collectionPath, "Create a configuration",
		http.StatusConflict)
	op.DefaultStatus = http.StatusCreated
	register(a, needing(access.WriteConfiguration, op), a.create)
	register(a, a.pageOperation(a.configurationOperation("list-configurations", http.MethodGet, collectionPath,
		"List configurations"), listJSON{}), a.list)
	a.routeRead()
	register(a, needing(access.WriteConfiguration, a.configurationOperation("update-configuration", http.MethodPut,
		idPath, "Update a configuration", http.StatusNotFound, http.StatusPreconditionFailed)), a.update)
	op = a.configurationOperation("delete-configuration", http.MethodDelete, idPath, "Delete a configuration",
		http.StatusNotFound, http.StatusPreconditionFailed)
	op.DefaultStatus = http.StatusNoContent
	register(a, op, a.delete)
	register(a, a.pageOperation(a.configurationOperation("list-configuration-history", http.MethodGet,
		idPath+"/history", "List the versions of a configuration, newest first", http.StatusNotFound),
		historyJSON{}), a.readHistory)
	register(a, needing(access.WriteConfiguration, a.configurationOperation("roll-back-configuration", http.MethodPost,
		idPath+"/rollback", "Roll a configuration back to an earlier version",
		http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed)), a.rollBack)
}

func (a *API) configurationOperation(id, method, path, summary string, problems ...int) huma.Operation {
	return a.operation("configurations", id, method, path, summary, orDamaged(path, problems)...)
}

// orDamaged adds the status of something damaged to those of operations about one
// thing.
func orDamaged(path string, problems []int) []int {
	if strings.HasSuffix(path, "/") || slices.Contains(problems, http.StatusConflict) {
		return problems
	}
	return append(problems, http.StatusConflict)
}

// changedOutput is the answer to a write.
type changedOutput struct {
	ETag string `header:"ETag"`
	Body configurationJSON
}

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

// listJSON is a page of configurations, ordered by environment, service and key.
type listJSON struct {
	Configurations []configurationJSON `json:"configurations" nullable:"false"`
	Total          int                 `json:"total" doc:"How many there are in all"`
	Limit          int                 `json:"limit"`
	Offset         int                 `json:"offset"`
}

func (a *API) list(ctx context.Context, in *listInput) (*pageOutput, error) {
	held, err := a.reserve(ctx)
	if err != nil {
		return nil, err
	}
	found, err := a.options.Configurations.List(ctx, callOf(ctx).caller, configapp.List{
		Environment: in.Environment,
		ServiceName: in.ServiceName,
		KeyPrefix:   in.KeyPrefix,
		Deleted:     in.Deleted,
		Limit:       in.Limit,
		Offset:      in.Offset,
	})
	if err != nil {
		held.release()
		return nil, err
	}
	body, err := paged(ctx, a, held, configurationPart(found), represent, listJSON{
		Configurations: []configurationJSON{}, Total: found.Total, Limit: in.Limit, Offset: in.Offset,
	}, "configurations")
	return &pageOutput{body}, err
}

func configurationPart(l configapp.Listing) pagePart[configapp.View] {
	return pagePart[configapp.View]{l.Configurations, l.Bytes, page.Following(l.Next, configurationPart)}
}

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

type deleteInput struct {
	Target
	Precondition
}

func (a *API) delete(ctx context.Context, in *deleteInput) (*struct{}, error) {
	_, err := a.options.Configurations.Delete(ctx, callOf(ctx).caller, configapp.Delete{
		ID: in.id(), Expect: in.expect,
	})
	return nil, err
}

type historyInput struct {
	Target
	Page
}

// historyJSON is a page of a configuration's versions, newest first.
type historyJSON struct {
	History []entryJSON `json:"history" nullable:"false"`
	Total   int         `json:"total" doc:"How many there are in all"`
	Limit   int         `json:"limit"`
	Offset  int         `json:"offset"`
}

func (a *API) readHistory(ctx context.Context, in *historyInput) (*pageOutput, error) {
	held, err := a.reserve(ctx)
	if err != nil {
		return nil, err
	}
	found, err := a.options.Configurations.ReadHistory(ctx, callOf(ctx).caller, configapp.History{
		ID: in.id(), Limit: in.Limit, Offset: in.Offset,
	})
	if err != nil {
		held.release()
		return nil, err
	}
	body, err := paged(ctx, a, held, historyPart(found), representEntry, historyJSON{
		History: []entryJSON{}, Total: found.Total, Limit: in.Limit, Offset: in.Offset,
	}, "history")
	return &pageOutput{body}, err
}

func historyPart(t configapp.Timeline) pagePart[configuration.HistoryEntry] {
	return pagePart[configuration.HistoryEntry]{t.Entries, t.Bytes, page.Following(t.Next, historyPart)}
}

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
