package ginapi

import (
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// A client that sends a body which nobody reads has to be let finish: it reads the
// answer afterwards, and a connection that is closed under it is reset, answer and
// all. So the rest of a body is read and dropped after the answer was sent, within
// these bounds.
const (
	// LingerBytes and lingerTime are how much is read for one request, and for how
	// long.
	lingerBytes = 16 << 20
	lingerTime  = 5 * time.Second
	// MaxLingering is how many requests are lingered for at once. Others are closed
	// at once, as without lingering.
	maxLingering = 256
	// DrainedByServer is up to what length net/http itself reads the rest of a body
	// before it answers.
	drainedByServer = 256 << 10
)

// requestBody is a request's body that knows whether it was read to its end.
type requestBody struct {
	io.ReadCloser
	ended bool
}

// Read reads on.
func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.ended = true
	}
	return n, err //nolint:wrapcheck // a reader's errors are compared
}

// watch takes the place of a request's body.
func (b *requestBody) watch(r *http.Request) {
	if r.Body != nil && r.ContentLength != 0 {
		b.ReadCloser = r.Body
		r.Body = b
	}
}

// isLeft reports whether more is left to be read than net/http reads by itself.
func (b *requestBody) isLeft(r *http.Request) bool {
	return b.ReadCloser != nil && !b.ended && (r.ContentLength < 0 || r.ContentLength > drainedByServer)
}

// closing announces the end of the connection where an answer is sent while a body is
// still on its way. So net/http sends the answer first, and does not wait for the body.
func (a *API) closing(c *gin.Context) {
	if ctx, ok := c.Request.Context().(*requestContext); ok && ctx.body.isLeft(c.Request) {
		c.Writer.Header()["Connection"] = a.always.last
	}
}

// linger sends the answer, and reads and drops what is left of the body. The request is
// over by then: it holds its connection and a small buffer.
func (a *API) linger(c *gin.Context, body *requestBody) {
	if !body.isLeft(c.Request) || !c.Writer.Written() {
		return
	}
	select {
	case a.lingering <- struct{}{}:
	default:
		return
	}
	defer func() { <-a.lingering }()
	control := http.NewResponseController(c.Writer)
	until := time.Now().Add(lingerTime) //nolint:forbidigo // connections go by the system's clock
	if control.Flush() != nil || control.SetReadDeadline(until) != nil {
		return
	}
	// However this ends, the connection is closed.
	_, _ = io.CopyN(io.Discard, body, lingerBytes)
}
