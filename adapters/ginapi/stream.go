package ginapi

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

const (
	eventStream = "text/event-stream"
	// HeartbeatPause is how long a stream is silent at most.
	heartbeatPause = 15 * time.Second
	// ReconnectPause is after how long a client connects again, and as much more at
	// most.
	reconnectPause = time.Second
	streamPage     = 100
)

// stream sends changes as they come, until the client leaves or is too slow, its access
// ends, or the server stops.
func (a *API) stream(c *gin.Context, in input) {
	ask, err := a.readWatch(c, in)
	if err == nil {
		defer ask.watch.Close()
		err = a.findPlace(c, in.given("since"), &ask)
	}
	var session *accessapp.Session
	if err == nil {
		session, err = a.options.Sessions.Open(c.Request.Context(), callOf(c.Request.Context()).caller)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	defer session.Close()
	s := a.openStream(c, session, ask.epoch)
	switch {
	case c.Request.Method == http.MethodHead:
	case ask.lost:
		err = s.begin(s.appendPlace([]byte("event: resync\n"), ask.epoch, ask.since))
	default:
		err = s.run(unhurried(c), ask)
	}
	if ended := session.Check(); ended != nil && err != nil {
		err = s.end(ended)
	}
	// Whoever could not be told has gone, which the access log tells.
	_ = err
}

// findPlace makes sure that the feed can be followed from where the caller is; given
// says that it was asked for. A Last-Event-ID goes before since and epoch. Where it names no place that can be
// followed the caller is lost, and is given the present one: clients send it by
// themselves, and would give up at a refusal.
func (a *API) findPlace(c *gin.Context, given bool, ask *watchAsk) error {
	id := c.Request.Header.Get("Last-Event-ID")
	switch {
	case id == "":
		ask.fresh = !given
		return a.checkPlace(unhurried(c), *ask)
	case resumeFrom(id, ask) && a.checkPlace(unhurried(c), *ask) == nil:
		return nil
	}
	now := a.options.Watching.Position()
	ask.epoch, ask.since, ask.lost = now.Epoch, now.Revision, true
	return nil
}

// resumeFrom takes the place of a Last-Event-ID, "epoch-revision", and reports whether
// it is one.
func resumeFrom(id string, ask *watchAsk) bool {
	epoch, digits, _ := strings.Cut(id, "-")
	revision, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || revision < 0 || epoch == "" {
		return false
	}
	ask.epoch, ask.since = epoch, revision
	return true
}

// streaming is one open stream.
type streaming struct {
	api     *API
	session *accessapp.Session
	writer  gin.ResponseWriter
	control *http.ResponseController
	epoch   string
	// told is the revision of the last id that was sent; quiet is for clients that are
	// told of no positions.
	told  int64
	quiet bool
	frame []byte
}

// openStream sends the headers of a stream of an epoch, which lasts as long as the
// session. Proxies are not to hold anything back (X-Accel-Buffering is nginx's word for
// that).
func (a *API) openStream(c *gin.Context, session *accessapp.Session, epoch string) *streaming {
	narrow(c.Request.Context())
	h := c.Writer.Header()
	h.Set("Content-Type", eventStream)
	h.Set("X-Accel-Buffering", "no")
	c.Writer.WriteHeader(http.StatusOK)
	s := &streaming{
		api: a, session: session, writer: c.Writer, control: http.NewResponseController(c.Writer), epoch: epoch,
	}
	_ = s.control.SetReadDeadline(time.Time{}) // a connection without deadlines has none to lift
	return s
}

// begin sends the first frame: the fields of an event, if there are any, and how soon
// to connect again.
func (s *streaming) begin(event []byte) error {
	pause := reconnectPause + rand.N(reconnectPause) //nolint:gosec // nothing secret hangs on it
	event = strconv.AppendInt(append(event, "retry: "...), pause.Milliseconds(), 10)
	return s.send(append(event, "\n\n"...))
}

// write writes all parts, or fails when the access has ended or the client does not
// read in time. Some of it may wait for what is sent next.
func (s *streaming) write(parts ...[]byte) error {
	if err := s.session.Check(); err != nil {
		return err
	}
	return s.put(parts...)
}

func (s *streaming) put(parts ...[]byte) error {
	// A connection without deadlines is one of a test.
	_ = s.control.SetWriteDeadline(time.Now().Add(writePatience)) //nolint:forbidigo // as the system's clock has it
	for _, part := range parts {
		if _, err := s.writer.Write(part); err != nil {
			return fmt.Errorf("write to a stream: %w", err)
		}
	}
	return nil
}

// send is write where nothing waits.
func (s *streaming) send(parts ...[]byte) error {
	if err := s.write(parts...); err != nil {
		return err
	}
	return s.flush()
}

func (s *streaming) flush() error {
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	return nil
}

// errEnded ends a stream that has nothing more to say.
var errEnded = errors.New("the stream has ended")

func (s *streaming) run(ctx context.Context, ask watchAsk) error {
	beat := time.NewTicker(heartbeatPause)
	defer beat.Stop()
	s.told = ask.since
	var place []byte
	if ask.fresh {
		place = s.appendPosition(nil, ask.since)
	}
	err := s.begin(place)
	for at, caughtUp, beats := ask.since, false, false; err == nil; {
		if at, err = s.tell(ctx, at, caughtUp, ask.watch); err != nil {
			return err
		}
		if at < s.api.options.Watching.Position().Revision {
			err = s.progress(ctx, beat, at)
			continue
		}
		if beats {
			if err = s.heartbeat(at); err != nil {
				return err
			}
		}
		caughtUp, beats = true, false
		select {
		case <-ask.watch.Notified():
		case <-beat.C:
			beats = true
		case <-s.session.Ended():
			err = errEnded
		case <-s.api.stopping:
			err = errors.Join(s.send([]byte(": the server stops; connect again\n\n")), errEnded)
		case <-ctx.Done():
			err = errEnded
		}
	}
	return err
}

// progress says how far a stream has looked through the feed, when it was silent for
// long, and ends it when its access has ended, the client has gone or the server stops.
func (s *streaming) progress(ctx context.Context, beat *time.Ticker, at int64) error {
	select {
	case <-beat.C:
		return s.heartbeat(at)
	case <-s.session.Ended():
		return errEnded
	case <-s.api.stopping:
		return errors.Join(s.send([]byte(": the server stops; connect again\n\n")), errEnded)
	case <-ctx.Done():
		return errEnded
	default:
		return s.session.Check()
	}
}

// tell sends what follows a revision, and returns how far it has looked. Who was at
// the end once and has fallen behind what is held in memory is too slow.
func (s *streaming) tell(ctx context.Context, at int64, caughtUp bool, w *changefeed.Watch) (int64, error) {
	watching := s.api.options.Watching
	if caughtUp && watching.Position().Epoch == s.epoch && !watching.Cached(at) {
		return 0, s.resync(s.epoch, at)
	}
	list, upTo, err := w.Since(ctx, at, streamPage)
	if now := watching.Position(); now.Epoch != s.epoch || errors.Is(err, changefeed.ErrCompacted) {
		return 0, s.resync(now.Epoch, now.Revision)
	}
	if err != nil || len(list) == 0 {
		return upTo, err
	}
	// Nothing is put together for one stream alone: what is held for who does not read
	// is held once for all of them.
	for _, n := range list {
		if err := s.write(s.appendID(s.frame[:0], n.Revision), changeFrame(n)); err != nil {
			return 0, err
		}
	}
	return upTo, s.flush()
}

// appendID begins a frame with data; frames without have no id, because some clients
// pass over it there.
func (s *streaming) appendID(to []byte, revision int64) []byte {
	s.told = revision
	return appendEventID(to, s.epoch, revision)
}

func appendEventID(to []byte, epoch string, revision int64) []byte {
	to = append(append(append(to, "id: "...), epoch...), '-')
	return append(strconv.AppendInt(to, revision, 10), '\n')
}

// appendPosition writes the fields of the event that says how far the stream is.
func (s *streaming) appendPosition(to []byte, revision int64) []byte {
	s.told = revision
	return s.appendPlace(append(to, "event: position\n"...), s.epoch, revision)
}

// appendPlace writes id and data of an event that names a place.
func (*streaming) appendPlace(to []byte, epoch string, revision int64) []byte {
	to = append(append(appendEventID(to, epoch, revision), `data: {"epoch":"`...), epoch...)
	return append(strconv.AppendInt(append(to, `","revision":`...), revision, 10), "}\n"...)
}

// heartbeat says that the stream is alive. Where it has looked further than the client
// was told, because the filter took nothing, that is a position, so that the client does
// not come back with a place that is no longer kept.
func (s *streaming) heartbeat(at int64) error {
	if at > s.told && !s.quiet {
		s.frame = s.appendPosition(s.frame[:0], at)
		return s.send(append(s.frame, '\n'))
	}
	s.frame = strconv.AppendInt(append(s.frame[:0], ": revision "...), at, 10)
	return s.send(append(s.frame, "\n\n"...))
}

// resync tells where to go on, and ends the stream.
func (s *streaming) resync(epoch string, revision int64) error {
	s.frame = s.appendPlace(append(s.frame[:0], "event: resync\n"...), epoch, revision)
	return errors.Join(s.send(append(s.frame, '\n')), errEnded)
}

// end tells why the access has ended.
func (s *streaming) end(why error) error {
	s.frame = append(append(s.frame[:0], "event: end\ndata: {\"code\":\""...), fault.Of(why).Code()...)
	return errors.Join(s.put(append(s.frame, "\"}\n\n"...)), s.flush())
}
