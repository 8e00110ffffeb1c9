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

	"github.com/signalbox-hq/signalbox/application/relay"
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

// stream sends changes as they come, until the client leaves, is too slow, or the
// server stops.
func (a *API) stream(c *gin.Context, in input) {
	ask, err := a.readWatch(c, in)
	if err == nil {
		err = resumeFrom(c.Request.Header, &ask)
	}
	if err == nil {
		err = a.checkPlace(unhurried(c), ask)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	s := a.openStream(c)
	err = s.begin()
	if err == nil && c.Request.Method != http.MethodHead {
		err = s.run(unhurried(c), ask)
	}
	// Whoever could not be told has gone, which the access log tells.
	_ = err
}

// resumeFrom takes the place of a Last-Event-ID: "epoch-revision".
func resumeFrom(h http.Header, ask *watchAsk) error {
	id := h.Get("Last-Event-ID")
	if id == "" {
		return nil
	}
	epoch, digits, _ := strings.Cut(id, "-")
	revision, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || revision < 0 || epoch == "" {
		return fault.Bad("header.Last-Event-ID", "must be the id of an event of this stream")
	}
	ask.epoch, ask.since = epoch, revision
	return nil
}

// streaming is one open stream.
type streaming struct {
	api     *API
	writer  gin.ResponseWriter
	control *http.ResponseController
	epoch   string
	frame   []byte
}

func (a *API) openStream(c *gin.Context) *streaming {
	narrow(c.Request.Context())
	return &streaming{
		api: a, writer: c.Writer, control: http.NewResponseController(c.Writer),
		epoch: a.options.Watching.Position().Epoch,
	}
}

// begin sends the headers, and how soon to connect again. Proxies are not to hold
// anything back (X-Accel-Buffering is nginx's word for that).
func (s *streaming) begin() error {
	h := s.writer.Header()
	h.Set("Content-Type", eventStream)
	h.Set("X-Accel-Buffering", "no")
	s.writer.WriteHeader(http.StatusOK)
	_ = s.control.SetReadDeadline(time.Time{})       // a connection without deadlines has none to lift
	pause := reconnectPause + rand.N(reconnectPause) //nolint:gosec // nothing secret hangs on it
	s.frame = strconv.AppendInt(append(s.frame[:0], "retry: "...), pause.Milliseconds(), 10)
	return s.send(append(s.frame, "\n\n"...))
}

// write writes all parts, or fails when the client does not read in time. Some of it may
// wait for what is sent next.
func (s *streaming) write(parts ...[]byte) error {
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
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	return nil
}

// errEnded ends a stream that has nothing more to say.
var errEnded = errors.New("the stream has ended")

func (s *streaming) run(ctx context.Context, ask watchAsk) error {
	w := s.api.options.Watching.Watch(ask.filter)
	defer w.Close()
	beat := time.NewTicker(heartbeatPause)
	defer beat.Stop()
	at, caughtUp := ask.since, false
	for {
		next, err := s.tell(ctx, at, caughtUp, ask.filter)
		if err != nil {
			return err
		}
		if at = next; at < s.api.options.Watching.Position().Revision {
			if err := s.progress(ctx, beat, at); err != nil {
				return err
			}
			continue
		}
		caughtUp = true
		select {
		case <-w.Woken():
		case <-beat.C:
			err = s.heartbeat(at)
		case <-s.api.stopping:
			err = errors.Join(s.send([]byte(": the server stops; connect again\n\n")), errEnded)
		case <-ctx.Done():
			err = errEnded
		}
		if err != nil {
			return err
		}
	}
}

// progress says how far a stream has looked through the feed, when it was silent for
// long, and ends it when the client has gone or the server stops.
func (s *streaming) progress(ctx context.Context, beat *time.Ticker, at int64) error {
	select {
	case <-beat.C:
		return s.heartbeat(at)
	case <-s.api.stopping:
		return errors.Join(s.send([]byte(": the server stops; connect again\n\n")), errEnded)
	case <-ctx.Done():
		return errEnded
	default:
		return nil
	}
}

// tell sends what follows a revision, and returns how far it has looked. Who was at
// the end once and has fallen behind what is held in memory is too slow.
func (s *streaming) tell(ctx context.Context, at int64, caughtUp bool, f relay.Filter) (int64, error) {
	watching := s.api.options.Watching
	if now := watching.Position(); now.Epoch != s.epoch {
		return 0, s.resync(now.Epoch, now.Revision)
	}
	if caughtUp && !watching.Holds(at) {
		return 0, s.resync(s.epoch, at)
	}
	list, upTo, err := watching.Since(ctx, at, streamPage, f)
	if errors.Is(err, relay.ErrGone) {
		now := watching.Position()
		return 0, s.resync(now.Epoch, now.Revision)
	}
	if err != nil || len(list) == 0 {
		return upTo, err
	}
	// Nothing is put together for one stream alone: what is held for who does not read
	// is held once for all of them.
	for _, n := range list[:len(list)-1] {
		if err := s.write(s.appendID(s.frame[:0], n.Revision), told(n).frame); err != nil {
			return 0, err
		}
	}
	last := list[len(list)-1]
	return upTo, s.send(s.appendID(s.frame[:0], last.Revision), told(last).frame)
}

func (s *streaming) appendID(to []byte, revision int64) []byte {
	to = append(append(append(to, "id: "...), s.epoch...), '-')
	return append(strconv.AppendInt(to, revision, 10), '\n')
}

// heartbeat says that the stream is alive, and how far it is: a frame without data
// moves the client's Last-Event-ID, and is no event.
func (s *streaming) heartbeat(at int64) error {
	s.frame = strconv.AppendInt(append(s.frame[:0], ": revision "...), at, 10)
	s.frame = s.appendID(append(s.frame, '\n'), at)
	return s.send(append(s.frame, '\n'))
}

// resync tells where to go on, and ends the stream.
func (s *streaming) resync(epoch string, revision int64) error {
	s.frame = append(append(s.frame[:0], "event: resync\ndata: {\"epoch\":\""...), epoch...)
	s.frame = strconv.AppendInt(append(s.frame, `","revision":`...), revision, 10)
	return errors.Join(s.send(append(s.frame, "}\n\n"...)), errEnded)
}
