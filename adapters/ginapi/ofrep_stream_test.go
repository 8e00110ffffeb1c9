package ginapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// streamOf returns where a bulk evaluation says that changes can be heard of.
func streamOf(t *testing.T, h *testServer) string {
	t.Helper()
	return streamNamed(t, h.ofrep(ofrepPath, `{}`))
}

// streamNamed returns the stream that an answer names.
func streamNamed(t *testing.T, a answer) string {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, a.body)
	streams := a.json()["eventStreams"].([]any)
	require.Len(t, streams, 1)
	assert.Equal(t, "sse", streams[0].(map[string]any)["type"])
	return streams[0].(map[string]any)["endpoint"].(map[string]any)["requestUri"].(string)
}

func TestOFREPStream(t *testing.T) {
	t.Parallel()

	t.Run("it names the snapshot to fetch when a flag was changed, and nothing else", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		h.follow()
		s, response := h.followStream(t, streamOf(t, h), nil)
		require.Equal(t, http.StatusOK, response.StatusCode)
		assert.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
		s.next()
		h.configure("not.a.flag")
		h.admin(http.MethodPost, "/api/v1/feature-flags", `{"name":"elsewhere","environment":"development"}`)
		h.follow()
		made := h.admin(http.MethodPost, "/api/v1/feature-flags", `{"name":"new","environment":"production"}`)
		require.Equal(t, http.StatusCreated, made.status, made.body)
		h.follow()
		e := s.next()
		assert.Empty(t, e.name, "clients listen to messages without a name")
		assert.Regexp(t, `^\{"type":"refetchEvaluation","etag":"\d+-production","lastModified":\d+\}$`, e.data)
		var sent struct {
			ETag string `json:"etag"`
		}
		require.NoError(t, json.Unmarshal([]byte(e.data), &sent))
		a := h.ofrep(ofrepPath+"?flagConfigEtag="+sent.ETag, `{}`)
		require.Equal(t, http.StatusOK, a.status)
		assert.Contains(t, a.body, `"key":"new"`)
		assert.Contains(t, a.header.Get("ETag"), sent.ETag)
	})

	t.Run("a client that reconnects receives what it missed, and nothing else", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		h.follow()
		uri := streamOf(t, h)
		s, _ := h.followStream(t, uri, http.Header{"Last-Event-Id": {"0000000000000001-0"}})
		s.next()
		assert.Contains(t, s.next().data, "refetchEvaluation")
		s, _ = h.followStream(t, uri, http.Header{"Last-Event-Id": {"another-7"}})
		s.next()
		assert.Contains(t, s.next().data, "refetchEvaluation", "nobody knows what was missed")
	})

	t.Run("the first frame makes a client without a position fetch, and receives later changes", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		h.follow()
		uri := streamOf(t, h)
		// It was changed between the bulk answer and the connection.
		h.flag(`{"name":"between","environment":"production"}`)
		h.follow()
		s, _ := h.followStream(t, uri, nil)
		e := s.next()
		assert.Equal(t, "0000000000000001-6", e.id)
		assert.JSONEq(t, `{"type":"refetchEvaluation","etag":"5-production"}`, e.data)
		h.flag(`{"name":"after","environment":"production"}`)
		h.follow()
		e = s.next()
		assert.Equal(t, "0000000000000001-7", e.id)
		assert.Contains(t, e.data, `"etag":"6-production"`)
	})

	t.Run("ids of unknown positions are answered by a fetch, known ones by nothing", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		h.follow()
		uri := streamOf(t, h)
		for _, id := range []string{"another-5", "x", "0000000000000001-", "0000000000000002-5", "-5"} {
			s, _ := h.followStream(t, uri, http.Header{"Last-Event-Id": {id}})
			s.next()
			e := s.next()
			assert.Contains(t, e.data, "refetchEvaluation", id)
			assert.Equal(t, "0000000000000001-5", e.id)
		}
		s, _ := h.followStream(t, uri, http.Header{"Last-Event-Id": {"0000000000000001-5"}})
		assert.Empty(t, s.next().data)
		h.flag(`{"name":"after","environment":"production"}`)
		h.follow()
		assert.Equal(t, "0000000000000001-6", s.next().id)
	})

	t.Run("a client that reconnects to a restarted replica fetches again", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		h.follow()
		uri := streamOf(t, h)
		h.tail = changefeed.NewTailer(h.feed, fixture.Modules(), h.watch)
		h.follow()
		h.options.Watching = h.tail
		h.api = ginapi.New(h.options)
		s, _ := h.followStream(t, uri, http.Header{"Last-Event-Id": {"0000000000000001-4"}})
		s.next()
		assert.Contains(t, s.next().data, "refetchEvaluation")
	})

	t.Run("an epoch that begins is news", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		h.follow()
		s, _ := h.followStream(t, streamOf(t, h), nil)
		s.next()
		_, err := h.feed.BeginEpoch(t.Context())
		require.NoError(t, err)
		h.follow()
		e := s.next()
		assert.Contains(t, e.data, "refetchEvaluation")
		assert.Contains(t, e.id, "0000000000000002-")
	})

	t.Run("an answer of another epoch is not what the client holds, whatever its revision", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		h.follow()
		before := h.ofrep(ofrepPath, `{}`).header.Get("ETag")
		require.Equal(t, http.StatusNotModified, h.ofrep(ofrepPath, `{}`, "If-None-Match", before).status)
		_, err := h.feed.BeginEpoch(t.Context())
		require.NoError(t, err)
		h.follow()
		require.Equal(t, http.StatusOK, h.ofrep(ofrepPath, `{}`, "If-None-Match", before).status)
	})

	t.Run("without a pass that holds nobody hears anything, and logs show none", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		for _, query := range []string{"", "?pass=", "?pass=nobody~production", "?pass=readerky~"} {
			a := h.send(http.MethodGet, "/ofrep/v1/stream"+query, "", nil)
			assert.Equal(t, http.StatusUnauthorized, a.status, query)
			assert.Equal(t, "GENERAL", a.json()["errorCode"])
			assert.Contains(t, a.json()["errorDetails"], "connect to the URL in eventStreams")
		}
		a := h.send(http.MethodHead, streamOf(t, h), "", nil)
		assert.Equal(t, http.StatusOK, a.status)
		for _, line := range h.logs.All() {
			assert.NotContains(t, fmt.Sprint(line.Message, line.ContextMap()), "~production")
		}
	})

	t.Run("a server that stops says so", func(t *testing.T) {
		t.Parallel()
		h := ofrepServer(t)
		s, _ := h.followStream(t, streamOf(t, h), nil)
		s.next()
		h.api.Stop()
		e := s.next()
		assert.Equal(t, "end", e.name)
		assert.Empty(t, e.id, "the position is that of the last event")
		assert.JSONEq(t, `{"code":"draining","reconnect":true,"detail":"This replica stops. Connect again, to another one."}`, e.data)
	})
}
