package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

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
	defer response.Body.Close()
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
func (c client) do(t testing.TB, method, path string, body any, headers ...with) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a, err := c.try(ctx, method, path, body, headers...)
	require.NoError(t, err)
	return a
}

func (c client) get(t testing.TB, path string, headers ...with) answer {
	t.Helper()
	return c.do(t, http.MethodGet, path, nil, headers...)
}

func (c client) post(t testing.TB, path string, body any, headers ...with) answer {
	t.Helper()
	return c.do(t, http.MethodPost, path, body, headers...)
}

func (c client) put(t testing.TB, path string, body any, headers ...with) answer {
	t.Helper()
	return c.do(t, http.MethodPut, path, body, headers...)
}

func (c client) delete(t testing.TB, path string, headers ...with) answer {
	t.Helper()
	return c.do(t, http.MethodDelete, path, nil, headers...)
}

// want checks the status and returns the answer.
func (a answer) want(t testing.TB, status int) answer {
	t.Helper()
	require.Equal(t, status, a.status, "%s", a.body)
	return a
}

// problem checks that the answer is the problem of that status and code.
func (a answer) problem(t testing.TB, status int, code string) map[string]any {
	t.Helper()
	a.want(t, status)
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
	p := decode[map[string]any](t, a)
	require.Equal(t, code, p["code"])
	require.InDelta(t, status, p["status"], 0)
	require.Equal(t, a.header.Get("X-Request-Id"), p["request_id"])
	require.NotEmpty(t, p["type"])
	require.NotEmpty(t, p["title"])
	return p
}

// places returns the locations that a problem names.
func places(t testing.TB, problem map[string]any) []string {
	t.Helper()
	errors, _ := problem["errors"].([]any)
	var list []string
	for _, e := range errors {
		one, ok := e.(map[string]any)
		require.True(t, ok)
		require.NotEmpty(t, one["message"])
		location, ok := one["location"].(string)
		require.True(t, ok)
		list = append(list, location)
	}
	return list
}

func decode[T any](t testing.TB, a answer) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal(a.body, &v), "%s", a.body)
	return v
}

// configuration is a configuration as HTTP shows it.
type configuration struct {
	ID            int64     `json:"id"`
	Key           string    `json:"key"`
	Value         *string   `json:"value"`
	ValueRedacted bool      `json:"value_redacted"`
	Environment   string    `json:"environment"`
	ServiceName   string    `json:"service_name"`
	Description   *string   `json:"description"`
	IsEncrypted   bool      `json:"is_encrypted"`
	Version       int64     `json:"version"`
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
	UpdatedBy     string    `json:"updated_by"`
}

// path returns where writes to the configuration go.
func (c configuration) path() string { return "/api/v1/config/" + strconv.FormatInt(c.ID, 10) }

// value returns the shown value, or "" where there is none.
func (c configuration) value() string { return deref(c.Value) }

// entry is one version as the history shows it.
type entry struct {
	ID              int64     `json:"id"`
	ConfigurationID int64     `json:"configuration_id"`
	Version         int64     `json:"version"`
	Action          string    `json:"action"`
	OldValue        *string   `json:"old_value"`
	NewValue        *string   `json:"new_value"`
	ValueRedacted   bool      `json:"value_redacted"`
	Description     *string   `json:"description"`
	IsEncrypted     bool      `json:"is_encrypted"`
	ChangedBy       string    `json:"changed_by"`
	ChangedAt       time.Time `json:"changed_at"`
	RequestID       string    `json:"request_id"`
}

// listing and timeline are pages.
type listing struct {
	Configurations []configuration `json:"configurations"`
	Total          int             `json:"total"`
	Limit          int             `json:"limit"`
	Offset         int             `json:"offset"`
}

type timeline struct {
	History []entry `json:"history"`
	Total   int     `json:"total"`
	Limit   int     `json:"limit"`
	Offset  int     `json:"offset"`
}

// draft is what a creation sends; what is empty is not sent.
type draft struct {
	Key         string  `json:"key,omitempty"`
	Value       string  `json:"value"`
	Environment string  `json:"environment,omitempty"`
	ServiceName string  `json:"service_name,omitempty"`
	Description *string `json:"description,omitempty"`
	IsEncrypted bool    `json:"is_encrypted,omitempty"`
}

// create creates a plain configuration of the shop in production.
func (c client) create(t testing.TB, key, value string) configuration {
	t.Helper()
	return c.createDraft(t, draft{Key: key, Value: value, Environment: "production", ServiceName: "shop"})
}

func (c client) createDraft(t testing.TB, d draft) configuration {
	t.Helper()
	return decode[configuration](t, c.post(t, "/api/v1/config/", d).want(t, http.StatusCreated))
}

// read returns a configuration of the shop in production.
func (c client) read(t testing.TB, key string) configuration {
	t.Helper()
	return decode[configuration](t, c.get(t, at(key)).want(t, http.StatusOK))
}

// history returns the whole history of a configuration, newest first.
func (c client) history(t testing.TB, of configuration) []entry {
	t.Helper()
	page := decode[timeline](t, c.get(t, of.path()+"/history?limit=1000").want(t, http.StatusOK))
	require.Len(t, page.History, page.Total)
	return page.History
}

// at returns where a configuration of the shop in production is read, with more
// of the query.
func at(key string, query ...string) string {
	return "/api/v1/config/" + strings.ReplaceAll(url.PathEscape(key), "+", "%2B") +
		"?environment=production&service_name=shop" + strings.Join(query, "")
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func ptr[T any](v T) *T { return &v }
