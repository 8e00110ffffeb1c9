package flagapi

import (
	"net/http"
	"sync"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/quota"
	"github.com/signalbox-hq/signalbox/domain/access"
)

// The paths of flags.
const (
	flagsPath = rest.BasePath + "/feature-flags/"
	namePath  = flagsPath + "{name}"
	idPath    = flagsPath + "{flag_id}"
)

const (
	tag = "flags"
	// MaxDefinitionBytes is the longest definition that is read: 100 objects of 64 KiB and
	// 10,000 users fit.
	maxDefinitionBytes = 10 << 20
)

// API serves the operations of flags.
type API struct {
	flags  Flags
	router *rest.Router
	// bodies are those of evaluations, to be reused.
	bodies sync.Pool
	// loads bounds loads of flags of unknown size, writes bounds writes.
	loads, writes *quota.Quota
}

// New returns the operations over their use cases.
func New(flags Flags) *API {
	return &API{
		flags: flags, bodies: sync.Pool{New: newBody},
		loads: quota.New(maxLoads), writes: quota.New(MaxWrites),
	}
}

// Register adds the operations to a router.
func (a *API) Register(r *rest.Router) {
	a.router = r
	r.DescribeTag(tag, "Feature flags: definitions, evaluation, explanations and previews.")
	rest.PrefixSchemas[flagJSON](r, "Flag")
	r.Constrain(texts())
	a.registerWrites(r)
	a.registerReads(r)
	a.registerEvaluation(r)
}

func (a *API) registerWrites(r *rest.Router) {
	rest.Typed(r, rest.Operation{
		ID: "create-flag", Example: examples()["create-flag"],
		Method: http.MethodPost, Path: flagsPath, Tag: tag,
		Summary: "Create a feature flag", Action: access.WriteFlag,
		BodyLimit: maxDefinitionBytes, UncheckedBody: true,
		Status: http.StatusCreated, Problems: []int{http.StatusConflict},
	}, a.create)
	rest.Typed(r, rest.Operation{
		ID: "update-flag", Example: examples()["update-flag"],
		Method: http.MethodPut, Path: idPath, Tag: tag,
		Summary: "Change any part of a feature flag", Action: access.WriteFlag,
		BodyLimit: maxDefinitionBytes, UncheckedBody: true,
		Problems: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, a.update)
	rest.Typed(r, rest.Operation{
		ID: "delete-flag", Method: http.MethodDelete, Path: idPath, Tag: tag,
		Summary: "Delete a feature flag", Action: access.WriteFlag, Status: http.StatusNoContent,
		Problems: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, a.delete)
	rest.Typed(r, rest.Operation{
		ID: "roll-back-flag", Example: examples()["roll-back-flag"],
		Method: http.MethodPost, Path: idPath + "/rollback", Tag: tag,
		Summary: "Roll a feature flag back to an earlier version", Action: access.WriteFlag,
		Problems: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, a.rollBack)
	rest.Typed(r, rest.Operation{
		ID: "preview-flag", Example: examples()["preview-flag"],
		Method: http.MethodPost, Path: idPath + "/preview", Tag: tag,
		Summary: "Preview a change and the share of users that it would move, without storing it",
		Action:  access.ReadFlag, BodyLimit: maxDefinitionBytes, UncheckedBody: true,
		Problems: []int{http.StatusNotFound, http.StatusConflict},
	}, a.preview)
}

func (a *API) registerReads(r *rest.Router) {
	rest.Typed(r, rest.Operation{
		ID: "list-flags", Method: http.MethodGet, Path: flagsPath, Tag: tag,
		Summary: "List feature flags", Action: access.ReadFlag,
		Responses: []rest.Response{rest.JSON[listJSON](http.StatusOK)},
	}, a.list)
	r.Handle(rest.Operation{
		ID: "read-flag", Method: http.MethodGet, Path: namePath, Tag: tag,
		Summary: "Read a feature flag", Action: access.ReadFlag,
		Description: "Answers 304 if If-None-Match has the current ETag.",
		Parameters:  readParameters(),
		Responses: []rest.Response{
			rest.JSON[flagJSON](http.StatusOK, "ETag", "Last-Modified", "Signalbox-Stale"),
			{Status: http.StatusNotModified},
		},
		Problems: []int{http.StatusNotFound, http.StatusConflict},
	}, a.read)
	rest.Typed(r, rest.Operation{
		ID: "list-flag-history", Method: http.MethodGet, Path: idPath + "/history", Tag: tag,
		Summary: "List the versions of a feature flag, newest first", Action: access.ReadFlag,
		Responses: []rest.Response{rest.JSON[flagHistoryJSON](http.StatusOK)},
		Problems:  []int{http.StatusNotFound, http.StatusConflict},
	}, a.readHistory)
}

func (a *API) registerEvaluation(r *rest.Router) {
	decided := []string{"Signalbox-Revision", "Signalbox-Stale"}
	r.Hot(rest.Operation{
		ID: "evaluate-flag", Example: examples()["evaluate-flag"],
		Method: http.MethodPost, Path: flagsPath + "evaluate", Tag: tag,
		Summary: "Evaluate a feature flag", Action: access.EvaluateFlag,
		Body:      rest.BodyOf[evaluateJSON](),
		Responses: []rest.Response{rest.JSON[evaluationJSON](http.StatusOK, decided...)},
		Problems:  []int{http.StatusConflict, http.StatusRequestEntityTooLarge},
	}, a.evaluate)
	r.Hot(rest.Operation{
		ID: "evaluate-flags", Example: examples()["evaluate-flags"],
		Method: http.MethodPost, Path: flagsPath + "evaluate/batch", Tag: tag,
		Summary: "Evaluate several feature flags, or all, as of one moment", Action: access.EvaluateFlag,
		Body:      rest.BodyOf[evaluateBatchJSON](),
		Responses: []rest.Response{rest.JSON[batchJSON](http.StatusOK, decided...)},
		Problems:  []int{http.StatusConflict, http.StatusRequestEntityTooLarge},
	}, a.evaluateBatch)
	r.Hot(rest.Operation{
		ID: "explain-flag", Example: examples()["explain-flag"],
		Method: http.MethodPost, Path: flagsPath + "explain", Tag: tag,
		Summary:   "Explain the evaluation of a feature flag, now or at an earlier version, step by step",
		Action:    access.ReadFlag,
		Body:      rest.BodyOf[explainJSON](),
		Responses: []rest.Response{rest.JSON[explanationJSON](http.StatusOK, decided...)},
		Problems:  []int{http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge},
	}, a.explain)
}
