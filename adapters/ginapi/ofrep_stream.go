package ginapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

const (
	ofrepStream = "/ofrep/v1/stream"
	// CoalesceFor is for how long changes become one event.
	coalesceFor = 50 * time.Millisecond
)

// Passes let clients that can send no header follow an environment, as
// accessapp.Service does.
type Passes interface {
	// Pass returns the text that stands in the URL of a stream.
	Pass(ctx context.Context, by access.Caller, e scope.Environment) (string, error)
	// Admit returns who it was made for, and for which environment.
	Admit(ctx context.Context, pass string) (access.Caller, scope.Environment, error)
}

// routeOFREPStream registers the stream that bulk evaluations name in eventStreams.
func (a *API) routeOFREPStream() {
	op := a.ofrepStreamOperation()
	a.huma.OpenAPI().AddOperation(&op)
	a.routes.mount(&op, a.ofrepStream)
}

func (a *API) ofrepStreamOperation() huma.Operation {
	text := &huma.Schema{Type: huma.TypeString}
	op := a.openOperation("ofrep-stream", ofrepStream, "Hear that flags have changed")
	op.Tags, op.Responses = []string{"ofrep"}, map[string]*huma.Response{}
	a.documentOFREPFailures(&op)
	op.Description = "Server-sent events of OFREP's ADR 0008: `refetchEvaluation` when a flag of the environment was " +
		"changed, and first of all where the client's place is not known. The URL comes from `eventStreams` of a " +
		"bulk evaluation and holds for an hour at least."
	op.Parameters = []*huma.Param{
		{Name: "pass", In: inQuery, Required: true, Schema: text, Description: "As the bulk evaluation gave it"},
		{Name: "Last-Event-ID", In: "header", Schema: text, Description: "Where to go on"},
	}
	op.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{
		eventStream: {Schema: text},
	}}
	return op
}

func (a *API) ofrepStream(c *gin.Context) {
	ctx := c.Request.Context()
	caller, environment, err := a.options.Passes.Admit(ctx, c.Query("pass"))
	if err == nil {
		_, err = a.options.Flags.Snapshot(ctx, caller, environment.String())
	}
	var session *accessapp.Session
	if err == nil {
		session, err = a.options.Sessions.Open(ctx, caller)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	defer session.Close()
	ask := watchAsk{filter: changefeed.Filter{Environment: environment.String(), ResourceType: flagapp.ResourceType}}
	a.findOFREPPlace(c, &ask)
	s := a.openStream(c, session, ask.epoch)
	s.quiet = true
	if c.Request.Method == http.MethodHead {
		return
	}
	err = s.tellFlags(unhurried(c), ask, caller)
	if ended := session.Check(); ended != nil && err != nil {
		err = errors.Join(s.put([]byte(": "+fault.Of(ended).Code()+"\n\n")), s.flush())
	}
	// Whoever could not be told has gone, which the access log tells.
	_ = err
}

// findOFREPPlace takes the place of a Last-Event-ID. Where there is none, or one from
// which what follows is no longer in memory, it is the present one, and the client is
// to evaluate anew.
func (a *API) findOFREPPlace(c *gin.Context, ask *watchAsk) {
	id := c.Request.Header.Get("Last-Event-ID")
	if resumeFrom(id, ask) && a.checkPlace(unhurried(c), *ask) == nil && a.options.Watching.Cached(ask.since) {
		return
	}
	now := a.options.Watching.Position()
	ask.epoch, ask.since, ask.fresh, ask.lost = now.Epoch, now.Revision, id == "", true
}

// tellFlags says that flags were changed, as often as they are, and first of all where
// the client does not know what it has missed.
func (s *streaming) tellFlags(ctx context.Context, ask watchAsk, caller access.Caller) error {
	watching := s.api.options.Watching
	w := watching.Observe(ask.filter)
	defer w.Close()
	beat := time.NewTicker(heartbeatPause)
	defer beat.Stop()
	if !ask.fresh {
		if err := s.begin(nil); err != nil {
			return err
		}
	}
	for {
		list, upTo, err := w.Since(ctx, ask.since, maxWatchLimit)
		if now := watching.Position(); errors.Is(err, changefeed.ErrCompacted) || now.Epoch != s.epoch {
			s.epoch, upTo, ask.lost, err = now.Epoch, now.Revision, true, nil
		}
		if err == nil && (ask.lost || len(list) > 0) {
			err = s.refetch(ctx, caller, ask.filter.Environment, upTo, list, ask.fresh)
		}
		if err != nil {
			return err
		}
		ask.since, ask.lost, ask.fresh = upTo, false, false
		if err := s.rest(ctx, w, beat, upTo); err != nil {
			return err
		}
	}
}

// rest waits for what concerns the stream, and a little longer for what comes with
// it. A stream that has not looked through all yet does not wait.
func (s *streaming) rest(ctx context.Context, w *changefeed.Watch, beat *time.Ticker, at int64) error {
	if !s.api.options.Watching.Cached(at) {
		return s.progress(ctx, beat, at)
	}
	select {
	case <-w.Notified():
	case <-beat.C:
		return s.heartbeat(at)
	case <-s.session.Ended():
		return errEnded
	case <-s.api.stopping:
		return errors.Join(s.send([]byte(": the server stops; connect again\n\n")), errEnded)
	case <-ctx.Done():
		return errEnded
	}
	together := time.NewTimer(coalesceFor)
	defer together.Stop()
	select {
	case <-together.C:
		return nil
	case <-ctx.Done():
		return errEnded
	}
}

// refetch tells the client to evaluate again, and which snapshot to wait for; in the
// first frame where the stream begins so.
func (s *streaming) refetch(
	ctx context.Context, caller access.Caller, environment string, at int64, list []*changefeed.Notification, begins bool,
) error {
	flags, err := s.api.options.Flags.Snapshot(ctx, caller, environment)
	if err != nil {
		return err
	}
	s.frame = append(s.appendID(s.frame[:0], at), `data: {"type":"refetchEvaluation","etag":"`...)
	s.frame = append(appendSnapshot(s.frame, flags), '"')
	if n := len(list); n > 0 {
		s.frame = strconv.AppendInt(append(s.frame, `,"lastModified":`...), list[n-1].OccurredAt.Unix(), 10)
	}
	s.frame = append(s.frame, "}\n"...)
	if begins {
		return s.begin(s.frame)
	}
	return s.send(append(s.frame, '\n'))
}

// appendSnapshot names a snapshot, as the tag of a bulk evaluation begins.
func appendSnapshot(to []byte, s *flagapp.Snapshot) []byte {
	return append(append(strconv.AppendInt(to, s.Revision(), 10), '-'), s.Environment().String()...)
}

// appendStreams writes where to hear of changes of a snapshot.
func appendStreams(to []byte, pass string) []byte {
	to = append(to, `"eventStreams":[{"type":"sse","endpoint":{"requestUri":"`+ofrepStream+`?pass=`...)
	return append(append(to, pass...), `"}}]`...)
}
