package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// client calls a service with a key, or with none.
type client struct {
	url string
	key string
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// with is a header of one call.
type with struct{ name, value string }

// try makes one call. A body that is no string or bytes is sent as JSON.
func (c client) try(ctx context.Context, method, path string, body any, headers ...with) (answer, error) {
	content, err := encode(body)
	if err != nil {
		return answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(content))
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		request.Header.Set("Authorization", "ApiKey "+c.key)
	}
	for _, h := range headers {
		request.Header.Set(h.name, h.value)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: text}, err
}

func encode(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(b), nil
	case []byte:
		return b, nil
	}
	return json.Marshal(body)
}

// do makes one call, which must be answered.
func (c client) do(tb testing.TB, method, path string, body any, headers ...with) answer {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	a, err := c.try(ctx, method, path, body, headers...)
	require.NoError(tb, err)
	return a
}

func (c client) get(tb testing.TB, path string, headers ...with) answer {
	tb.Helper()
	return c.do(tb, http.MethodGet, path, nil, headers...)
}

func (c client) post(tb testing.TB, path string, body any, headers ...with) answer {
	tb.Helper()
	return c.do(tb, http.MethodPost, path, body, headers...)
}

func (c client) put(tb testing.TB, path string, body any, headers ...with) answer {
	tb.Helper()
	return c.do(tb, http.MethodPut, path, body, headers...)
}

func (c client) delete(tb testing.TB, path string, headers ...with) answer {
	tb.Helper()
	return c.do(tb, http.MethodDelete, path, nil, headers...)
}

// want checks the status and returns the answer.
func (a answer) want(tb testing.TB, status int) answer {
	tb.Helper()
	require.Equal(tb, status, a.status, "%s", a.body)
	return a
}

// problem checks that the answer is the problem of that status and code.
func (a answer) problem(tb testing.TB, status int, code string) map[string]any {
	tb.Helper()
	a.want(tb, status)
	require.Equal(tb, "application/problem+json", a.header.Get("Content-Type"))
	p := decode[map[string]any](tb, a)
	require.Equal(tb, code, p["code"])
	require.InDelta(tb, status, p["status"], 0)
	require.Equal(tb, a.header.Get("X-Request-Id"), p["request_id"])
	require.NotEmpty(tb, p["type"])
	require.NotEmpty(tb, p["title"])
	return p
}

// places returns the locations that a problem names.
func places(tb testing.TB, problem map[string]any) []string {
	tb.Helper()
	errors, _ := problem["errors"].([]any)
	var list []string
	for _, e := range errors {
		one, ok := e.(map[string]any)
		require.True(tb, ok)
		require.NotEmpty(tb, one["message"])
		location, ok := one["location"].(string)
		require.True(tb, ok)
		list = append(list, location)
	}
	return list
}

func decode[T any](tb testing.TB, a answer) T {
	tb.Helper()
	v, err := parse[T](a)
	require.NoError(tb, err, "%s", a.body)
	return v
}

func parse[T any](a answer) (v T, err error) {
	err = json.Unmarshal(a.body, &v)
	return v, err
}

// create creates a plain configuration of the shop in production.
func (c client) create(tb testing.TB, key, value string) configuration {
	tb.Helper()
	return c.createDraft(tb, draft{Key: key, Value: value, Environment: "production", ServiceName: "shop"})
}

func (c client) createDraft(tb testing.TB, d draft) configuration {
	tb.Helper()
	return decode[configuration](tb, c.post(tb, "/api/v1/config/", d).want(tb, http.StatusCreated))
}

// read returns a configuration of the shop in production.
func (c client) read(tb testing.TB, key string) configuration {
	tb.Helper()
	return decode[configuration](tb, c.get(tb, at(key)).want(tb, http.StatusOK))
}

// history returns the whole history of a configuration, newest first.
func (c client) history(tb testing.TB, of configuration) []entry {
	tb.Helper()
	page := decode[timeline](tb, c.get(tb, of.path()+"/history?limit=1000").want(tb, http.StatusOK))
	require.Len(tb, page.History, page.Total)
	return page.History
}

// at returns where a configuration of the shop in production is read, with more
// of the query.
func at(key string, query ...string) string {
	return "/api/v1/config/" + strings.ReplaceAll(url.PathEscape(key), "+", "%2B") +
		"?environment=production&service_name=shop" + strings.Join(query, "")
}
