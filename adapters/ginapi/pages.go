package ginapi

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"reflect"
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
	// WholeBytes is up to what length a page is sent as a whole, with its length.
	wholeBytes = 512 << 10
	// ChunkPatience is how long a client may take to read a chunk.
	chunkPatience = 10 * time.Second
)

// pagePart is a part of a page. Next is nil at its end.
type pagePart[T any] struct {
	items []T
	bytes int
	next  func(context.Context) (pagePart[T], error)
}

// pageOutput is a page that is sent in parts.
type pageOutput struct {
	Body func(huma.Context)
}

// stalePageOutput is one that may come from memory.
type stalePageOutput struct {
	Stale string `header:"Signalbox-Stale" doc:"For how many seconds the store could not be asked"`
	Body  func(huma.Context)
}

// pageOperation returns an operation whose page has that form.
func (a *API) pageOperation(op huma.Operation, body any) huma.Operation {
	op.Responses[strconv.Itoa(http.StatusOK)] = a.jsonResponse(http.StatusOK, reflect.TypeOf(body))
	return op
}

// paged returns what sends a page: the envelope, and in its empty list of that name the
// items of all parts. It takes over the reservation.
func paged[T, J any](
	ctx context.Context, a *API, held *reservation, first pagePart[T], represent func(T) J, envelope any, list string,
) (func(huma.Context), error) {
	around, err := json.Marshal(envelope)
	if err == nil {
		err = held.hold(ctx, first.bytes)
	}
	if err != nil {
		held.release()
		return nil, err
	}
	// What comes before the list may hold such a name too.
	at := bytes.LastIndex(around, []byte(`"`+list+`":[]`)) + len(list) + len(`"":[`)
	return func(c huma.Context) { //nolint:contextcheck // huma passes the same one
		defer held.release()
		s := a.newPageSender(c, slices.Clone(around[:at]))
		err := sendParts(c.Context(), s, held, first, represent)
		if err == nil {
			err = s.end(around[at:])
		}
		if err != nil {
			s.abort(c.Context(), err)
		}
	}, nil
}

func sendParts[T, J any](
	ctx context.Context, s *pageSender, held *reservation, p pagePart[T], represent func(T) J,
) error {
	rest, cancel := sendingContext(ctx)
	defer cancel()
	for {
		if err := sendItems(s, p, represent); err != nil {
			return err
		}
		if p.next == nil || s.finished {
			return nil
		}
		next, err := p.next(rest)
		if err != nil {
			return err
		}
		p = next
		if err := held.hold(rest, p.bytes); err != nil {
			return err
		}
	}
}

func sendItems[T, J any](s *pageSender, p pagePart[T], represent func(T) J) error {
	for _, item := range p.items {
		encoded, err := json.Marshal(represent(item))
		if err != nil {
			return fault.ErrInternal.WithCause(err)
		}
		if err := s.add(encoded, p.next != nil); err != nil {
			return err
		}
	}
	return nil
}

// pageSender writes a page. A short one is sent as a whole, with its length; a long one
// in chunks, as soon as there is one.
type pageSender struct {
	api     *API
	writer  http.ResponseWriter
	control *http.ResponseController
	method  string
	buffer  []byte
	until   time.Time
	items   int
	// begun says that the status was sent. Finished says that nothing more needs to be.
	begun, finished bool
}

func (a *API) newPageSender(c huma.Context, begin []byte) *pageSender {
	w, _ := c.BodyWriter().(http.ResponseWriter)
	return &pageSender{
		api: a, writer: w, control: http.NewResponseController(w), method: c.Method(), buffer: begin,
		until: time.Now().Add(WriteTimeout), //nolint:forbidigo // connections go by the system's clock
	}
}

// add adds an item, and sends what there is if that is much.
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

// end adds the end of the page and sends what is left.
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
		s.writer.Header().Set("Content-Type", jsonMediaType)
		s.writer.WriteHeader(http.StatusOK)
		s.begun = true
	}
	if s.method == http.MethodHead {
		s.finished = true
		return nil
	}
	deadline := time.Now().Add(chunkPatience) //nolint:forbidigo // connections go by the system's clock
	if deadline.After(s.until) {
		deadline = s.until
	}
	_ = s.control.SetWriteDeadline(deadline) // a connection without deadlines is one of a test
	_, err := s.writer.Write(s.buffer)
	s.buffer = s.buffer[:0]
	if err != nil {
		return fmt.Errorf("send a page: %w", err)
	}
	return nil
}

// abort answers with a problem if nothing was sent. Else it cuts the connection: the
// client sees an answer without its end, and never a page that is short and looks whole.
func (s *pageSender) abort(ctx context.Context, err error) {
	if !s.begun {
		s.api.problem(ctx, err).write(s.writer)
		return
	}
	s.api.options.Logger.Warn("page aborted", s.api.failure(ctx, fault.Of(err), err)...)
	panic(http.ErrAbortHandler)
}
