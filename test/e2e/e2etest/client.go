package e2etest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/test/exchange"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// Object is a JSON object.
type Object = map[string]any

// Client calls a service with a key, or without one.
type Client struct {
	URL string
	Key string

	// document is that of a service with further modules, otherwise nil.
	document *exchange.Document
}

// Response is a response with its complete body.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Header is a request header.
type Header struct{ Name, Value string }

// With returns a request header.
func With(name, value string) Header { return Header{Name: name, Value: value} }

// Try makes one call. A body other than a string or bytes is sent as JSON.
func (c Client) Try(ctx context.Context, method, path string, body any, headers ...Header) (Response, error) {
	content, err := encode(body)
	if err != nil {
		return Response{}, err
	}
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(content))
	if err != nil {
		return Response{}, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.Key != "" {
		request.Header.Set("Authorization", "ApiKey "+c.Key)
	}
	for _, h := range headers {
		request.Header.Set(h.Name, h.Value)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return Response{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil {
		document := c.document
		if document == nil {
			document = documented()
		}
		err = document.Check(exchange.Exchange{
			Method: method, URL: request.URL, Body: content,
			Status: response.StatusCode, Header: response.Header, Response: text,
		})
	}
	return Response{Status: response.StatusCode, Header: response.Header, Body: text}, err
}

// documented returns the document of a service without further modules.
var documented = sync.OnceValue(func() *exchange.Document {
	text, err := ginapi.Document("test", fixture.Modules())
	if err != nil {
		panic(err)
	}
	d, err := exchange.Parse(text)
	if err != nil {
		panic(err)
	}
	return d
})

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

// Do makes one call and fails the test if there is no response.
func (c Client) Do(tb testing.TB, method, path string, body any, headers ...Header) Response {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), Timeout)
	defer cancel()
	a, err := c.Try(ctx, method, path, body, headers...)
	require.NoError(tb, err)
	return a
}

// Get reads a path.
func (c Client) Get(tb testing.TB, path string, headers ...Header) Response {
	tb.Helper()
	return c.Do(tb, http.MethodGet, path, nil, headers...)
}

// Post posts a body.
func (c Client) Post(tb testing.TB, path string, body any, headers ...Header) Response {
	tb.Helper()
	return c.Do(tb, http.MethodPost, path, body, headers...)
}

// Put puts a body.
func (c Client) Put(tb testing.TB, path string, body any, headers ...Header) Response {
	tb.Helper()
	return c.Do(tb, http.MethodPut, path, body, headers...)
}

// Delete deletes what a path names.
func (c Client) Delete(tb testing.TB, path string, headers ...Header) Response {
	tb.Helper()
	return c.Do(tb, http.MethodDelete, path, nil, headers...)
}

// Want checks the status and returns the response.
func (a Response) Want(tb testing.TB, status int) Response {
	tb.Helper()
	require.Equal(tb, status, a.Status, "%s", a.Body)
	return a
}

// Problem checks that the response is a problem of that status and code, and returns it.
func (a Response) Problem(tb testing.TB, status int, code string) map[string]any {
	tb.Helper()
	a.Want(tb, status)
	require.Equal(tb, "application/problem+json", a.Header.Get("Content-Type"))
	p := Decode[map[string]any](tb, a)
	require.Equal(tb, code, p["code"])
	require.InDelta(tb, status, p["status"], 0)
	require.Equal(tb, a.Header.Get("X-Request-Id"), p["request_id"])
	require.NotEmpty(tb, p["type"])
	require.NotEmpty(tb, p["title"])
	return p
}

// Locations returns the locations that a problem names.
func Locations(tb testing.TB, problem map[string]any) []string {
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

// Decode returns the body of a response.
func Decode[T any](tb testing.TB, a Response) T {
	tb.Helper()
	v, err := Parse[T](a)
	require.NoError(tb, err, "%s", a.Body)
	return v
}

// Parse returns the body of a response, or why it is not a T.
func Parse[T any](a Response) (v T, err error) {
	err = json.Unmarshal(a.Body, &v)
	return v, err
}

// Text returns the complete response, headers and body.
func (a Response) Text() string {
	var b bytes.Buffer
	_ = a.Header.Write(&b)
	b.Write(a.Body)
	return b.String()
}
