package ginapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/configapi"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// longServer holds n configurations of 200 kB, k000 and so on.
func longServer(tb testing.TB, n int, change ...func(*ginapi.Options)) (*testServer, *httptest.Server) {
	tb.Helper()
	h := newTestServer(tb, change...)
	value := strings.Repeat("v", 200_000)
	for i := range n {
		h.create(fmt.Sprintf("k%03d", i), value, false)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = ginapi.NewServer("", h.api.Handler())
	server.Start()
	tb.Cleanup(server.Close)
	return h, server
}

// request sends a request of the admin.
func request(tb testing.TB, server *httptest.Server, method, target string) *http.Response {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, server.URL+target, nil)
	require.NoError(tb, err)
	r.Header = as(adminKey)
	response, err := server.Client().Do(r)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// freed waits until no page holds memory.
func freed(tb testing.TB, h *testServer) {
	tb.Helper()
	require.Eventually(tb, h.api.ResponseMemoryIsFree, lingerDeadline, time.Millisecond)
}

func TestALongPageIsSentInChunks(t *testing.T) {
	t.Parallel()
	h, server := longServer(t, 12)
	for target, list := range map[string]struct {
		count, from int
	}{
		"/api/v1/config/?limit=10&offset=1": {10, 1}, "/api/v1/config/?limit=1000": {12, 0},
	} {
		response := request(t, server, http.MethodGet, target)
		require.Equal(t, http.StatusOK, response.StatusCode)
		assert.Equal(t, int64(-1), response.ContentLength, "it is sent in chunks")
		assert.Equal(t, "application/json", response.Header.Get("Content-Type"))
		var page struct {
			Configurations []struct{ Key, Value string }
			Total          int
		}
		require.NoError(t, json.NewDecoder(response.Body).Decode(&page))
		require.Len(t, page.Configurations, list.count)
		assert.Equal(t, 12, page.Total)
		for i, c := range page.Configurations {
			assert.Equal(t, fmt.Sprintf("k%03d", i+list.from), c.Key)
			assert.Len(t, c.Value, 200_000)
		}
	}
	freed(t, h)
}

func TestAShortPageIsSentAsAWhole(t *testing.T) {
	t.Parallel()
	h, server := longServer(t, 2)
	response := request(t, server, http.MethodGet, "/api/v1/config/?limit=1")
	assert.Greater(t, response.ContentLength, int64(200_000))
	response = request(t, server, http.MethodGet, "/api/v1/config/?offset=9")
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.JSONEq(t, `{"configurations":[],"total":2,"limit":100,"offset":9}`, string(body))
	assert.Equal(t, int64(len(body)), response.ContentLength)
	freed(t, h)
}

// pageOf is the common part of pages.
type pageOf struct {
	Configurations []struct{ Key string }
	History        []struct{ Version int }
	Total          int
	Next           *string
}

func readPage(t *testing.T, server *httptest.Server, target string) (page pageOf, bytes int) {
	t.Helper()
	response := request(t, server, http.MethodGet, target)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", body)
	require.NoError(t, json.Unmarshal(body, &page))
	return page, len(body)
}

func TestCursorsJoinPages(t *testing.T) {
	t.Parallel()
	h, server := longServer(t, 3)
	h.admin(http.MethodPut, "/api/v1/config/1", `{"value":"2"}`)
	h.admin(http.MethodPut, "/api/v1/config/1", `{"value":"3"}`)
	for _, first := range []string{"?limit=2", "?limit=2&cursor=", "?limit=2&offset=0"} {
		page, _ := readPage(t, server, "/api/v1/config/"+first)
		require.NotNil(t, page.Next, first)
		second, _ := readPage(t, server, "/api/v1/config/?limit=2&cursor="+*page.Next)
		require.Len(t, second.Configurations, 1)
		assert.Equal(t, "k002", second.Configurations[0].Key)
		assert.Equal(t, 3, second.Total)
		assert.Nil(t, second.Next)

		page, _ = readPage(t, server, "/api/v1/config/1/history"+first)
		require.NotNil(t, page.Next, first)
		second, _ = readPage(t, server, "/api/v1/config/1/history?limit=2&cursor="+*page.Next)
		require.Len(t, second.History, 1)
		assert.Equal(t, 1, second.History[0].Version)
		assert.Nil(t, second.Next)
	}
	freed(t, h)
}

func TestPagesByCursorHaveABound(t *testing.T) {
	t.Parallel()
	const most, n = 8 << 20, 45
	h, server := longServer(t, n)
	whole, bytes := readPage(t, server, "/api/v1/config/?limit=1000")
	require.Greater(t, bytes, most)
	assert.Len(t, whole.Configurations, n, "a page by offset is complete")
	assert.Nil(t, whole.Next)
	var keys []string
	for next := new(""); next != nil; {
		page, bytes := readPage(t, server, "/api/v1/config/?limit=1000&cursor="+*next)
		assert.LessOrEqual(t, bytes, most)
		assert.Equal(t, n, page.Total)
		for _, c := range page.Configurations {
			keys = append(keys, c.Key)
		}
		next = page.Next
	}
	require.Len(t, keys, n)
	for i, key := range keys {
		assert.Equal(t, fmt.Sprintf("k%03d", i), key)
	}
	freed(t, h)
}

func TestWrongCursors(t *testing.T) {
	t.Parallel()
	h := registryServer(t)
	h.create("a", "1", false)
	h.register("")
	encoded := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for _, target := range []string{
		"/api/v1/config/", "/api/v1/config/1/history", "/api/v1/feature-flags",
		registryPath + "/", registryPath + "/shop/health-history",
	} {
		for _, cursor := range []string{
			"x", "%07", "_", encoded("[]"), encoded("{}"), encoded("null"), encoded(`"a"`), encoded(`[1]`),
			encoded(`["a","b","c","d"]`), encoded(`["\u0000"]`), encoded(`["a","b","\u0000"]`), strings.Repeat("x", 5000),
		} {
			a := h.send(http.MethodGet, target+"?cursor="+cursor, "", as(adminKey))
			require.Equal(t, http.StatusUnprocessableEntity, a.status, "%s %s: %s", target, cursor, a.body)
			assert.Contains(t, a.body, `"location":"query.cursor"`)
		}
	}
	a := h.admin(http.MethodGet, "/api/v1/config/?offset=1&cursor="+encoded(`["production","shop","a"]`), "")
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	assert.Contains(t, a.body, "must be left out with a cursor")
}

func TestHeadOfALongPageHasNoBody(t *testing.T) {
	t.Parallel()
	h, server := longServer(t, 12)
	response := request(t, server, http.MethodHead, "/api/v1/config/")
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Empty(t, body)
	freed(t, h)
}

// breaking is configurations whose store fails after the first part of a page.
type breaking struct {
	configapi.Configurations
	keep int
}

func (b breaking) List(ctx context.Context, by access.Caller, in configapp.List) (configapp.Listing, error) {
	l, err := b.Configurations.List(ctx, by, in)
	l.Items = l.Items[:b.keep]
	l.Next = func(context.Context) (configapp.Listing, error) { return configapp.Listing{}, fault.ErrUnavailable }
	return l, err
}

func (b breaking) ReadHistory(ctx context.Context, by access.Caller, in configapp.History) (configapp.Timeline, error) {
	l, err := b.Configurations.ReadHistory(ctx, by, in)
	l.Next = func(context.Context) (configuration.HistoryPage, error) {
		return configapp.Timeline{}, fault.ErrUnavailable
	}
	return l, err
}

func TestAStoreThatFailsInTheMiddleOfAPageCutsIt(t *testing.T) {
	t.Parallel()
	h, server := longServer(t, 3, func(o *ginapi.Options) { o.Configurations = breaking{o.Configurations, 1} })
	for _, target := range []string{"/api/v1/config/", "/api/v1/config/1/history"} {
		response := request(t, server, http.MethodGet, target)
		require.Equal(t, http.StatusOK, response.StatusCode)
		body, err := io.ReadAll(response.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.False(t, json.Valid(body), "what came is no page that looks whole")
	}
	assert.NotEmpty(t, h.logs.FilterMessage("page aborted").All())
	freed(t, h)
}

func TestAStoreThatFailsBeforeAnythingWasSentIsAProblem(t *testing.T) {
	t.Parallel()
	h, server := longServer(t, 1, func(o *ginapi.Options) { o.Configurations = breaking{o.Configurations, 0} })
	response := request(t, server, http.MethodGet, "/api/v1/config/")
	assert.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	assert.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
	freed(t, h)
}

// slowReader is a client that begins to read when it may go on.
type slowReader struct {
	*httptest.ResponseRecorder
	begun, goOn chan struct{}
	once        sync.Once
}

func (r *slowReader) Write(p []byte) (int, error) {
	r.once.Do(func() { close(r.begun) })
	<-r.goOn
	return r.ResponseRecorder.Write(p)
}

func TestPagesUnderConstructionTakeSoMuchMemoryAndNoMore(t *testing.T) {
	t.Parallel()
	h, server := longServer(t, 12, func(o *ginapi.Options) { o.ResponseBytes = 1 << 20 })
	slow := &slowReader{ResponseRecorder: httptest.NewRecorder(), begun: make(chan struct{}), goOn: make(chan struct{})}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/config/", nil)
	r.Header = as(adminKey)
	var first sync.WaitGroup
	first.Go(func() { h.api.Handler().ServeHTTP(slow, r) })
	<-slow.begun

	second := request(t, server, http.MethodGet, "/api/v1/config/")
	body, err := io.ReadAll(second.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, second.StatusCode)
	assert.Equal(t, "1", second.Header.Get("Retry-After"))
	assert.Contains(t, string(body), `"code":"response_memory_exhausted"`)
	one := request(t, server, http.MethodGet, "/api/v1/config/k000"+inBilling)
	assert.Equal(t, http.StatusOK, one.StatusCode, "what is no page does not wait")

	close(slow.goOn)
	first.Wait()
	assert.Equal(t, http.StatusOK, slow.Code)
	freed(t, h)
	third := request(t, server, http.MethodGet, "/api/v1/config/")
	assert.Equal(t, http.StatusOK, third.StatusCode)
}

func TestAClientThatLeavesGivesItsMemoryBack(t *testing.T) {
	t.Parallel()
	h, server := longServer(t, 60)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/v1/config/?limit=1000", nil)
	require.NoError(t, err)
	r.Header = as(adminKey)
	response, err := server.Client().Do(r)
	require.NoError(t, err)
	cancel()
	_, err = io.ReadAll(response.Body)
	require.ErrorIs(t, err, context.Canceled)
	_ = response.Body.Close()
	freed(t, h)
	// Pages that are refused hold none either.
	assert.Equal(t, http.StatusUnprocessableEntity, request(t, server, http.MethodGet, "/api/v1/config/?environment=none").StatusCode)
	assert.Equal(t, http.StatusNotFound, request(t, server, http.MethodGet, "/api/v1/config/404/history").StatusCode)
	assert.True(t, h.api.ResponseMemoryIsFree())
}

func TestEvaluationsOfLongValuesAreSentInChunks(t *testing.T) {
	t.Parallel()
	h := newTestServer(t)
	value := strings.Repeat("v", 60<<10)
	for i := range 12 {
		a := h.admin(http.MethodPost, flagsPath, fmt.Sprintf(`{"name":"f%02d","environment":"production","is_enabled":true,"type":"string",`+
			`"variants":{"a":%q},"default":{"variant":"a"}}`, i, value))
		require.Equal(t, http.StatusCreated, a.status, a.body)
	}
	for path, list := range map[string]string{ofrepPath: "flags", flagsPath + "evaluate/batch": "evaluations"} {
		a := h.admin(http.MethodPost, path, `{"environment":"production"}`)
		require.Equal(t, http.StatusOK, a.status)
		assert.Len(t, a.json()[list], 12)
		assert.Empty(t, a.header.Get("Content-Length"))
	}
	a := h.admin(http.MethodPost, flagsPath+"evaluate/batch", `{"environment":"production","flag_names":["f01","none"]}`)
	assert.Equal(t, strconv.Itoa(len(a.body)), a.header.Get("Content-Length"))
}
