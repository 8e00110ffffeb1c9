package main

import (
	"context"
	"fmt"
	"net/http"
)

// evaluation is a request that evaluates flags, whose ceiling writes the same bytes.
type evaluation struct {
	flags  []string
	path   string
	body   string
	status int
	// header returns further headers as alternate names and values.
	header func(ctx context.Context, s *service) ([]string, error)
}

// oneContext is the evaluation context.
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

// bulkFlags are 350 flags: a third with rules, a third with allocations, the rest static.
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

// ofrepUnchanged measures the same call with a current entity tag.
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

// measureEvaluation loads the service and bare Gin with the same request, and compares
// their throughput.
func (b *bench) measureEvaluation(ctx context.Context, e evaluation) (outcome, error) {
	return b.race(ctx, race{
		method: http.MethodPost, path: e.path, body: e.body, status: e.status,
		prepare: func(ctx context.Context, s *service) ([]string, error) {
			for _, f := range e.flags {
				if _, err := s.call(ctx, http.MethodPost, "/api/v1/feature-flags/", f, http.StatusCreated); err != nil {
					return nil, err
				}
			}
			if e.header == nil {
				return nil, nil
			}
			return e.header(ctx, s)
		},
	})
}
