package rest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

const (
	// ChunkBytes is how much of a page is written at once.
	chunkBytes = 64 << 10
	// WholeBytes is up to what length a response is sent at once, with its length.
	wholeBytes = 512 << 10
	// ChunkTimeout is how long a client may take to read a chunk.
	chunkTimeout = 10 * time.Second
)

// Page is the part of a list that is wanted, to be embedded in the input of a typed
// operation.
type Page struct {
	Limit  int `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many at most"`
	Offset int `query:"offset" default:"0" minimum:"0" maximum:"2147483647" doc:"How many to pass over"`
}

// Part is a part of a page. Bytes is its size in the store; Next loads the part that
// follows, and is nil at the end of the page.
type Part[T any] struct {
	Items []T
	Bytes int
	Next  func(context.Context) (Part[T], error)
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
// list that they belong into.
type Envelope struct {
	Value any
	List  string
}

// LoadPage reserves the memory of a page whose first part has so many bytes, 0 when that
// is not known, loads that part, and returns what sends the page.
func LoadPage[T, J any](
	ctx context.Context, r *Router, bytes int, load func() (Part[T], Envelope, error), represent func(T) J,
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
	ctx context.Context, r *Router, reserved *Reservation, first Part[T], represent func(T) J, envelope Envelope,
) (func(huma.Context), error) {
	around, err := json.Marshal(envelope.Value)
	if err == nil {
		err = reserved.fit(ctx, first.Bytes)
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
	ctx context.Context, s *pageSender, reserved *Reservation, p Part[T], represent func(T) J,
) error {
	rest, cancel := sendingContext(ctx)
	defer cancel()
	for {
		if err := sendItems(s, p, represent); err != nil {
			return err
		}
		if p.Next == nil || s.finished {
			return nil
		}
		next, err := p.Next(rest)
		if err != nil {
			return err
		}
		p = next
		if err := reserved.fit(rest, p.Bytes); err != nil {
			return err
		}
	}
}

func sendItems[T, J any](s *pageSender, p Part[T], represent func(T) J) error {
	for _, item := range p.Items {
		encoded, err := json.Marshal(represent(item))
		if err != nil {
			return fault.ErrInternal.WithCause(err)
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
	writer  http.ResponseWriter
	control *http.ResponseController
	method  string
	buffer  []byte
	until   time.Time
	items   int
	// begun says that the status was sent, finished that nothing more needs to be.
	begun, finished bool
}

func (r *Router) newPageSender(c huma.Context, begin []byte) *pageSender {
	w, _ := c.BodyWriter().(http.ResponseWriter)
	return &pageSender{
		router: r, writer: w, control: http.NewResponseController(w), method: c.Method(), buffer: begin,
		until: time.Now().Add(WriteTimeout), //nolint:forbidigo // connections use the system's clock
	}
}

// add adds an item, and sends the buffer if it is long.
func (s *pageSender) add(item []byte, long bool) error {
	if s.items > 0 {
		s.buffer = append(s.buffer, ',')
	}
	s.items++
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
	if !s.begun {
		s.writer.Header().Set("Content-Length", strconv.Itoa(len(s.buffer)))
	}
	return s.flush()
}

func (s *pageSender) flush() error {
	if !s.begun {
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
