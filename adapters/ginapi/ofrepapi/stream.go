package ofrepapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

const (
	// CoalesceInterval is for how long changes become one event.
	coalesceInterval = 50 * time.Millisecond
	// ChangesPerLoad is how many changes are read from the feed at once.
	changesPerLoad = 1000
)

// stream is one open stream, whose state is kept here and not on the stack.
type stream struct {
	*rest.Stream

	api     *API
	caller  access.Caller
	session *accessapp.Session
	filter  changefeed.Filter
	watch   *changefeed.Watch
	epoch   string
	// at is the revision up to which the feed was read.
	at int64
	// lost says that the client does not know what it has missed, fresh that it names no
	// position at all.
	lost, fresh bool
}

// stream notifies a client of changed flags until it disconnects or its access ends.
func (a *API) stream(c *gin.Context, _ *rest.Input) {
	s, err := a.openStream(c)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	s.run(rest.WithoutDeadline(c), c.Request.Method == http.MethodHead)
}

// openStream admits the client and finds its position.
func (a *API) openStream(c *gin.Context) (*stream, error) {
	ctx := c.Request.Context()
	caller, environment, err := a.admit(ctx, c.Query("pass"))
	rest.Identify(ctx, caller.Actor)
	if err != nil {
		return nil, err
	}
	if _, err = a.Flags.Snapshot(ctx, caller, environment.String()); err != nil {
		return nil, err
	}
	session, err := a.Sessions.Open(ctx, caller)
	if err != nil {
		return nil, err
	}
	s := &stream{
		api: a, caller: caller, session: session,
		filter: changefeed.Filter{Environment: environment.String(), ResourceType: flagapp.ResourceType},
	}
	s.findPosition(rest.WithoutDeadline(c), c.Request.Header.Get("Last-Event-ID"))
	s.Stream = a.router.OpenStream(c, session)
	return s, nil
}

// admit returns the caller and the environment of a pass, or says where a pass comes from.
func (a *API) admit(ctx context.Context, pass string) (access.Caller, scope.Environment, error) {
	const source = "Evaluate all flags (POST /ofrep/v1/evaluate/flags) and connect to the URL in eventStreams, " +
		"which has one for an hour or two."
	if pass == "" {
		missing := access.ErrUnauthenticated.WithMessage("This stream needs a pass. " + source)
		return access.Caller{}, scope.Environment{}, missing
	}
	caller, environment, err := a.Passes.Admit(ctx, pass, rest.OriginOf(ctx))
	if errors.Is(err, access.ErrInvalidKey) {
		err = fault.Of(err).WithMessage("The pass is wrong or no longer valid, or its API key, or that key's secret. " +
			source)
	}
	return caller, environment, err
}

// findPosition takes the position of a Last-Event-ID. Without one, or with one from which
// the changes are no longer in memory, it is the present one, and the client has to
// evaluate anew.
func (s *stream) findPosition(ctx context.Context, id string) {
	epoch, revision, ok := rest.ParseEventID(id)
	if ok && s.api.check(ctx, epoch, revision) == nil && s.api.Feed.Cached(revision) {
		s.epoch, s.at = epoch, revision
		return
	}
	now := s.api.Feed.Position()
	s.epoch, s.at, s.fresh, s.lost = now.Epoch, now.Revision, id == "", true
}

// check returns nil when the feed can be read from a revision.
func (a *API) check(ctx context.Context, epoch string, revision int64) error {
	ctx, cancel := context.WithTimeout(ctx, rest.MaxCatchUp)
	defer cancel()
	return a.Feed.Check(ctx, epoch, revision)
}

// run serves the stream to its end.
func (s *stream) run(ctx context.Context, headersOnly bool) {
	defer s.session.Close()
	defer s.Close()
	if headersOnly {
		return
	}
	s.watch = s.api.Feed.Observe(s.caller, access.EvaluateFlag, s.filter)
	defer s.watch.Close()
	err := s.begin()
	for err == nil {
		if err = s.notify(ctx); err == nil {
			err = s.wait(ctx)
		}
	}
	s.SendEnd(cmp.Or(s.session.Check(), err))
}

func (s *stream) begin() error {
	if s.fresh {
		return nil
	}
	return s.Begin(nil)
}

// notify sends an event where flags have changed, and at first where the client does not
// know what it has missed.
func (s *stream) notify(ctx context.Context) error {
	list, upTo, err := s.watch.Since(ctx, s.at, changesPerLoad)
	if now := s.api.Feed.Position(); errors.Is(err, changefeed.ErrCompacted) || now.Epoch != s.epoch {
		s.epoch, upTo, s.lost, err = now.Epoch, now.Revision, true, nil
	}
	if err == nil && (s.lost || len(list) > 0) {
		err = s.refetch(ctx, upTo, list)
	}
	s.at, s.lost, s.fresh = upTo, false, false
	return err
}

// wait waits for a change, and a little longer for the changes that come with it. A stream
// that has not read all of the feed does not wait.
func (s *stream) wait(ctx context.Context) error {
	if !s.api.Feed.Cached(s.at) {
		heartbeat, err := s.Poll(ctx)
		if err != nil || !heartbeat {
			return err
		}
		return s.SendHeartbeat(s.at)
	}
	heartbeat, err := s.Wait(ctx, s.watch.Notified())
	switch {
	case err != nil:
		return err
	case heartbeat:
		return s.SendHeartbeat(s.at)
	}
	return coalesce(ctx)
}

func coalesce(ctx context.Context) error {
	together := time.NewTimer(coalesceInterval)
	defer together.Stop()
	select {
	case <-together.C:
		return nil
	case <-ctx.Done():
		return rest.ErrStreamEnded
	}
}

// refetch tells the client to evaluate again, and which snapshot to wait for; in the
// first frame where the stream begins so.
func (s *stream) refetch(ctx context.Context, at int64, list []*changefeed.Notification) error {
	flags, err := s.api.Flags.Snapshot(ctx, s.caller, s.filter.Environment)
	if err != nil {
		return err
	}
	frame := rest.AppendEventID(s.Frame[:0], s.epoch, at)
	frame = append(frame, `data: {"type":"refetchEvaluation","etag":"`...)
	frame = append(appendSnapshot(frame, flags.Revision(), flags.Environment()), '"')
	if n := len(list); n > 0 {
		frame = strconv.AppendInt(append(frame, `,"lastModified":`...), list[n-1].OccurredAt.Unix(), 10)
	}
	s.Frame = append(frame, "}\n"...)
	if s.fresh {
		return s.Begin(s.Frame)
	}
	return s.Send(append(s.Frame, '\n'))
}

// appendSnapshot names a snapshot, as the tag of a bulk evaluation begins.
func appendSnapshot(to []byte, revision int64, e scope.Environment) []byte {
	return append(append(strconv.AppendInt(to, revision, 10), '-'), e.String()...)
}

// appendStreams encodes the streams that notify of changes of a snapshot.
func appendStreams(to []byte, pass string) []byte {
	if pass == "" {
		return append(to, `"eventStreams":[]`...)
	}
	to = append(to, `"eventStreams":[{"type":"sse","endpoint":{"requestUri":"`+streamPath+`?pass=`...)
	return append(append(to, pass...), `"}}]`...)
}
