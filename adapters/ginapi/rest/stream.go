package rest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

const (
	// EventStreamMediaType is that of server-sent events (HTML Living Standard, 9.2).
	EventStreamMediaType = "text/event-stream"
	// StreamWriteTimeout is how long a client may take to read what is written at once.
	StreamWriteTimeout = 10 * time.Second
	// HeartbeatInterval is how long a stream is silent at most.
	heartbeatInterval = 15 * time.Second
	// ReconnectDelay is after how long a client connects again, and as much more at most.
	reconnectDelay = time.Second
	// StreamBuffer is how many bytes the system buffers for a stream. By default it would
	// buffer megabytes, and a client that does not read would go unnoticed for minutes.
	streamBuffer = 64 << 10
)

// Session ends a stream with the access of its caller.
type Session interface {
	// Check returns why the access has ended, or nil.
	Check() error
	// Ended returns a channel that is closed when the access ends.
	Ended() <-chan struct{}
}

// ErrStreamEnded ends a stream without a further event.
var ErrStreamEnded = errors.New("the stream has ended")

// Stream is an open event stream.
type Stream struct {
	// Frame is a buffer for the frame that is sent next.
	Frame   []byte
	router  *Router
	session Session
	writer  gin.ResponseWriter
	control *http.ResponseController
	beat    *time.Ticker
	// ended says that the stream's end was sent.
	ended bool
}

// OpenStream sends the headers of a stream that lasts as long as the session. Proxies must
// not buffer it (X-Accel-Buffering is nginx's header for that). The caller closes it.
func (r *Router) OpenStream(c *gin.Context, session Session) *Stream {
	limitBuffer(c.Request.Context())
	Opened(c)
	h := c.Writer.Header()
	h.Set("Content-Type", EventStreamMediaType)
	h.Set("X-Accel-Buffering", "no")
	c.Writer.WriteHeader(http.StatusOK)
	s := &Stream{
		router: r, session: session, writer: c.Writer, control: http.NewResponseController(c.Writer),
		beat: time.NewTicker(heartbeatInterval),
	}
	_ = s.control.SetReadDeadline(time.Time{}) // connections in tests have no deadlines
	return s
}

// Close stops the heartbeats.
func (s *Stream) Close() { s.beat.Stop() }

// Begin sends the first frame: the fields of an event, if there are any, and after how long
// to connect again.
func (s *Stream) Begin(event []byte) error {
	delay := reconnectDelay + rand.N(reconnectDelay) //nolint:gosec // spreads reconnects
	event = strconv.AppendInt(append(event, "retry: "...), delay.Milliseconds(), 10)
	return s.Send(append(event, "\n\n"...))
}

// Write writes all parts, or fails when the access has ended or the client does not read
// in time. Some of it may be buffered until Flush.
func (s *Stream) Write(parts ...[]byte) error {
	if err := s.session.Check(); err != nil {
		return err
	}
	return s.write(parts)
}

func (s *Stream) write(parts [][]byte) error {
	// Connections in tests have no deadlines.
	_ = s.control.SetWriteDeadline(time.Now().Add(StreamWriteTimeout)) //nolint:forbidigo // as the connection does
	for _, part := range parts {
		if _, err := s.writer.Write(part); err != nil {
			return fmt.Errorf("write to a stream: %w", err)
		}
	}
	return nil
}

// Send is Write and Flush.
func (s *Stream) Send(parts ...[]byte) error {
	if err := s.Write(parts...); err != nil {
		return err
	}
	return s.Flush()
}

// Flush sends what is buffered.
func (s *Stream) Flush() error {
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	return nil
}

// Wait waits until wake receives or a heartbeat is due, and reports which. It returns an
// error when the stream has to end.
func (s *Stream) Wait(ctx context.Context, wake <-chan struct{}) (heartbeat bool, err error) {
	select {
	case <-wake:
		return false, nil
	case <-s.beat.C:
		return true, nil
	case <-s.session.Ended():
		return false, ErrStreamEnded
	case <-s.router.stopping:
		return false, s.sendStopping()
	case <-ctx.Done():
		return false, ErrStreamEnded
	}
}

// Poll is Wait for a stream that has more to send: it does not wait.
func (s *Stream) Poll(ctx context.Context) (heartbeat bool, err error) {
	select {
	case <-s.beat.C:
		return true, nil
	case <-s.session.Ended():
		return false, ErrStreamEnded
	case <-s.router.stopping:
		return false, s.sendStopping()
	case <-ctx.Done():
		return false, ErrStreamEnded
	default:
		return false, s.session.Check()
	}
}

func (s *Stream) sendStopping() error {
	s.SendEnd(ErrDraining)
	return ErrStreamEnded
}

// SendEnd sends why the stream ends as its last event, once: with the code of the error,
// and whether to connect again, as the client may with the same key. Errors that say
// nothing to the client, such as a write that failed, are not sent.
func (s *Stream) SendEnd(why error) {
	f, sent := errors.AsType[*fault.Error](why)
	if !sent || s.ended {
		return
	}
	s.ended = true
	again := f.Kind() != fault.Unauthenticated || f.Code() == access.ErrKeyChanged.Code()
	s.Frame = append(append(s.Frame[:0], "event: end\ndata: {\"code\":"...), strconv.Quote(f.Code())...)
	s.Frame = strconv.AppendBool(append(s.Frame, ",\"reconnect\":"...), again)
	s.Frame = append(AppendMember(s.Frame, "detail", f.Message()), "}\n\n"...)
	// A write that fails means that the client has disconnected.
	_ = errors.Join(s.write([][]byte{s.Frame}), s.Flush())
}

// SendHeartbeat sends a comment with a revision.
func (s *Stream) SendHeartbeat(revision int64) error {
	s.Frame = strconv.AppendInt(append(s.Frame[:0], ": revision "...), revision, 10)
	return s.Send(append(s.Frame, "\n\n"...))
}

// AppendEventID appends the id of an event: "epoch-revision". Frames with data have one;
// in others some clients ignore it.
func AppendEventID(to []byte, epoch string, revision int64) []byte {
	to = append(append(append(to, "id: "...), epoch...), '-')
	return append(strconv.AppendInt(to, revision, 10), '\n')
}

// ParseEventID parses the id of an event, and reports whether it is one.
func ParseEventID(id string) (epoch string, revision int64, ok bool) {
	epoch, digits, _ := strings.Cut(id, "-")
	revision, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || revision < 0 || epoch == "" {
		return "", 0, false
	}
	return epoch, revision, true
}

// ExtendDeadlines gives a response its own write deadline instead of the server's, and
// lets the connection be silent until then. Connections in tests have no deadlines.
func ExtendDeadlines(c *gin.Context, within time.Duration) {
	control := http.NewResponseController(c.Writer)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Now().Add(within)) //nolint:forbidigo // connections use the system's clock
}

// connKey finds a request's connection in its context.
type connKey struct{}

// ConnContext is the ConnContext of a server whose streams bound their buffers.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

func limitBuffer(ctx context.Context) {
	if conn, ok := ctx.Value(connKey{}).(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = conn.SetWriteBuffer(streamBuffer) // else the system's default applies
	}
}
