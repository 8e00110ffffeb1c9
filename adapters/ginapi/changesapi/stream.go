package changesapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/changefeed"
)

// streamPage is how many changes are read from the feed at once.
const streamPage = 100

// stream is one open stream, whose state is kept here and not on the stack.
type stream struct {
	*rest.Stream
	watchQuery

	feed    Feed
	session *accessapp.Session
	// at is the revision up to which the feed was read, sent that of the last id.
	at, sent int64
	// caughtUp says that the stream was at the end of the feed before.
	caughtUp bool
}

// stream sends changes until the client disconnects or is too slow, its access ends, or
// the server stops.
func (a *API) stream(c *gin.Context, in *rest.Input) {
	s, err := a.openStream(c, in)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	s.serve(rest.WithoutDeadline(c), c.Request.Method == http.MethodHead)
}

func (a *API) openStream(c *gin.Context, in *rest.Input) (*stream, error) {
	query, err := a.readWatch(c, in)
	if err != nil {
		return nil, err
	}
	session, err := a.beginSession(c, in, &query)
	if err != nil {
		query.watch.Close()
		return nil, err
	}
	return &stream{
		Stream: a.router.OpenStream(c, session), watchQuery: query, feed: a.Feed, session: session,
		at: query.since, sent: query.since,
	}, nil
}

// beginSession finds the position of a stream and begins its session.
func (a *API) beginSession(c *gin.Context, in *rest.Input, query *watchQuery) (*accessapp.Session, error) {
	if err := a.findPosition(c, in.Given("since"), query); err != nil {
		return nil, err
	}
	return a.Sessions.Open(c.Request.Context(), rest.CallerOf(c.Request.Context()))
}

// findPosition makes sure that the feed can be read from the caller's position; given says
// that it was requested. A Last-Event-ID takes precedence over since and epoch; an
// invalid position resets to the head, because clients resend it automatically and do not
// retry after a rejection.
func (a *API) findPosition(c *gin.Context, given bool, query *watchQuery) error {
	id := c.Request.Header.Get("Last-Event-ID")
	if id == "" {
		query.fresh = !given
		return a.checkPosition(rest.WithoutDeadline(c), *query)
	}
	if epoch, revision, ok := rest.ParseEventID(id); ok {
		query.epoch, query.since = epoch, revision
		if a.checkPosition(rest.WithoutDeadline(c), *query) == nil {
			return nil
		}
	}
	now := a.Feed.Position()
	query.epoch, query.since, query.lost = now.Epoch, now.Revision, true
	return nil
}

// serve sends the stream to its end.
func (s *stream) serve(ctx context.Context, headersOnly bool) {
	defer s.watch.Close()
	defer s.session.Close()
	defer s.Close()
	var err error
	switch {
	case headersOnly:
	case s.lost:
		err = s.Begin(appendPosition([]byte("event: resync\n"), s.epoch, s.since))
	default:
		err = s.run(ctx)
	}
	if err != nil {
		s.SendEnd(cmp.Or(s.session.Check(), err))
	}
}

func (s *stream) run(ctx context.Context) error {
	err := s.begin()
	for err == nil {
		if err = s.send(ctx); err == nil {
			err = s.wait(ctx)
		}
	}
	return err
}

func (s *stream) begin() error {
	if !s.fresh {
		return s.Begin(nil)
	}
	return s.Begin(s.appendPosition(nil, s.since))
}

// send sends the changes that follow. A stream that was at the end of the feed before and
// has fallen behind the changes in memory is too slow.
func (s *stream) send(ctx context.Context) error {
	if s.caughtUp && s.feed.Position().Epoch == s.epoch && !s.feed.Cached(s.at) {
		return s.resync(s.epoch, s.at)
	}
	list, upTo, err := s.watch.Since(ctx, s.at, streamPage)
	if now := s.feed.Position(); now.Epoch != s.epoch || errors.Is(err, changefeed.ErrCompacted) {
		return s.resync(now.Epoch, now.Revision)
	}
	s.at = upTo
	if err != nil || len(list) == 0 {
		return err
	}
	// Frames are shared by all streams: a client that does not read costs no copy.
	for _, n := range list {
		s.Frame = s.appendID(s.Frame[:0], n.Revision)
		if err := s.Write(s.Frame, changeFrame(n)); err != nil {
			return err
		}
	}
	return s.Flush()
}

// wait waits for a change. A stream that is not at the end of the feed does not wait.
func (s *stream) wait(ctx context.Context) error {
	if s.at < s.feed.Position().Revision {
		heartbeat, err := s.Poll(ctx)
		if err != nil || !heartbeat {
			return err
		}
		return s.heartbeat()
	}
	s.caughtUp = true
	heartbeat, err := s.Wait(ctx, s.watch.Notified())
	if err != nil || !heartbeat {
		return err
	}
	// Changes that came with the heartbeat are sent before it.
	if err := s.send(ctx); err != nil || s.at < s.feed.Position().Revision {
		return err
	}
	return s.heartbeat()
}

// appendID begins a frame.
func (s *stream) appendID(to []byte, revision int64) []byte {
	s.sent = revision
	return rest.AppendEventID(to, s.epoch, revision)
}

// appendPosition appends the fields of the event that reports the stream's position.
func (s *stream) appendPosition(to []byte, revision int64) []byte {
	s.sent = revision
	return appendPosition(append(to, "event: position\n"...), s.epoch, revision)
}

// appendPosition appends id and data of an event that names a position.
func appendPosition(to []byte, epoch string, revision int64) []byte {
	to = append(append(rest.AppendEventID(to, epoch, revision), `data: {"epoch":"`...), epoch...)
	return append(strconv.AppendInt(append(to, `","revision":`...), revision, 10), "}\n"...)
}

// heartbeat shows that the stream is alive. Where it has read further than the client
// knows, because the filter matched nothing, the heartbeat is a position, so that the
// client does not come back with one that is no longer retained.
func (s *stream) heartbeat() error {
	if s.at > s.sent {
		s.Frame = s.appendPosition(s.Frame[:0], s.at)
		return s.Send(append(s.Frame, '\n'))
	}
	return s.SendHeartbeat(s.at)
}

// resync sends the position to go on from, and ends the stream.
func (s *stream) resync(epoch string, revision int64) error {
	s.Frame = appendPosition(append(s.Frame[:0], "event: resync\n"...), epoch, revision)
	return errors.Join(s.Send(append(s.Frame, '\n')), rest.ErrStreamEnded)
}
