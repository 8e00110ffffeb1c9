package ginapi

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
)

// Watching follows the change feed, as changefeed.Tailer does.
type Watching interface {
	Position() ports.FeedHead
	Cached(revision int64) bool
	Await(ctx context.Context, revision int64) error
	Check(ctx context.Context, epoch string, revision int64) error
	CheckFilter(f changefeed.Filter) error
	Watch(caller access.Caller, f changefeed.Filter) (*changefeed.Watch, error)
	Observe(f changefeed.Filter) *changefeed.Watch
}

// Sessions bounds streams and long polls, and ends them with the access of their
// caller, as accessapp.Service does.
type Sessions interface {
	// Open begins one; whoever opens it closes it. access.ErrTooManyStreams is one too
	// many, access.ErrInvalidKey a key that holds no longer.
	Open(ctx context.Context, by access.Caller) (*accessapp.Session, error)
}

const (
	changesPath = basePath + "/changes"
	// MaxCatchUp is how long a replica may take to hear of what another one has told.
	maxCatchUp = 2 * time.Second
	// DefaultWait and maxWait bound a long poll.
	defaultWait, maxWait = 30 * time.Second, 60 * time.Second
	defaultWatchLimit    = 100
	maxWatchLimit        = 1000
	// WritePatience is how long a client may take to read what is written at once.
	writePatience = 10 * time.Second
)

func (a *API) routeChanges() {
	poll := a.operation("changes", "watch-changes", http.MethodGet, changesPath, "Wait for changes", http.StatusGone)
	poll.Description = "Answers as soon as there are changes after `since`, or when `wait` is over. Ask again with " +
		"the revision and the epoch of the answer: then nothing is missed and nothing comes twice. 410 says that " +
		"what followed is no longer kept: read what stands, and go on from the revision named there."
	poll.Parameters = append(a.watchParameters(), &huma.Param{
		Name: "wait", In: inQuery, Schema: &huma.Schema{Type: huma.TypeString},
		Description: "How long to wait, such as 30s, which is used if not given; 0s to 60s",
	}, &huma.Param{
		Name: "limit", In: inQuery, Description: "How many changes at most; 100 if not given",
		Schema: between(1, maxWatchLimit),
	})
	poll.Responses["200"] = a.jsonResponse(http.StatusOK, reflect.TypeFor[changesJSON]())
	stream := a.operation("changes", "stream-changes", http.MethodGet, changesPath+"/stream",
		"Follow changes as a stream of events", http.StatusGone)
	stream.Description = "Server-sent events (HTML Living Standard, 9.2): `change` for each change; `position` at " +
		"the beginning where no place was asked for, and when much was looked through that the filter does not " +
		"take, with the epoch and the " +
		"revision that the stream has reached; `resync` before a stream is closed that cannot go on, because the " +
		"client is too slow or its place is not known or no longer kept: read what stands, and go on from the " +
		"revision there; `end` before a stream is closed because the API key holds no longer. The id of an event " +
		"is `epoch-revision`; a client that connects again with Last-Event-ID misses nothing, or has `resync`."
	stream.Parameters = append(a.watchParameters(), &huma.Param{
		Name: "Last-Event-ID", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "Where to go on; it goes before since and epoch",
	})
	stream.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{
		eventStream: {Schema: &huma.Schema{Type: huma.TypeString}},
	}}
	a.huma.OpenAPI().AddOperation(&poll)
	a.huma.OpenAPI().AddOperation(&stream)
	a.routes.handle(&poll, a.changes)
	a.routes.handle(&stream, a.stream)
}

func between(low, high float64) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: &low, Maximum: &high}
}

func (a *API) watchParameters() []*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	types := []any{}
	for _, t := range a.options.Modules.ResourceTypes() {
		types = append(types, t)
	}
	return []*huma.Param{
		{
			Name: "since", In: inQuery, Schema: between(0, maxVersion),
			Description: "What follows this revision; from now on if not given",
		},
		{Name: "epoch", In: inQuery, Schema: text, Description: "The epoch that since belongs to; another one is 410"},
		{
			Name: "environment", In: inQuery, Schema: text,
			Description: "What belongs to this environment, and all services",
		},
		{Name: "service_name", In: inQuery, Schema: text, Description: "This service, and its configurations"},
		{
			Name: "type", In: inQuery, Description: "The type of resource",
			Schema: &huma.Schema{Type: huma.TypeString, Enum: types},
		},
	}
}

// watchAsk is what a watcher asks for.
type watchAsk struct {
	filter changefeed.Filter
	// watch is opened by readWatch; who calls that closes it.
	watch *changefeed.Watch
	epoch string
	since int64
	limit int
	wait  time.Duration
	// lost says that the watcher does not know what it has missed, fresh that it names
	// no place at all.
	lost, fresh bool
}

// readWatch understands what both ways of watching share, and names every part at
// fault.
func (a *API) readWatch(c *gin.Context, in input) (watchAsk, error) {
	now := a.options.Watching.Position()
	// Without an epoch the revision is one of the present: it is compared below, and may
	// be another one by the time that changes are read.
	ask := watchAsk{epoch: cmp.Or(in.query.Get("epoch"), now.Epoch), since: now.Revision, limit: defaultWatchLimit}
	var sinceErr, limitErr, waitErr, epochErr error
	if in.given("since") {
		ask.since, sinceErr = readWhole(in, "since", 0, maxVersion)
	} else if in.given("epoch") {
		epochErr = fault.Bad("epoch", "needs since beside it")
	}
	if in.given("limit") {
		var limit int64
		limit, limitErr = readWhole(in, "limit", 1, maxWatchLimit)
		ask.limit = int(limit)
	}
	ask.wait, waitErr = readWait(in)
	filter, filterErr := a.readFilter(in)
	if err := fault.Merge(sinceErr, limitErr, waitErr, epochErr, filterErr); err != nil {
		return watchAsk{}, err
	}
	watch, err := a.options.Watching.Watch(callOf(c.Request.Context()).caller, filter)
	if err != nil {
		return watchAsk{}, err
	}
	ask.filter, ask.watch = filter, watch
	return ask, nil
}

func readWhole(in input, name string, low, high int64) (int64, error) {
	n, err := strconv.ParseInt(in.query.Get(name), 10, 64)
	if err != nil || n < low || n > high {
		return 0, fault.Bad(name, "must be a whole number from "+strconv.FormatInt(low, 10)+" to "+
			strconv.FormatInt(high, 10))
	}
	return n, nil
}

func readWait(in input) (time.Duration, error) {
	if !in.given("wait") {
		return defaultWait, nil
	}
	text := in.query.Get("wait")
	wait, err := time.ParseDuration(text)
	if seconds, numberErr := strconv.Atoi(text); numberErr == nil {
		wait, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || wait < 0 || wait > maxWait {
		return 0, fault.Bad("wait", "must be a duration from 0s to 60s, such as 30s")
	}
	return wait, nil
}

func (a *API) readFilter(in input) (changefeed.Filter, error) {
	f := changefeed.Filter{
		Environment: in.query.Get("environment"), ServiceName: in.query.Get("service_name"),
		ResourceType: in.query.Get("type"),
	}
	for _, name := range []string{"environment", "service_name", "type"} {
		if in.given(name) && in.query.Get(name) == "" {
			return f, fault.Bad(name, "may not be empty")
		}
	}
	return f, a.options.Watching.CheckFilter(f)
}

// changes answers a long poll.
func (a *API) changes(c *gin.Context, in input) {
	ask, err := a.readWatch(c, in)
	if err != nil {
		a.fail(c, err)
		return
	}
	defer ask.watch.Close()
	// The wait is shortened a little, so that clients who began together part.
	wait := ask.wait - rand.N(ask.wait/10+1) //nolint:gosec // nothing secret hangs on it
	if err := a.checkPlace(unhurried(c), ask); err != nil {
		a.fail(c, err)
		return
	}
	ctx, cancel := context.WithTimeout(unhurried(c), max(wait, maxCatchUp))
	defer cancel()
	session, err := a.options.Sessions.Open(ctx, callOf(c.Request.Context()).caller)
	if err != nil {
		a.fail(c, err)
		return
	}
	defer session.Close()
	a.letWrite(c, max(wait, maxCatchUp)+writePatience)
	list, upTo, err := a.awaitChanges(ctx, session, ask, wait)
	if ended := session.Check(); ended != nil {
		err = ended
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	a.sendBytes(c, appendChanges(nil, ask.epoch, upTo, list))
}

// checkPlace makes sure that the feed can be followed from where the caller is.
func (a *API) checkPlace(ctx context.Context, ask watchAsk) error {
	ctx, cancel := context.WithTimeout(ctx, maxCatchUp)
	defer cancel()
	return a.options.Watching.Check(ctx, ask.epoch, ask.since)
}

// awaitChanges returns what follows, as soon as there is something, and else how far it
// has looked through the feed at the end of the wait, or when the server stops or the
// access has ended.
func (a *API) awaitChanges(
	ctx context.Context, session *accessapp.Session, ask watchAsk, wait time.Duration,
) ([]*changefeed.Notification, int64, error) {
	over := time.NewTimer(wait)
	defer over.Stop()
	for ended := false; ; {
		list, upTo, err := a.lookThrough(ctx, ask)
		if err != nil || len(list) > 0 || ended || ctx.Err() != nil {
			return list, upTo, err
		}
		ask.since = upTo
		select {
		case <-ask.watch.Notified():
		case <-over.C:
			ended = true
		case <-a.stopping:
			ended = true
		case <-session.Ended():
			ended = true
		case <-ctx.Done():
			ended = true
		}
	}
}

// lookThrough returns what follows, and how far it has looked: through all that the
// replica has, unless there is something, the server stops or the time is up. That the
// time is up is no error.
func (a *API) lookThrough(ctx context.Context, ask watchAsk) ([]*changefeed.Notification, int64, error) {
	for {
		list, upTo, err := ask.watch.Since(ctx, ask.since, ask.limit)
		now := a.options.Watching.Position()
		switch {
		case now.Epoch != ask.epoch:
			return nil, 0, a.options.Watching.Check(ctx, ask.epoch, ask.since)
		case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
			return nil, ask.since, nil
		case err != nil, len(list) > 0, upTo >= now.Revision, ctx.Err() != nil, a.isStopping():
			return list, upTo, err
		}
		ask.since = upTo
	}
}

// unhurried returns the context of a request without the deadline that others have.
func unhurried(c *gin.Context) context.Context {
	ctx := c.Request.Context()
	if ours, ok := ctx.(*requestContext); ok {
		return ours.Context
	}
	return ctx
}

// letWrite gives a response its own deadline in place of the server's, and lets the
// connection be silent meanwhile. A connection without deadlines has none to lift.
func (*API) letWrite(c *gin.Context, within time.Duration) {
	control := http.NewResponseController(c.Writer)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Now().Add(within)) //nolint:forbidigo // connections go by the system's clock
}
