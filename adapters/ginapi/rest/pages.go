package rest

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/quota"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

const (
	// ChunkBytes is how much of a page is written at once.
	chunkBytes = 64 << 10
	// WholeBytes is up to what length a response is sent at once, with its length.
	wholeBytes = 512 << 10
	// MaxPageBytes bounds the items of a page that begins at a cursor, except where a single
	// item is longer.
	maxPageBytes = 8<<20 - 4<<10
	// ChunkTimeout is how long a client may take to read a chunk.
	chunkTimeout = 10 * time.Second
)

// Page is the part of a list that is wanted, to be embedded in the input of a typed
// operation.
type Page struct {
	Limit  int `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many at most"`
	Offset int `query:"offset" default:"0" minimum:"0" maximum:"2147483647" doc:"How many to skip"`
	Cursor
}

// Window returns what is wanted of the list.
func (p *Page) Window() scope.Window {
	w := p.Cursor.Window(p.Limit)
	w.Offset = p.Offset
	return w
}

// Cursor is where a page begins, to be embedded in the input of a typed operation. Pages by
// cursor are at most 8 MiB, and concurrent writes do not shift them (ADR 0036).
type Cursor struct {
	Cursor string `query:"cursor" doc:"The next of the page before; empty begins"`
	given  bool
	after  scope.Position
}

// Window returns the items behind the cursor, at most limit.
func (c *Cursor) Window(limit int) scope.Window { return scope.Window{Limit: limit, After: c.after} }

// Next returns the cursor of the page after a whole page, "" where nothing follows.
func Next[T any](p versioned.Page[T]) string {
	if !p.More || len(p.Positions) == 0 {
		return ""
	}
	return newCursor(p.Positions[len(p.Positions)-1])
}

// newCursor returns the text of a position: base64url (RFC 4648, section 5) of its values
// as a JSON array. Clients do not look into it.
func newCursor(p scope.Position) string {
	text, _ := json.Marshal([]string(p)) // texts always have a JSON form
	return base64.RawURLEncoding.EncodeToString(text)
}

var _ huma.Resolver = (*Cursor)(nil)

// Resolve reads the cursor. Its values are checked by the use case.
func (c *Cursor) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	c.given = u.Query().Has("cursor")
	if c.Cursor == "" {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(c.Cursor)
	if err == nil {
		err = json.Unmarshal(text, &c.after)
	}
	if err != nil || len(c.after) == 0 {
		return []error{&huma.ErrorDetail{
			Location: "query.cursor", Message: "is none: take the next of a page, or an empty one for the first page",
		}}
	}
	return nil
}

// PageOutput is the response with a page that is sent in parts.
type PageOutput struct {
	Body func(huma.Context)
}

// StalePageOutput is PageOutput for a page that may come from memory.
type StalePageOutput struct {
	Stale string `header:"Signalbox-Stale" doc:"The age of the data in seconds, while the store is unavailable"`
	Body  func(huma.Context)
}

// Envelope is the JSON around the items of a page: a value whose member List is the empty
// list that they belong into. The sender adds the member "next" where items follow.
type Envelope struct {
	Value any
	List  string
	// Cursor bounds the bytes of the page, if the request has one.
	Cursor Cursor
}

// LoadPage reserves the memory of a page whose first part has so many bytes, 0 when that
// is not known, loads that part, and returns what sends the page.
func LoadPage[T, J any](
	ctx context.Context, r *Router, bytes int, load func() (versioned.Page[T], Envelope, error), represent func(T) J,
) (func(huma.Context), error) {
	reserved, err := r.memory.ReservePage(ctx, bytes)
	if err != nil {
		return nil, err
	}
	first, envelope, err := load()
	if err != nil {
		reserved.Release()
		return nil, err
	}
	return paged(ctx, r, reserved, first, represent, envelope)
}

// paged returns what sends a page: the envelope, and in its list the items of all parts.
// It takes over the reservation.
func paged[T, J any](
	ctx context.Context, r *Router, reserved *quota.Reservation, first versioned.Page[T], represent func(T) J,
	envelope Envelope,
) (func(huma.Context), error) {
	around, err := json.Marshal(envelope.Value)
	if err == nil {
		err = reserved.Fit(ctx, first.Bytes)
	}
	if err != nil {
		reserved.Release()
		return nil, err
	}
	// The members before the list may contain such a name too.
	at := bytes.LastIndex(around, []byte(`"`+envelope.List+`":[]`)) + len(envelope.List) + len(`"":[`)
	return func(c huma.Context) { //nolint:contextcheck // huma passes the same one
		defer reserved.Release()
		s := r.newPageSender(c, slices.Clone(around[:at]))
		if envelope.Cursor.given {
			s.most = maxPageBytes
		}
		err := sendParts(c.Context(), s, reserved, first, represent)
		if err == nil {
			err = s.end(around[at:])
		}
		if err != nil {
			s.abort(c.Context(), err)
		}
	}, nil
}

func sendParts[T, J any](
	ctx context.Context, s *pageSender, reserved *quota.Reservation, p versioned.Page[T], represent func(T) J,
) error {
	rest, cancel := sendingContext(ctx)
	defer cancel()
	for {
		if err := sendItems(s, p, represent); err != nil {
			return err
		}
		if p.Next == nil || s.full || s.finished {
			return nil
		}
		next, err := p.Next(rest)
		if err != nil {
			return err
		}
		p = next
		if err := reserved.Fit(rest, p.Bytes); err != nil {
			return err
		}
	}
}

func sendItems[T, J any](s *pageSender, p versioned.Page[T], represent func(T) J) error {
	s.more = p.More
	for i, item := range p.Items {
		encoded, err := json.Marshal(represent(item))
		if err != nil {
			return fault.ErrInternal.WithCause(err)
		}
		if s.full = s.most > 0 && s.items > 0 && s.bytes+len(encoded) > s.most; s.full {
			return nil
		}
		if i < len(p.Positions) {
			s.last = p.Positions[i]
		}
		if err := s.add(encoded, p.Next != nil); err != nil {
			return err
		}
	}
	return nil
}

// pageSender sends a page: a short one at once, with its length; a long one in chunks, as
// soon as there is one.
type pageSender struct {
	router  *Router
	request *request
	writer  http.ResponseWriter
	control *http.ResponseController
	method  string
	buffer  []byte
	until   time.Time
	items   int
	bytes   int
	// most bounds the bytes of the items, unless it is 0.
	most int
	// last is the position of the last item, more says that items follow the page, and
	// full that they follow because there are too many bytes.
	last       scope.Position
	more, full bool
	// begun says that the status was sent, finished that nothing more needs to be.
	begun, finished bool
}

func (r *Router) newPageSender(c huma.Context, begin []byte) *pageSender {
	w, _ := c.BodyWriter().(http.ResponseWriter)
	return &pageSender{
		router: r, request: requestOf(c.Context()), writer: w, control: http.NewResponseController(w),
		method: c.Method(), buffer: begin,
		until: time.Now().Add(WriteTimeout), //nolint:forbidigo // connections use the system's clock
	}
}

// add adds an item, and sends the buffer if it is long.
func (s *pageSender) add(item []byte, long bool) error {
	if s.items > 0 {
		s.buffer = append(s.buffer, ',')
	}
	s.items++
	s.bytes += len(item) + len(",")
	s.buffer = append(s.buffer, item...)
	if len(s.buffer) < chunkBytes || !s.begun && !long && len(s.buffer) < wholeBytes {
		return nil
	}
	return s.flush()
}

// end adds the end of the page and sends the rest.
func (s *pageSender) end(rest []byte) error {
	if s.finished {
		return nil
	}
	s.buffer = append(s.buffer, rest...)
	if (s.more || s.full) && len(s.last) > 0 {
		s.buffer = append(s.buffer[:len(s.buffer)-len("}")], `,"next":"`+newCursor(s.last)+`"}`...)
	}
	if !s.begun {
		s.writer.Header().Set("Content-Length", strconv.Itoa(len(s.buffer)))
	}
	return s.flush()
}

func (s *pageSender) flush() error {
	if !s.begun {
		s.request.leave()
		s.writer.Header().Set("Content-Type", JSONMediaType)
		s.writer.WriteHeader(http.StatusOK)
		s.begun = true
	}
	if s.method == http.MethodHead {
		s.finished = true
		return nil
	}
	deadline := time.Now().Add(chunkTimeout) //nolint:forbidigo // connections use the system's clock
	if deadline.After(s.until) {
		deadline = s.until
	}
	_ = s.control.SetWriteDeadline(deadline) // connections in tests have no deadlines
	_, err := s.writer.Write(s.buffer)
	s.buffer = s.buffer[:0]
	if err != nil {
		return fmt.Errorf("send a page: %w", err)
	}
	return nil
}

// abort sends a problem if nothing was sent. Else it closes the connection: the client sees
// a response without its end, and never a short page that looks complete.
func (s *pageSender) abort(ctx context.Context, err error) {
	if !s.begun {
		s.router.problem(ctx, err).write(s.writer)
		return
	}
	s.router.options.Logger.Warn("page aborted", failureFields(ctx, fault.Of(err), err)...)
	panic(http.ErrAbortHandler)
}
