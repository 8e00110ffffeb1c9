package ginapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// unread is a body that fails the test when it is read.
type unread struct{ tb testing.TB }

func (u unread) Read([]byte) (int, error) {
	u.tb.Error("the body was read")
	return 0, errors.New("read")
}

// withBodies returns the method and a path of each operation that has a body.
func withBodies(tb testing.TB, h *testServer) (operations [][2]string) {
	tb.Helper()
	paths := strings.NewReplacer("{config_id}", "1", "{flag_id}", "1", "{service_name}", "shop", "{instance_id}", "a", "{key}", "dark", "{key_id}", "k")
	for path, item := range document(tb, h)["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			if _, has := op.(map[string]any)["requestBody"]; has {
				operations = append(operations, [2]string{strings.ToUpper(method), paths.Replace(path)})
			}
		}
	}
	require.GreaterOrEqual(tb, len(operations), 15)
	return operations
}

func document(tb testing.TB, h *testServer) map[string]any {
	tb.Helper()
	return h.send(http.MethodGet, "/openapi.json", "", nil).json()
}

func TestCallersWithoutTheActionAreRejectedBeforeTheBodyIsRead(t *testing.T) {
	t.Parallel()
	h := newTestServer(t)
	h.access.holders["powerless"] = access.Caller{Actor: scope.Actor{KeyID: "none", Name: "none"}}
	h.access.anonymous = nil
	for _, op := range withBodies(t, h) {
		if op[1] == "/api/v1/access/check" || op[1] == "/api/v1/access/login/jwt" {
			continue // every caller may check its own rights, and log in
		}
		r := httptest.NewRequestWithContext(t.Context(), op[0], op[1], unread{t})
		r.Header = as("powerless")
		a := h.serve(r)
		assert.Equal(t, http.StatusForbidden, a.status, "%v: %s", op, a.body)
	}
	for _, op := range [][2]string{
		{http.MethodPost, "/api/v1/feature-flags/"},
		{http.MethodPut, "/api/v1/config/1"},
		{http.MethodPost, "/api/v1/registry/register"},
		{http.MethodPost, "/api/v1/registry/heartbeats"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), op[0], op[1], unread{t})
		assert.Equal(t, http.StatusUnauthorized, h.serve(r).status, op)
		r.Header = as(readerKey)
		assert.Equal(t, http.StatusForbidden, h.serve(r).status, op)
	}
}

// members returns n members of an object.
func members(n int, value string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"m` + strconv.Itoa(i) + `":` + value)
	}
	return b.String()[1:]
}

func TestAnAnswerListsFiftyErrorsAtMost(t *testing.T) {
	t.Parallel()
	h := registryServer(t, func(o *ginapi.Options) { o.RequestTimeout = time.Hour })
	h.create("a", "b", false)
	long := strings.Repeat("x", 1000)
	many := func(item string) string { return "[" + strings.TrimSuffix(strings.Repeat(item+",", 10_000), ",") + "]" }
	unknown := "{" + members(50_000, "1") + "}"
	for name, c := range map[string]struct {
		method, target, body string
		omitted              int
	}{
		"unknown members of a configuration":       {http.MethodPost, "/api/v1/config/", unknown, 50_000 + 4 - 50},
		"unknown members of a change":              {http.MethodPut, "/api/v1/config/1", unknown, 50_000 - 50},
		"unknown members of a rollback":            {http.MethodPost, "/api/v1/config/1/rollback", unknown, 50_000 + 1 - 50},
		"unknown members of a flag":                {http.MethodPost, "/api/v1/feature-flags/", unknown, 50_000 - 50},
		"unknown members of a preview":             {http.MethodPost, "/api/v1/feature-flags/1/preview", unknown, 50_000 - 50},
		"unknown members of a registration":        {http.MethodPost, "/api/v1/registry/register", unknown, 50_000 + 1 - 50},
		"unknown members of an evaluation":         {http.MethodPost, "/api/v1/feature-flags/evaluate", "{" + members(9_000, "1") + "}", 9_000 - 50},
		"unknown members of a batch":               {http.MethodPost, "/api/v1/feature-flags/evaluate/batch", "{" + members(9_000, "1") + "}", 9_000 - 50},
		"unknown members of an explanation":        {http.MethodPost, "/api/v1/feature-flags/explain", "{" + members(9_000, "1") + "}", 9_000 - 50},
		"unknown members of a heartbeat":           {http.MethodPut, "/api/v1/registry/shop/instances/a/heartbeat", "{" + members(300, "1") + "}", 250},
		"unknown members of heartbeats":            {http.MethodPost, "/api/v1/registry/heartbeats", `{"heartbeats":[` + unknown + `]}`, 50_000 - 50},
		"heartbeats that are none":                 {http.MethodPost, "/api/v1/registry/heartbeats", `{"heartbeats":[` + strings.Repeat("1,", 999) + `1]}`, 950},
		"tags that are none":                       {http.MethodPost, "/api/v1/registry/register", `{"service_name":"shop","tags":` + many("1") + `}`, 9_951},
		"users that are none":                      {http.MethodPost, "/api/v1/feature-flags/", `{"name":"a","environment":"production","target_users":` + many("1") + `}`, 9_950},
		"unknown parameters":                       {http.MethodGet, "/api/v1/config/?" + strings.ReplaceAll(strings.Trim(members(1000, ""), ","), `":,"`, "=&")[1:], "", -1},
		"a long name that no answer should repeat": {http.MethodPost, "/api/v1/registry/heartbeats", `{"heartbeats":[{"` + long + `":1}]}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := h.admin(c.method, c.target, c.body)
			a.requireProblem(http.StatusUnprocessableEntity, "validation_failed")
			assert.Less(t, len(a.body), 8<<10)
			if c.omitted == 0 {
				return
			}
			require.Len(t, a.json()["errors"], 50)
			omitted := int(a.json()["errors_omitted"].(float64))
			assert.Positive(t, omitted)
			if c.omitted > 0 && !strings.Contains(name, "tags") {
				assert.Equal(t, c.omitted, omitted)
			}
			assert.Contains(t, a.json()["detail"], "and "+strconv.Itoa(omitted)+" more are not")
		})
	}
}

func TestTooManyValuesAreRejected(t *testing.T) {
	t.Parallel()
	h := newTestServer(t, func(o *ginapi.Options) { o.RequestTimeout = time.Hour })
	for _, c := range [][2]string{
		{"/api/v1/config/", `{"value":[` + strings.Repeat("0,", 400_000) + `0]}`},
		{"/api/v1/feature-flags/", `{"target_users":[` + strings.Repeat("0,", 1_000_000) + `0]}`},
		{"/api/v1/feature-flags/", `{"variants":{` + members(510_000, "0") + `}}`},
	} {
		a := h.admin(http.MethodPost, c[0], c[1])
		a.requireProblem(http.StatusUnprocessableEntity, "validation_failed")
		assert.Contains(t, a.body, "JSON values")
		assert.Less(t, len(a.body), 1<<10)
	}
}

func TestReadingABodyEndsWithTheDeadline(t *testing.T) {
	t.Parallel()
	h := newTestServer(t)
	for _, body := range []string{
		"{" + members(50_000, "1") + "}", `{"target_users":["` + strings.Repeat(`a","`, 100_000) + `a"]}`,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/v1/feature-flags/", endingBody{strings.NewReader(body), cancel})
		r.Header = as(adminKey)
		r.Header.Set("Content-Type", "application/json")
		assert.Equal(t, ginapi.StatusClientGoneForTest, h.serve(r).status)
	}
}

// endingBody ends the request when it was read.
type endingBody struct {
	io.Reader
	end func()
}

func (b endingBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		b.end()
	}
	return n, err
}
