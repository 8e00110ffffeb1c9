package ginapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/registryapi"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/access"
)

// slowly sends a request of the admin whose client does not read yet. It returns when the
// answer is being written, with what lets the client read all of it.
func (h *testServer) slowly(method, target, body string) (read func() *httptest.ResponseRecorder) {
	h.tb.Helper()
	slow := &slowReader{ResponseRecorder: httptest.NewRecorder(), begun: make(chan struct{}), goOn: make(chan struct{})}
	r := httptest.NewRequestWithContext(h.tb.Context(), method, target, strings.NewReader(body))
	r.Header = as(adminKey)
	r.Header.Set("Content-Type", "application/json")
	var served sync.WaitGroup
	served.Go(func() { h.api.Handler().ServeHTTP(slow, r) })
	<-slow.begun
	return func() *httptest.ResponseRecorder {
		close(slow.goOn)
		served.Wait()
		return slow.ResponseRecorder
	}
}

// longFlag is the body of a flag of some 300 kB, with five rules on attribute a.
func longFlag(name string) string {
	text := strings.Repeat("v", 60_000)
	rule := `{"conditions":[{"attribute":"a","operator":"equals","values":["b"]}],"variant":"v0"},`
	return fmt.Sprintf(`{"name":%q,"environment":"production","is_enabled":true,"type":"string",`+
		`"variants":{"v0":%[2]q,"v1":%[2]q,"v2":%[2]q,"v3":%[2]q,"v4":%[2]q},"rules":[%[3]s],"default":{"variant":"v0"}}`,
		name, text, strings.TrimSuffix(strings.Repeat(rule, 5), ","))
}

// longAnswers holds the long flag 1 in two versions, the short flag 2, and the shop with
// three instances of 50 kB in zone z.
func longAnswers(tb testing.TB, change ...func(*ginapi.Options)) *testServer {
	tb.Helper()
	h := registryServer(tb, change...)
	for _, body := range []string{longFlag("long"), `{"name":"short","environment":"production"}`} {
		require.Equal(tb, http.StatusCreated, h.admin(http.MethodPost, flagsPath, body).status)
	}
	require.Equal(tb, http.StatusOK, h.admin(http.MethodPut, flagsPath+"1", `{"description":"second"}`).status)
	for _, id := range []string{"a", "b", "c"} {
		h.instance(id, 50_000)
	}
	require.True(tb, h.api.ResponseMemoryIsFree())
	return h
}

func (h *testServer) instance(id string, metadata int) {
	h.tb.Helper()
	a := h.admin(http.MethodPost, registryPath+"/register", fmt.Sprintf(
		`{"service_name":"shop","instance_id":%q,"service_url":"http://10.0.0.1:8080","zone":"z","metadata":{"m":%q}}`,
		id, strings.Repeat("m", metadata)))
	require.Equal(h.tb, http.StatusCreated, a.status, a.body)
}

// longReads are requests that change nothing and have a long answer.
func longReads() map[string][3]string {
	return map[string][3]string{
		"a flag":               {http.MethodGet, flagsPath + "long?environment=production"},
		"a version of a flag":  {http.MethodGet, flagsPath + "long?environment=production&version=1"},
		"an explanation":       {http.MethodPost, flagsPath + "explain", `{"flag_name":"long","environment":"production","context":{"a":"` + strings.Repeat("a", 30_000) + `"}}`},
		"a preview":            {http.MethodPost, flagsPath + "1/preview", `{"description":"third"}`},
		"a service":            {http.MethodGet, registryPath + "/shop"},
		"a part of a service":  {http.MethodGet, "/api/v1/discovery/shop?zone=z"},
		"a filter and another": {http.MethodGet, "/api/v1/discovery/shop?zone=z&ready=false"},
	}
}

func TestALongAnswerHoldsMemoryUntilItIsRead(t *testing.T) {
	t.Parallel()
	operations := longReads()
	operations["a creation"] = [3]string{http.MethodPost, flagsPath, longFlag("other")}
	operations["a change"] = [3]string{http.MethodPut, flagsPath + "1", `{"description":"third"}`}
	operations["a rollback"] = [3]string{http.MethodPost, flagsPath + "1/rollback", `{"version":1}`}
	for name, op := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := longAnswers(t)
			read := h.slowly(op[0], op[1], op[2])
			assert.False(t, h.api.ResponseMemoryIsFree(), "it is held while the client reads")
			answer := read()
			assert.Less(t, answer.Code, 300, answer.Body)
			assert.Greater(t, answer.Body.Len(), 100_000)
			assert.True(t, h.api.ResponseMemoryIsFree())
		})
	}
}

func TestALongAnswerWithoutMemoryIsRefusedAndAShortOneIsNot(t *testing.T) {
	t.Parallel()
	h := longAnswers(t, func(o *ginapi.Options) { o.ResponseBytes = 1 << 20 })
	read := h.slowly(http.MethodGet, flagsPath+"long?environment=production&version=1", "")
	for name, op := range longReads() {
		a := h.admin(op[0], op[1], op[2])
		a.requireProblem(http.StatusServiceUnavailable, "response_memory_exhausted")
		assert.Equal(t, "1", a.header.Get("Retry-After"), name)
	}
	for _, target := range []string{
		flagsPath + "short?environment=production", flagsPath + "short?environment=production&version=1",
		"/api/v1/discovery/shop", "/api/v1/discovery/shop?zone=none",
	} {
		assert.Equal(t, http.StatusOK, h.admin(http.MethodGet, target, "").status, target)
	}
	held := as(adminKey)
	held.Set("If-None-Match", `"2"`)
	assert.Equal(t, http.StatusNotModified, h.send(http.MethodGet, flagsPath+"long?environment=production", "", held).status)
	assert.Equal(t, http.StatusOK, read().Code)
	assert.Equal(t, http.StatusOK, h.admin(http.MethodGet, flagsPath+"long?environment=production", "").status)
}

func TestAWriteThatIsStoredIsNotRefusedForWantOfMemory(t *testing.T) {
	t.Parallel()
	h := longAnswers(t, func(o *ginapi.Options) { o.ResponseBytes = 1 << 20 })
	read := h.slowly(http.MethodGet, flagsPath+"long?environment=production&version=1", "")
	assert.Equal(t, http.StatusOK, h.admin(http.MethodPut, flagsPath+"1", `{"description":"third"}`).status)
	var answers []func() *httptest.ResponseRecorder
	for range ginapi.MaxFlagWritesForTest {
		answers = append(answers, h.slowly(http.MethodPut, flagsPath+"1", `{"description":"fourth"}`))
	}
	assert.True(t, h.api.FlagWritesAreFull(), "each answer without memory keeps its place")
	for _, answer := range append(answers, read) {
		assert.Equal(t, http.StatusOK, answer().Code)
	}
	assert.False(t, h.api.FlagWritesAreFull())
	assert.True(t, h.api.ResponseMemoryIsFree())
}

// watchedReads is a registry that reports each read of a service, and lets it go on when
// it may.
type watchedReads struct {
	registryapi.Registry
	begun, goOn chan struct{}
}

func (w watchedReads) Read(ctx context.Context, by access.Caller, name string) (registryapp.Reading, error) {
	w.begun <- struct{}{}
	<-w.goOn
	return w.Registry.Read(ctx, by, name)
}

func TestAServiceIsNotReadBeforeItsMemoryIsReserved(t *testing.T) {
	t.Parallel()
	watched := watchedReads{begun: make(chan struct{}, 2), goOn: make(chan struct{})}
	h := registryServer(t, func(o *ginapi.Options) { o.ResponseBytes = 4 << 20 })
	for i := range 20 {
		h.instance(fmt.Sprintf("i%02d", i), 60_000)
	}
	options := h.options
	watched.Registry = options.Registry
	options.Registry = watched
	h.api = ginapi.New(options)
	var first sync.WaitGroup
	first.Go(func() { assert.Equal(t, http.StatusOK, h.admin(http.MethodGet, registryPath+"/shop", "").status) })
	<-watched.begun
	h.admin(http.MethodGet, registryPath+"/shop", "").requireProblem(http.StatusServiceUnavailable, "response_memory_exhausted")
	assert.Empty(t, watched.begun, "the second read has not begun")
	close(watched.goOn)
	first.Wait()
	assert.True(t, h.api.ResponseMemoryIsFree())
}
