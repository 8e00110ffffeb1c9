package ginapi

import (
	"context"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// The paths of flags.
const (
	flagsPath    = basePath + "/feature-flags/"
	flagNamePath = flagsPath + "{name}"
	flagIDPath   = flagsPath + "{flag_id}"
)

// maxDefinitionBytes is the longest definition that is read: 100 objects of 64 KiB
// and 10,000 users fit.
const maxDefinitionBytes int64 = 10 << 20

// routeFlags registers all that can be done with flags but their evaluation.
func (a *API) routeFlags() {
	op := a.definitionOperation(access.WriteFlag, "create-flag", http.MethodPost, flagsPath, "Create a feature flag",
		http.StatusConflict)
	op.DefaultStatus = http.StatusCreated
	register(a, op, a.createFlag)
	register(a, a.pageOperation(a.flagOperation("list-flags", http.MethodGet, flagsPath, "List feature flags"),
		listFlagsJSON{}), a.listFlags)
	a.routeReadFlag()
	register(a, a.definitionOperation(access.WriteFlag, "update-flag", http.MethodPut, flagIDPath,
		"Change any part of a feature flag",
		http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed), a.updateFlag)
	op = a.flagOperation("delete-flag", http.MethodDelete, flagIDPath, "Delete a feature flag",
		http.StatusNotFound, http.StatusPreconditionFailed)
	op.DefaultStatus = http.StatusNoContent
	register(a, op, a.deleteFlag)
	register(a, a.pageOperation(a.flagOperation("list-flag-history", http.MethodGet, flagIDPath+"/history",
		"List the versions of a feature flag, newest first", http.StatusNotFound),
		flagHistoryJSON{}), a.readFlagHistory)
	register(a, needing(access.WriteFlag, a.flagOperation("roll-back-flag", http.MethodPost, flagIDPath+"/rollback",
		"Roll a feature flag back to an earlier version",
		http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed)), a.rollBackFlag)
	register(a, a.definitionOperation(access.ReadFlag, "preview-flag", http.MethodPost, flagIDPath+"/preview",
		"Say what a change would do, and which share of users would move; nothing is stored",
		http.StatusNotFound, http.StatusConflict), a.previewFlag)
}

func (a *API) flagOperation(id, method, path, summary string, problems ...int) huma.Operation {
	return a.operation("flags", id, method, path, summary, orDamaged(path, problems)...)
}

// definitionOperation is for bodies that the domain reads.
func (a *API) definitionOperation(
	action access.Action, id, method, path, summary string, problems ...int,
) huma.Operation {
	op := a.flagOperation(id, method, path, summary, problems...)
	op.SkipValidateBody = true
	op.Metadata = map[string]any{bodyLimitKey: maxDefinitionBytes}
	return needing(action, op)
}

type createFlagInput struct {
	Body raw[createFlagJSON]
}

type createFlagOutput struct {
	Location string `header:"Location" doc:"Where to read it"`
	ETag     string `header:"ETag"`
	Body     raw[flagJSON]
}

func (a *API) createFlag(ctx context.Context, in *createFlagInput) (*createFlagOutput, error) {
	f, err := a.writeFlag(ctx, func() (flag.State, error) {
		return a.options.Flags.Create(ctx, callOf(ctx).caller, in.Body.text)
	})
	if err != nil {
		return nil, err
	}
	query := url.Values{"environment": {f.Identity.Environment.String()}}
	return &createFlagOutput{
		Location: flagsPath + url.PathEscape(f.Identity.Name.String()) + "?" + query.Encode(),
		ETag:     versionTag(f.Version), Body: representFlag(f),
	}, nil
}

type listFlagsInput struct {
	Environment string `query:"environment" doc:"Only of this environment"`
	NamePrefix  string `query:"name_prefix" doc:"Only with names that begin so"`
	Deleted     bool   `query:"deleted" default:"false" doc:"The deleted ones instead of those that live"`
	Page
}

// listFlagsJSON is a page of flags, ordered by environment and name.
type listFlagsJSON struct {
	Flags  []raw[flagJSON] `json:"flags" nullable:"false"`
	Total  int             `json:"total" doc:"How many there are in all"`
	Limit  int             `json:"limit"`
	Offset int             `json:"offset"`
}

func (a *API) listFlags(ctx context.Context, in *listFlagsInput) (*pageOutput, error) {
	held, err := a.reserve(ctx)
	if err != nil {
		return nil, err
	}
	found, err := a.options.Flags.List(ctx, callOf(ctx).caller, flagapp.List{
		Environment: in.Environment, NamePrefix: in.NamePrefix, Deleted: in.Deleted, Limit: in.Limit, Offset: in.Offset,
	})
	if err != nil {
		held.release()
		return nil, err
	}
	body, err := paged(ctx, a, held, flagPart(found), representFlag, listFlagsJSON{
		Flags: []raw[flagJSON]{}, Total: found.Total, Limit: in.Limit, Offset: in.Offset,
	}, "flags")
	return &pageOutput{body}, err
}

func flagPart(l flagapp.Listing) pagePart[flag.State] {
	return pagePart[flag.State]{l.Flags, l.Bytes, page.Following(l.Next, flagPart)}
}

// FlagTarget names the flag that an operation is about. It is exported for huma
// alone, which passes over what is not.
type FlagTarget struct {
	FlagID int64 `path:"flag_id" minimum:"1" doc:"The id of the flag"`
}

func (t FlagTarget) id() flag.ID { return flag.ID(t.FlagID) }

type updateFlagInput struct {
	FlagTarget
	Precondition
	Body raw[changeFlagJSON]
}

// changedFlagOutput is the answer to a write.
type changedFlagOutput struct {
	ETag string `header:"ETag"`
	Body raw[flagJSON]
}

func changedFlag(f flag.State, err error) (*changedFlagOutput, error) {
	if err != nil {
		return nil, err
	}
	return &changedFlagOutput{ETag: versionTag(f.Version), Body: representFlag(f)}, nil
}

func (a *API) updateFlag(ctx context.Context, in *updateFlagInput) (*changedFlagOutput, error) {
	return changedFlag(a.writeFlag(ctx, func() (flag.State, error) {
		return a.options.Flags.Update(ctx, callOf(ctx).caller, flagapp.Update{
			ID: in.id(), Change: in.Body.text, Expect: in.expect,
		})
	}))
}

type deleteFlagInput struct {
	FlagTarget
	Precondition
}

func (a *API) deleteFlag(ctx context.Context, in *deleteFlagInput) (*struct{}, error) {
	_, err := a.options.Flags.Delete(ctx, callOf(ctx).caller, flagapp.Delete{ID: in.id(), Expect: in.expect})
	return nil, err
}

type flagHistoryInput struct {
	FlagTarget
	Page
}

// flagHistoryJSON is a page of a flag's versions, newest first.
type flagHistoryJSON struct {
	History []flagEntryJSON `json:"history" nullable:"false"`
	Total   int             `json:"total" doc:"How many there are in all"`
	Limit   int             `json:"limit"`
	Offset  int             `json:"offset"`
}

func (a *API) readFlagHistory(ctx context.Context, in *flagHistoryInput) (*pageOutput, error) {
	held, err := a.reserve(ctx)
	if err != nil {
		return nil, err
	}
	found, err := a.options.Flags.ReadHistory(ctx, callOf(ctx).caller, flagapp.History{
		ID: in.id(), Limit: in.Limit, Offset: in.Offset,
	})
	if err != nil {
		held.release()
		return nil, err
	}
	body, err := paged(ctx, a, held, flagHistoryPart(found), representFlagEntry, flagHistoryJSON{
		History: []flagEntryJSON{}, Total: found.Total, Limit: in.Limit, Offset: in.Offset,
	}, "history")
	return &pageOutput{body}, err
}

func flagHistoryPart(t flagapp.Timeline) pagePart[flag.HistoryEntry] {
	return pagePart[flag.HistoryEntry]{t.Entries, t.Bytes, page.Following(t.Next, flagHistoryPart)}
}

type rollBackFlagInput struct {
	FlagTarget
	Precondition
	Body rollBackJSON
}

func (a *API) rollBackFlag(ctx context.Context, in *rollBackFlagInput) (*changedFlagOutput, error) {
	return changedFlag(a.writeFlag(ctx, func() (flag.State, error) {
		return a.options.Flags.RollBack(ctx, callOf(ctx).caller, flagapp.RollBack{
			ID: in.id(), Version: scope.Version(in.Body.Version), Expect: in.expect,
		})
	}))
}

type previewFlagInput struct {
	FlagTarget
	Body raw[changeFlagJSON]
}

type previewFlagOutput struct {
	Body previewJSON
}

func (a *API) previewFlag(ctx context.Context, in *previewFlagInput) (*previewFlagOutput, error) {
	leave, err := a.enterFlagLoad(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	p, err := a.options.Flags.Preview(ctx, callOf(ctx).caller, flagapp.Preview{ID: in.id(), Change: in.Body.text})
	if err != nil {
		return nil, err
	}
	if err := a.holdAnswer(ctx, len(p.From.Definition.JSON())+len(p.To.Definition.JSON())); err != nil {
		return nil, err
	}
	return &previewFlagOutput{representPreview(p)}, nil
}
