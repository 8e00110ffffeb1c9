package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
)

// evaluation is a call that evaluates flags, and the ceiling that writes the same
// bytes.
type evaluation struct {
	flags  []string
	path   string
	body   string
	status int
	// header returns further headers, as names and values in turn.
	header func(ctx context.Context, s *service) ([]string, error)
}

// oneContext is what flags are evaluated for.
const oneContext = `{"targetingKey":"user123","plan":"gold","country":"DE","version":"2.3.4"}`

func checkoutFlag() []string {
	return []string{`{"name":"new_checkout_flow","environment":"` + environment + `","is_enabled":true,` +
		`"rollout_percentage":50,"target_users":["user123"]}`}
}

// flagEvaluate measures the original's call for one flag.
func flagEvaluate(ctx context.Context, b *bench) (outcome, error) {
	return b.measureEvaluation(ctx, evaluation{
		flags: checkoutFlag(), path: "/api/v1/feature-flags/evaluate", status: http.StatusOK,
		body: `{"flag_name":"new_checkout_flow","environment":"` + environment + `","user_id":"user123"}`,
	})
}

// ofrepSingle measures OFREP's call for one flag.
func ofrepSingle(ctx context.Context, b *bench) (outcome, error) {
	return b.measureEvaluation(ctx, evaluation{
		flags: checkoutFlag(), path: "/ofrep/v1/evaluate/flags/new_checkout_flow", status: http.StatusOK,
		body: `{"context":{"targetingKey":"user123"}}`,
	})
}

// bulkFlags are 350: a third with rules, a third with allocations, the rest plain.
func bulkFlags() []string {
	kinds := []string{
		`"rules":[{"conditions":[{"attribute":"plan","operator":"in","values":["silver","platinum"]}],"variant":"off"},` +
			`{"conditions":[{"attribute":"version","operator":"semver_greater","values":["2.0.0"]},` +
			`{"attribute":"country","operator":"equals","values":["DE"]}],"variant":"on"}]`,
		`"rollout_percentage":50`,
		`"description":"plain"`,
	}
	list := make([]string, 350)
	for i := range list {
		list[i] = fmt.Sprintf(`{"name":"bulk-flag-%03d","environment":%q,"is_enabled":true,%s}`,
			i, environment, kinds[i%len(kinds)])
	}
	return list
}

// ofrepBulk measures OFREP's call for all flags.
func ofrepBulk(ctx context.Context, b *bench) (outcome, error) {
	return b.measureEvaluation(ctx, evaluation{
		flags: bulkFlags(), path: "/ofrep/v1/evaluate/flags", status: http.StatusOK,
		body: `{"context":` + oneContext + `}`,
	})
}

// ofrepUnchanged measures the same call by a client that holds the answer.
func ofrepUnchanged(ctx context.Context, b *bench) (outcome, error) {
	e := evaluation{
		flags: bulkFlags(), path: "/ofrep/v1/evaluate/flags", status: http.StatusNotModified,
		body: `{"context":` + oneContext + `}`,
	}
	e.header = func(ctx context.Context, s *service) ([]string, error) {
		a, err := s.call(ctx, http.MethodPost, e.path, e.body, http.StatusOK)
		return []string{"If-None-Match", a.Header.Get("ETag")}, err
	}
	return b.measureEvaluation(ctx, e)
}

// measureEvaluation loads the service and bare Gin with the same request, and
// compares how many each answers.
func (b *bench) measureEvaluation(ctx context.Context, e evaluation) (outcome, error) {
	dir, err := b.folder()
	if err != nil {
		return outcome{}, err
	}
	s, err := b.serve(ctx, sqliteURL(filepath.Join(dir, "flags.db")))
	if err != nil {
		return outcome{}, err
	}
	a, header, err := s.prepareEvaluation(ctx, e)
	if err != nil {
		return outcome{}, err
	}
	bare, address, err := b.serveBare(ctx, a)
	if err != nil {
		return outcome{}, err
	}
	request := []byte("POST " + e.path + " HTTP/1.1\r\nHost: bench\r\nAuthorization: ApiKey " + s.key + "\r\n" +
		"Content-Type: application/json\r\n" + header + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(e.body)) + e.body)
	rate := func(address string) func(context.Context, int) (float64, error) {
		l := load{
			address: address, status: e.status,
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

// prepareEvaluation creates the flags and returns the answer, and the lines of
// the request's further headers.
func (s *service) prepareEvaluation(ctx context.Context, e evaluation) (answer, string, error) {
	for _, f := range e.flags {
		if _, err := s.call(ctx, http.MethodPost, "/api/v1/feature-flags/", f, http.StatusCreated); err != nil {
			return answer{}, "", err
		}
	}
	var header []string
	if e.header != nil {
		var err error
		if header, err = e.header(ctx, s); err != nil {
			return answer{}, "", err
		}
	}
	var lines strings.Builder
	for i := 0; i+1 < len(header); i += 2 {
		lines.WriteString(header[i] + ": " + header[i+1] + "\r\n")
	}
	a, err := s.call(ctx, http.MethodPost, e.path, e.body, e.status, header...)
	return a, lines.String(), err
}

func (b *bench) requestsPerSecond(ctx context.Context, l load) (float64, error) {
	if _, err := l.run(ctx, b.warmUp()); err != nil {
		return 0, err
	}
	t, err := l.run(ctx, b.duration)
	return t.perSecond(), err
}
