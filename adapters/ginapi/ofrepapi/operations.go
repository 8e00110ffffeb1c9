package ofrepapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// The paths of OFREP. Evaluations are also below /environments/{environment}.
const (
	flagsPath        = "/ofrep/v1/evaluate/flags"
	streamPath       = "/ofrep/v1/stream"
	environmentsPath = "/environments/"
)

const tag = "ofrep"

// Flags are the use cases that evaluate flags, as flagapp.Service implements them.
type Flags interface {
	Snapshot(ctx context.Context, by access.Caller, environment string) (*flagapp.Snapshot, error)
	Evaluate(ctx context.Context, by access.Caller, in flagapp.Evaluate) (flagapp.Evaluated, error)
	EvaluateAll(ctx context.Context, by access.Caller, in flagapp.EvaluateAll) (flagapp.Evaluations, error)
	Staleness() time.Duration
}

// Passes authenticate streams of clients that can send no header, as accessapp.Service
// does.
type Passes interface {
	// Pass returns a pass for the stream of an environment, which is part of its URL, or ""
	// for a caller that has no stream.
	Pass(ctx context.Context, by access.Caller, e scope.Environment) (string, error)
	// Admit returns the caller and the environment of a pass.
	Admit(ctx context.Context, pass string, from access.Origin) (access.Caller, scope.Environment, error)
}

// Sessions bounds the streams of a key, and ends them with its access, as
// accessapp.Service does.
type Sessions interface {
	// Open begins a stream, which the caller closes. access.ErrTooManyStreams is one too
	// many, access.ErrInvalidKey a key that is no longer valid.
	Open(ctx context.Context, by access.Caller) (*accessapp.Session, error)
}

// Feed is the change feed of this replica, as changefeed.Tailer implements it.
type Feed interface {
	Position() ports.FeedHead
	Cached(revision int64) bool
	Check(ctx context.Context, epoch string, revision int64) error
	Observe(caller access.Caller, action access.Action, f changefeed.Filter) *changefeed.Watch
}

// Dependencies are what OFREP consists of.
type Dependencies struct {
	Flags    Flags
	Passes   Passes
	Sessions Sessions
	Feed     Feed
	// DefaultEnvironment is used where a request names none.
	DefaultEnvironment string
}

// API serves OFREP.
type API struct {
	Dependencies

	router *rest.Router
	// bodies are those of evaluations, to be reused.
	bodies sync.Pool
}

// New returns OFREP over its use cases.
func New(d Dependencies) *API { return &API{Dependencies: d, bodies: sync.Pool{New: newBody}} }

// Register adds the operations to a router. Gin has no fixed path beside a wildcard, so
// that the wildcard's "/" is the bulk evaluation with a slash at its end.
func (a *API) Register(r *rest.Router) {
	a.router = r
	r.DescribeTag(tag, "OpenFeature Remote Evaluation Protocol, for all OpenFeature clients.")
	r.AddRealm(rest.Realm{
		Contains: isStream, Authentication: rest.Deferred, Failure: describe, CrossOrigin: true,
	})
	r.AddRealm(rest.Realm{
		Contains: isOFREP, Authentication: rest.Required, Failure: describe, CrossOrigin: true,
	})
	r.Hot(a.bulkOperation(), a.bulk)
	r.Hot(a.singleOperation(), a.single)
	r.Hot(rest.Operation{
		ID: "ofrep-stream", Method: http.MethodGet, Path: streamPath, Tag: tag, Open: true,
		Summary: "Follow changes of flags as a stream of events",
		Description: "Server-sent events of OFREP's ADR 0008: `refetchEvaluation` after a change of a flag of " +
			"the environment, and at the beginning if the client's position is unknown. The URL comes" +
			" from `eventStreams` of a bulk evaluation and is valid for at least an hour, as long as the secret of " +
			"the API key. An event `end` says why the service closes the stream.",
		Parameters: []*huma.Param{
			requiredPass(), rest.HeaderParam("Last-Event-ID", "Position to resume from"),
		},
		Responses:   append(failures(), rest.Response{Status: http.StatusOK, MediaType: rest.EventStreamMediaType}),
		OwnFailures: true,
	}, a.stream)
}

func requiredPass() *huma.Param { return rest.RequiredQuery("pass", "As the bulk evaluation gave it") }

func (a *API) bulkOperation() rest.Operation {
	op := evaluationOperation("ofrep-evaluate-flags", "Evaluate all feature flags by OFREP", flagsPath)
	op.Routes = []string{flagsPath, environmentsPath + "{environment}" + flagsPath}
	op.Parameters = append(op.Parameters,
		rest.HeaderParam("If-None-Match", ""),
		rest.QueryString("flagConfigEtag",
			"The ETag of the snapshot that the caller knows; an older snapshot waits for it"))
	op.Responses = append(failures(http.StatusRequestEntityTooLarge),
		rest.JSON[ofrepBulkJSON](http.StatusOK, "ETag", "Signalbox-Revision", "Signalbox-Stale"),
		rest.Response{Status: http.StatusNotModified})
	return op
}

func (a *API) singleOperation() rest.Operation {
	op := evaluationOperation("ofrep-evaluate-flag", "Evaluate a feature flag by OFREP", flagsPath+"/{key}")
	op.Routes = []string{flagsPath + "/{key...}", environmentsPath + "{environment}" + flagsPath + "/{key...}"}
	op.Parameters = append([]*huma.Param{
		rest.PathParam("key", "The flag's name; a slash in it is sent as it is or as %2F"),
	}, op.Parameters...)
	op.Responses = append(failures(http.StatusNotFound, http.StatusRequestEntityTooLarge),
		rest.JSON[ofrepFlagJSON](http.StatusOK, "ETag", "Signalbox-Revision", "Signalbox-Stale"))
	return op
}

func evaluationOperation(id, summary, path string) rest.Operation {
	return rest.Operation{
		ID: id, Method: http.MethodPost, Path: path, Tag: tag, Summary: summary, Action: access.EvaluateFlag,
		Description: "OpenFeature Remote Evaluation Protocol 0.3. Also below /environments/{environment}.",
		Parameters: []*huma.Param{rest.HeaderParam("X-Environment",
			"The environment, where the path does not name it; DEFAULT_ENVIRONMENT if not given")},
		Body:        rest.Body{Type: rest.BodyOf[ofrepRequestJSON]().Type, Optional: true},
		Example:     `{"context": {"targetingKey": "user123", "plan": "gold"}}`,
		OwnFailures: true,
	}
}

// failures describes the failures of any operation, and those named.
func failures(statuses ...int) []rest.Response {
	var list []rest.Response
	for _, status := range append(statuses, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
		http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable) {
		list = append(list, rest.JSON[ofrepErrorJSON](status))
	}
	return list
}
