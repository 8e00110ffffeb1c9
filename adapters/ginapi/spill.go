package ginapi

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
)

// spill sends an answer that is written into a buffer: as a whole, with its length,
// where it is short, and else in chunks, so that the buffer stays small.
type spill struct {
	writer gin.ResponseWriter
	json   []string
	begun  bool
}

func (a *API) spillTo(c *gin.Context) spill { return spill{writer: c.Writer, json: a.always.json} }

// over sends what was written so far if that is much, and returns what to write to.
func (s *spill) over(written []byte) []byte {
	if len(written) < wholeBytes {
		return written
	}
	s.send(written)
	return written[:0]
}

// end sends the rest.
func (s *spill) end(written []byte) {
	if !s.begun {
		s.writer.Header()["Content-Length"] = []string{strconv.Itoa(len(written))}
	}
	s.send(written)
}

// send writes. A write that fails means that the client has gone, or reads too slowly;
// the connection cannot be written to any more, so that its answer has no end.
func (s *spill) send(body []byte) {
	if !s.begun {
		s.writer.Header()["Content-Type"] = s.json
		s.writer.WriteHeader(http.StatusOK)
		s.begun = true
	}
	_, _ = s.writer.Write(body)
}

// giveUp answers a failure instead, or cuts an answer off that has begun, so that no
// client takes a part for the whole.
func (a *API) giveUp(c *gin.Context, s *spill, err error) {
	if s.begun {
		panic(http.ErrAbortHandler)
	}
	c.Writer.Header().Del("Etag")
	a.fail(c, err)
}
