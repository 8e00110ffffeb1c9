package changesapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

const (
	changesPath = rest.BasePath + "/changes"
	tag         = "changes"
)

// Feed is the change feed of this replica, as changefeed.Tailer implements it.
type Feed interface {
	Position() ports.FeedHead
	Cached(revision int64) bool
	Check(ctx context.Context, epoch string, revision int64) error
	CheckFilter(f changefeed.Filter) error
	Watch(caller access.Caller, f changefeed.Filter) (*changefeed.Watch, error)
}

// Sessions bounds the streams and long polls of a key, and ends them with its access, as
// accessapp.Service does.
type Sessions interface {
	// Open begins one, which the caller closes. access.ErrTooManyStreams is one too many,
	// access.ErrInvalidKey a key that is no longer valid.
	Open(ctx context.Context, by access.Caller) (*accessapp.Session, error)
}

// Dependencies are what watching consists of.
type Dependencies struct {
	Feed     Feed
	Sessions Sessions
	// Modules are those whose changes can be watched.
	Modules ports.Modules
	// Environments are those that can be watched.
	Environments scope.Environments
}

// API serves the operations that watch changes.
type API struct {
	Dependencies

	router *rest.Router
}

// New returns the operations.
func New(d Dependencies) *API { return &API{Dependencies: d} }

// Register adds the operations to a router.
func (a *API) Register(r *rest.Router) {
	a.router = r
	r.DescribeTag(tag, "The change feed: long polls and streams of changes.")
	rest.PrefixSchemas[changeJSON](r, "Feed")
	r.Handle(rest.Operation{
		ID: "watch-changes", Method: http.MethodGet, Path: changesPath, Tag: tag,
		Summary: "Wait for changes", Authenticated: true,
		Description: "Responds as soon as there are changes after `since`, or when `wait` has passed. Repeat " +
			"it with the revision and the epoch of the response: no change is missed, and none is " +
			"repeated. 410 means that the changes after `since` are no longer retained: read the " +
			"current state, and continue from the revision in the response.",
		Parameters: append(a.watchParameters(),
			rest.QueryString("wait", "How long to wait, such as 30s, which is used if not given; 0s to 60s"),
			rest.QueryInt("limit", 1, maxWatchLimit, "How many changes at most; 100 if not given")),
		Responses:          []rest.Response{rest.JSON[changesJSON](http.StatusOK)},
		Problems:           []int{http.StatusGone},
		WithoutMinRevision: true,
	}, a.changes)
	r.Handle(rest.Operation{
		ID: "stream-changes", Method: http.MethodGet, Path: changesPath + "/stream", Tag: tag, Authenticated: true,
		Summary: "Follow changes as a stream of events",
		Description: "Server-sent events (HTML Living Standard, 9.2): `change` for each change; `position` at " +
			"the beginning if the request has no position, and after many changes that the filter " +
			"leaves out, with the epoch and the revision that the stream has reached; `resync` before" +
			" the service closes a stream that it cannot continue, because the client is too slow or " +
			"its position is unknown or no longer retained: read the current state, and continue from" +
			" the revision in the event; `end` before the service closes a stream otherwise, with a `code`, and " +
			"with `reconnect`, which says whether to connect again with the same API key. " +
			"The id of an event is `epoch-revision`; a client that reconnects with " +
			"Last-Event-ID misses no change, or receives `resync`.",
		Parameters: append(a.watchParameters(),
			rest.HeaderParam("Last-Event-ID", "Position to resume from; takes precedence over since and epoch")),
		Responses:          []rest.Response{{Status: http.StatusOK, MediaType: rest.EventStreamMediaType}},
		Problems:           []int{http.StatusGone},
		WithoutMinRevision: true,
	}, a.stream)
}

func (a *API) watchParameters() []*huma.Param {
	return []*huma.Param{
		rest.QueryInt("since", 0, rest.MaxVersion, "Changes after this revision; from now on if not given"),
		rest.QueryString("epoch", "The epoch that since belongs to; another one is 410"),
		rest.QueryString("environment", "Changes of this environment, and of all services"),
		rest.QueryString("service_name", "Changes of this service and of its configurations"),
		rest.QueryEnum("type", "The type of resource", a.Modules.ResourceTypes()...),
	}
}
