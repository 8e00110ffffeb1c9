package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
)

// race is a request to which the service and bare Gin return the same bytes.
type race struct {
	method, path, body string
	status             int
	// prepare prepares the service for the request, and returns further headers as alternate
	// names and values.
	prepare func(ctx context.Context, s *service) ([]string, error)
	// settings are further settings of the service.
	settings []string
	// decodes is the kind of body that bare Gin decodes, "" for none.
	decodes string
}

// race loads both alternately, and compares their throughput.
func (b *bench) race(ctx context.Context, r race) (outcome, error) {
	dir, err := b.folder()
	if err != nil {
		return outcome{}, err
	}
	s, err := b.serve(ctx, sqliteURL(filepath.Join(dir, "race.db")), r.settings...)
	if err != nil {
		return outcome{}, err
	}
	headers, err := r.prepare(ctx, s)
	if err != nil {
		return outcome{}, err
	}
	a, err := s.call(ctx, r.method, r.path, r.body, r.status, headers...)
	if err != nil {
		return outcome{}, err
	}
	a.Decodes = r.decodes
	bare, address, err := b.serveBare(ctx, a)
	if err != nil {
		return outcome{}, err
	}
	request := r.request(s.key, headers)
	rate := func(address string) func(context.Context, int) (float64, error) {
		l := load{
			address: address, status: r.status,
			request: func() func() []byte { return func() []byte { return request } },
		}
		return func(ctx context.Context, _ int) (float64, error) { return b.requestsPerSecond(ctx, l) }
	}
	o, err := contest{ours: rate(s.address), ceiling: rate(address)}.run(ctx, b.rounds)
	if err != nil {
		return outcome{}, err
	}
	if err := bare.stop(); err != nil {
		return outcome{}, err
	}
	return o, s.stop()
}

// request returns the bytes of the request.
func (r race) request(key string, headers []string) []byte {
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: bench\r\nAuthorization: ApiKey %s\r\n", r.method, r.path, key)
	if r.method != http.MethodGet {
		_, _ = fmt.Fprintf(&text, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(r.body))
	}
	for i := 0; i+1 < len(headers); i += 2 {
		text.WriteString(headers[i] + ": " + headers[i+1] + "\r\n")
	}
	return []byte(text.String() + "\r\n" + r.body)
}

func (b *bench) requestsPerSecond(ctx context.Context, l load) (float64, error) {
	if _, err := l.run(ctx, b.warmUp()); err != nil {
		return 0, err
	}
	t, err := l.run(ctx, b.duration)
	return t.perSecond(), err
}
