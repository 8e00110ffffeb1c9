package flagapi

import (
	"context"
	"net/url"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/etag"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Flags are the use cases of feature flags, as flagapp.Service implements them.
type Flags interface {
	Create(ctx context.Context, by access.Caller, definition []byte) (flag.State, error)
	Read(ctx context.Context, by access.Caller, in flagapp.Read) (flagapp.View, error)
	List(ctx context.Context, by access.Caller, in flagapp.List) (flagapp.Listing, error)
	ReadHistory(ctx context.Context, by access.Caller, in flagapp.History) (flagapp.Timeline, error)
	Changes
	Evaluation
}

// Changes are the use cases that change a flag, or preview a change.
type Changes interface {
	Update(ctx context.Context, by access.Caller, in flagapp.Update) (flag.State, error)
	Delete(ctx context.Context, by access.Caller, in flagapp.Delete) (flag.State, error)
	RollBack(ctx context.Context, by access.Caller, in flagapp.RollBack) (flag.State, error)
	Preview(ctx context.Context, by access.Caller, in flagapp.Preview) (flagapp.Previewed, error)
}

// Evaluation are the use cases that evaluate flags.
type Evaluation interface {
	Evaluate(ctx context.Context, by access.Caller, in flagapp.Evaluate) (flagapp.Evaluated, error)
	EvaluateAll(ctx context.Context, by access.Caller, in flagapp.EvaluateAll) (flagapp.Evaluations, error)
	Explain(ctx context.Context, by access.Caller, in flagapp.Explain) (flagapp.Explained, error)
	Staleness() time.Duration
}

const (
	// MaxLoads is how many flags of unknown size are loaded at once to be shown.
	maxLoads = 4
	// MaxWrites is how many flags are written at once.
	MaxWrites = 8
)

// WritesAreFull reports whether no further write may begin now.
func (a *API) WritesAreFull() bool { return a.writes.IsFull() }

// write runs a write whose response is the flag. Once stored, a write is never answered
// with a failure: without memory for a long response it keeps its place among the writes
// until the response is sent, so that at most MaxWrites such responses exist.
func (a *API) write(ctx context.Context, write func() (flag.State, error)) (flag.State, error) {
	place, err := a.writes.Wait(ctx)
	if err != nil {
		return flag.State{}, err
	}
	release := place.Release
	defer func() { release() }()
	f, err := write()
	if err != nil {
		return f, err
	}
	if a.router.ReserveResponse(ctx, len(f.Definition.JSON())) != nil {
		rest.AtEnd(ctx, place.Release)
		release = func() {}
	}
	return f, nil
}

type createFlagInput struct {
	Body rest.Raw[createJSON]
}

type createFlagOutput struct {
	Location string `header:"Location" doc:"The path to read it"`
	ETag     string `header:"ETag"`
	Body     rest.Raw[flagJSON]
}

func (a *API) create(ctx context.Context, in *createFlagInput) (*createFlagOutput, error) {
	f, err := a.write(ctx, func() (flag.State, error) {
		return a.flags.Create(ctx, rest.CallerOf(ctx), in.Body.Text)
	})
	if err != nil {
		return nil, err
	}
	query := url.Values{"environment": {f.Identity.Environment.String()}}
	return &createFlagOutput{
		Location: flagsPath + url.PathEscape(f.Identity.Name.String()) + "?" + query.Encode(),
		ETag:     etag.OfVersion(f.Version), Body: representFlag(f),
	}, nil
}

// FlagTarget identifies the flag of an operation. It is exported because huma reads no
// embedded fields that are not.
type FlagTarget struct {
	FlagID int64 `path:"flag_id" minimum:"1" doc:"The id of the flag"`
}

func (t FlagTarget) id() flag.ID { return flag.ID(t.FlagID) }

type updateFlagInput struct {
	FlagTarget
	rest.Precondition
	Body rest.Raw[changeJSON]
}

// changedFlagOutput is the response to a write.
type changedFlagOutput struct {
	ETag string `header:"ETag"`
	Body rest.Raw[flagJSON]
}

func changedFlag(f flag.State, err error) (*changedFlagOutput, error) {
	if err != nil {
		return nil, err
	}
	return &changedFlagOutput{ETag: etag.OfVersion(f.Version), Body: representFlag(f)}, nil
}

func (a *API) update(ctx context.Context, in *updateFlagInput) (*changedFlagOutput, error) {
	return changedFlag(a.write(ctx, func() (flag.State, error) {
		return a.flags.Update(ctx, rest.CallerOf(ctx), flagapp.Update{
			ID: in.id(), Change: in.Body.Text, Expect: in.Expected(),
		})
	}))
}

type deleteFlagInput struct {
	FlagTarget
	rest.Precondition
}

func (a *API) delete(ctx context.Context, in *deleteFlagInput) (*struct{}, error) {
	_, err := a.flags.Delete(ctx, rest.CallerOf(ctx), flagapp.Delete{ID: in.id(), Expect: in.Expected()})
	return nil, err
}

type rollBackFlagInput struct {
	FlagTarget
	rest.Precondition
	Body rest.RollBackJSON
}

func (a *API) rollBack(ctx context.Context, in *rollBackFlagInput) (*changedFlagOutput, error) {
	return changedFlag(a.write(ctx, func() (flag.State, error) {
		return a.flags.RollBack(ctx, rest.CallerOf(ctx), flagapp.RollBack{
			ID: in.id(), Version: scope.Version(in.Body.Version), Expect: in.Expected(),
		})
	}))
}

type previewFlagInput struct {
	FlagTarget
	Body rest.Raw[changeJSON]
}

type previewFlagOutput struct {
	Body previewJSON
}

func (a *API) preview(ctx context.Context, in *previewFlagInput) (*previewFlagOutput, error) {
	place, err := a.loads.Reserve(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer place.Release()
	p, err := a.flags.Preview(ctx, rest.CallerOf(ctx), flagapp.Preview{ID: in.id(), Change: in.Body.Text})
	if err != nil {
		return nil, err
	}
	length := len(p.From.Definition.JSON()) + len(p.To.Definition.JSON())
	if err := a.router.ReserveResponse(ctx, length); err != nil {
		return nil, err
	}
	return &previewFlagOutput{representPreview(p)}, nil
}
