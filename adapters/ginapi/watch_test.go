package ginapi_test

import (
	"bufio"
	"context"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

const changesPath = "/api/v1/changes"

// configure makes a configuration, and lets the replica follow.
func (h *testServer) configure(key string) {
	h.tb.Helper()
	a := h.admin(http.MethodPost, "/api/v1/config",
		`{"key":"`+key+`","value":"v","environment":"production","service_name":"shop"}`)
	require.Equal(h.tb, http.StatusCreated, a.status, a.body)
	h.follow()
}

// revisions returns those of an answer's changes, and how far it goes.
func revisions(a answer) (list []string, upTo float64) {
	for _, c := range a.json()["changes"].([]any) {
		list = append(list, strconv.FormatFloat(c.(map[string]any)["revision"].(float64), 'f', -1, 64))
	}
	return list, a.json()["revision"].(float64)
}

func TestChanges(t *testing.T) {
	t.Parallel()

	t.Run("a change is sent completely, without its value", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.configure("a/b")
		a := h.admin(http.MethodGet, changesPath+"?since=0", "")
		require.Equal(t, http.StatusOK, a.status, a.body)
		assert.JSONEq(t, `{"epoch":"0000000000000001","revision":1,"changes":[{
			"revision":1,"event_type":"configuration.created","action":"create","resource_type":"configuration",
			"resource_id":"1","aggregate_version":1,"environment":"production","actor":"ann",
			"occurred_at":"2026-01-31T12:00:02.000000Z","data":{"environment":"production","event_type":"configuration.created",
			"is_encrypted":false,"key":"a/b","revision":1,"service_name":"shop","version":1}}]}`, a.body)
		assert.Equal(t, "1", a.header.Get("Signalbox-Revision"))
	})

	t.Run("it is queried for in pages, and for parts", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		for _, key := range []string{"a", "b", "c"} {
			h.configure(key)
		}
		h.admin(http.MethodPost, "/api/v1/feature-flags", `{"name":"f","environment":"development"}`)
		h.follow()
		for query, want := range map[string]string{
			"?since=0": "1 2 3 4 to 4", "?since=1&limit=2": "2 3 to 3", "?since=0&type=feature_flag": "4 to 4",
			"?since=0&environment=development": "4 to 4", "?since=0&service_name=shop&limit=1000": "1 2 3 to 3",
			"?since=0&service_name=cart&wait=0": " to 4", "?since=4&wait=0s": " to 4", "?wait=0": " to 4",
			"?since=3&epoch=0000000000000001": "4 to 4", "?since=0&type=service&wait=0": " to 4",
		} {
			a := h.admin(http.MethodGet, changesPath+query, "")
			require.Equal(t, http.StatusOK, a.status, a.body)
			list, upTo := revisions(a)
			if strings.Contains(query, "service_name=shop") {
				upTo-- // the page ended there, or the flag was looked through: both are right
				upTo = max(upTo, 3)
			}
			assert.Equal(t, want, strings.Join(list, " ")+" to "+strconv.FormatFloat(upTo, 'f', -1, 64), query)
		}
	})

	t.Run("what cannot be queried is refused, with its place", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		for query, place := range map[string]string{
			"?since=-1": "query.since", "?since=x": "query.since", "?since=": "query.since", "?limit=0": "query.limit",
			"?limit=1001": "query.limit", "?wait=61s": "query.wait", "?wait=-1s": "query.wait", "?wait=soon": "query.wait",
			"?type=flag": "query.type", "?epoch=a": "query.epoch", "?environment=": "query.environment", "?other=1": "query.other",
			"?service_name=": "query.service_name",
		} {
			for _, path := range []string{changesPath, changesPath + "/stream"} {
				if path != changesPath && (strings.Contains(query, "limit") || strings.Contains(query, "wait")) {
					place = "query." + strings.Split(strings.TrimPrefix(query, "?"), "=")[0]
				}
				a := h.admin(http.MethodGet, path+query, "")
				require.Equal(t, http.StatusUnprocessableEntity, a.status, "%s: %s", query, a.body)
				assert.Contains(t, a.body, place, query)
			}
		}
	})

	t.Run("a place that this replica has not reached is waited for, and then may be right elsewhere", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h := newTestServer(t)
			h.configure("a")
			ask := func(path string) <-chan answer {
				answered := make(chan answer, 1)
				go func() { answered <- h.admin(http.MethodGet, path, "") }()
				synctest.Wait()
				return answered
			}
			const epoch = "&epoch=0000000000000001"
			waiting := ask(changesPath + "?since=2&wait=0" + epoch)
			h.configure("b")
			list, upTo := revisions(<-waiting)
			assert.Empty(t, list)
			assert.InEpsilon(t, 2, upTo, 0)
			for _, path := range []string{changesPath + "?since=7", changesPath + "/stream?since=7" + epoch} {
				began := time.Now()
				a := <-ask(path)
				a.requireProblem(http.StatusPreconditionFailed, "revision_not_reached")
				assert.InEpsilon(t, 2, a.json()["current_revision"], 0)
				assert.Equal(t, 2*time.Second, time.Since(began))

				waiting = ask(path)
				h.watch.Move(time.Microsecond)
				h.follow()
				(<-waiting).requireProblem(http.StatusUnprocessableEntity, "revision_in_future")

				h.watch.Move(3 * time.Second)
				a = <-ask(path)
				a.requireProblem(http.StatusServiceUnavailable, "replica_behind")
				assert.NotEmpty(t, a.header.Get("Retry-After"))
				h.follow()
			}
		})
	})

	t.Run("a filter that takes nothing of a long feed answers how far it has come, and no outage", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h, feed := longFeed(t)
			a := h.admin(http.MethodGet, changesPath+"?since=0&service_name=cart&wait=0", "")
			require.Equal(t, http.StatusOK, a.status, a.body)
			list, upTo := revisions(a)
			assert.Empty(t, list)
			assert.InEpsilon(t, 60_000, upTo, 0)

			feed.slow.Store(true)
			a = h.admin(http.MethodGet, changesPath+"?since=0&service_name=cart&wait=0", "")
			require.Equal(t, http.StatusOK, a.status, a.body)
			list, upTo = revisions(a)
			assert.Empty(t, list)
			assert.InEpsilon(t, 20_000, upTo, 0, "one question was answered before the time was up")

			feed.slow.Store(false)
			h.feed.SetDown(true)
			a = h.admin(http.MethodGet, changesPath+"?since=0", "")
			a.requireProblem(http.StatusServiceUnavailable, "unavailable")
		})
	})

	t.Run("changes of unknown types are passed on, and sent to admins", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.configure("a")
		h.feed.Put(ports.Change{
			EventType: "quota.raised", AggregateType: "quota", AggregateID: 7, AggregateVersion: 3,
			Environment: "production", Data: []byte(`{"of":"cart"}`), OccurredAt: fixture.Noon(),
		})
		h.configure("b")
		a := h.admin(http.MethodGet, changesPath+"?since=0&environment=production", "")
		require.Equal(t, http.StatusOK, a.status, a.body)
		assert.Len(t, a.json()["changes"], 3)
		assert.Contains(t, a.body, `"event_type":"quota.raised","action":"update","resource_type":"quota","resource_id":"7"`)
		reader := h.send(http.MethodGet, changesPath+"?since=0", "", as(readerKey))
		assert.Len(t, reader.json()["changes"], 2)
		assert.InEpsilon(t, 3, reader.json()["revision"], 0)
	})

	t.Run("a place that is not there any more is gone", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.configure("a")
		h.configure("b")
		a := h.admin(http.MethodGet, changesPath+"?since=1&epoch=another", "")
		a.requireProblem(http.StatusGone, "revision_gone")
		assert.Equal(t, "0000000000000001", a.json()["epoch"])
		_, err := h.feed.Purge(t.Context(), ports.Retention{Published: map[string]int64{"configuration": 2}}, 1)
		require.NoError(t, err)
		h.configure("c")
		a = h.admin(http.MethodGet, changesPath+"?since=0", "")
		a.requireProblem(http.StatusGone, "revision_gone")
		assert.InEpsilon(t, 2, a.json()["oldest"], 0)
		assert.InEpsilon(t, 3, a.json()["revision"], 0)
	})

	t.Run("callers that may read nothing are refused, and others see what they may read", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.configure("a")
		h.admin(http.MethodPost, "/api/v1/feature-flags", `{"name":"f","environment":"production"}`)
		h.follow()
		h.access.holders["flags"] = access.Caller{
			Actor: scope.Actor{KeyID: "flags000", Name: "flags"}, Grants: []access.Grant{access.Allow(access.ReadFlag)},
		}
		key := http.Header{"Authorization": {"ApiKey flags"}}
		a := h.send(http.MethodGet, changesPath+"?since=0", "", key)
		require.Equal(t, http.StatusOK, a.status, a.body)
		list, upTo := revisions(a)
		assert.Equal(t, []string{"2"}, list)
		assert.InEpsilon(t, 2, upTo, 0)
		h.send(http.MethodGet, changesPath+"?type=configuration", "", key).requireProblem(http.StatusForbidden, "forbidden")
		h.send(http.MethodGet, changesPath+"?since=0", "", nil).requireProblem(http.StatusUnauthorized, "api_key_required")
	})
}

// slowFeed answers one question and then none until the caller has gone, if it is slow.
type slowFeed struct {
	ports.Feed

	slow    atomic.Bool
	queried atomic.Int64
}

func (f *slowFeed) Changes(ctx context.Context, q ports.ChangeQuery) ([]ports.Change, error) {
	if f.slow.Load() && f.queried.Add(1) > 1 {
		<-ctx.Done()
		return nil, fault.ErrUnavailable.WithCause(ctx.Err())
	}
	return f.Feed.Changes(ctx, q)
}

// longFeed returns a testServer that has come late to a feed of 60,000 changes of the shop.
func longFeed(t *testing.T) (*testServer, *slowFeed) {
	t.Helper()
	list := make([]ports.Change, 60_000)
	for i := range list {
		list[i] = ports.Change{
			EventType: "configuration.updated", AggregateType: "configuration", AggregateID: 1,
			AggregateVersion: int64(i + 1), Environment: "production", ServiceName: "shop", Data: []byte(`{"key":"k"}`),
		}
	}
	feed := &slowFeed{}
	h := newTestServer(t, func(o *ginapi.Options) {
		tail := changefeed.NewTailer(feed, fixture.Modules(), fixture.NewStopwatch())
		o.Watching = tail
		kept := fixture.NewFeed()
		kept.Put(list...)
		_, err := kept.Sequence(t.Context(), len(list))
		require.NoError(t, err)
		feed.Feed = kept
		_, err = tail.Step(t.Context())
		require.NoError(t, err)
	})
	h.feed = feed.Feed.(*fixture.Feed)
	return h, feed
}

func TestLongPoll(t *testing.T) {
	t.Parallel()

	t.Run("it is answered when there is something, or the wait is over, or the server stops", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h := newTestServer(t)
			ask := func(query string) <-chan answer {
				answered := make(chan answer, 1)
				go func() { answered <- h.admin(http.MethodGet, changesPath+query, "") }()
				synctest.Wait()
				return answered
			}
			began := time.Now()
			waiting, other := ask("?wait=60s"), ask("?wait=20s&type=service")
			time.Sleep(5 * time.Second)
			h.configure("a")
			list, upTo := revisions(<-waiting)
			assert.Equal(t, []string{"1"}, list)
			assert.InEpsilon(t, 1, upTo, 0)
			assert.Equal(t, 5*time.Second, time.Since(began))
			list, upTo = revisions(<-other)
			assert.Empty(t, list)
			assert.InEpsilon(t, 1, upTo, 0, "it has looked through what came, and ten seconds are longer than a deadline")
			assert.InDelta(t, 19, time.Since(began).Seconds(), 1.01)

			began = time.Now()
			waiting = ask("?wait=60s")
			h.api.Stop()
			list, _ = revisions(<-waiting)
			assert.Empty(t, list)
			assert.Zero(t, time.Since(began))
		})
	})

	t.Run("an epoch that begins meanwhile ends it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h := newTestServer(t)
			answered := make(chan answer, 1)
			go func() { answered <- h.admin(http.MethodGet, changesPath, "") }()
			synctest.Wait()
			_, err := h.feed.BeginEpoch(t.Context())
			require.NoError(t, err)
			h.follow()
			a := <-answered
			a.requireProblem(http.StatusGone, "revision_gone")
			assert.Equal(t, "0000000000000002", a.json()["epoch"])
		})
	})
}

// event is one of a stream; a comment has no name.
type event struct{ id, name, data, comment string }

// following is a stream that a client reads.
type following struct {
	*bufio.Reader

	t    *testing.T
	stop context.CancelFunc
}

// followStream connects to a server of the testServer that gives up on slow requests at
// once.
func (h *testServer) followStream(t *testing.T, target string, headers http.Header) (*following, *http.Response) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := ginapi.NewServer("", h.api.Handler())
	server.ReadTimeout, server.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	go func() { _ = server.Serve(listener) }()
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listener.Addr().String()+target, nil)
	require.NoError(t, err)
	maps.Copy(request.Header, headers)
	request.Header.Set("Authorization", "ApiKey "+adminKey)
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	t.Cleanup(func() {
		cancel()
		_ = response.Body.Close()
		_ = server.Close()
	})
	return &following{Reader: bufio.NewReader(response.Body), t: t, stop: cancel}, response
}

// next reads one event or comment.
func (f *following) next() event {
	f.t.Helper()
	var e event
	for {
		line, err := f.ReadString('\n')
		require.NoError(f.t, err)
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "":
			if line == "\n" {
				return e
			}
			e.comment = value
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data = value
		case "retry":
			e.comment = "retry " + value
		}
	}
}

func TestStream(t *testing.T) {
	t.Parallel()

	t.Run("changes come as they are made, also after the server's deadlines", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.configure("a")
		s, response := h.followStream(t, changesPath+"/stream?since=0", nil)
		assert.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
		assert.Equal(t, "no", response.Header.Get("X-Accel-Buffering"))
		assert.Regexp(t, `^retry 1\d\d\d$`, s.next().comment)
		first := s.next()
		assert.Equal(t, "0000000000000001-1", first.id)
		assert.Equal(t, "change", first.name)
		assert.Contains(t, first.data, `"key":"a"`)
		later := time.NewTimer(150 * time.Millisecond)
		<-later.C
		h.configure("b")
		assert.Equal(t, "0000000000000001-2", s.next().id)
	})

	t.Run("a client that reconnects resumes at its position", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		for _, key := range []string{"a", "b", "c"} {
			h.configure(key)
		}
		s, _ := h.followStream(t, changesPath+"/stream?since=0", http.Header{"Last-Event-Id": {"0000000000000001-2"}})
		s.next()
		assert.Equal(t, "0000000000000001-3", s.next().id)
	})

	t.Run("a place that is gone is refused where it was queried for", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.admin(http.MethodGet, changesPath+"/stream?since=0&epoch=another", "").
			requireProblem(http.StatusGone, "revision_gone")
	})

	t.Run("an id that names no place here begins with resync, whose id goes on", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.configure("a")
		h.configure("b")
		for _, id := range []string{"another-0", "another-2", "x", "1", "a-b", "-1", "a--1"} {
			s, response := h.followStream(t, changesPath+"/stream", http.Header{"Last-Event-Id": {id}})
			require.Equal(t, http.StatusOK, response.StatusCode, "clients give up for good at a refusal")
			e := s.next()
			assert.Equal(t, "resync", e.name, id)
			assert.Equal(t, "0000000000000001-2", e.id)
			assert.JSONEq(t, `{"epoch":"0000000000000001","revision":2}`, e.data)
			_, err := s.ReadByte()
			require.Error(t, err)
		}
		s, _ := h.followStream(t, changesPath+"/stream", http.Header{"Last-Event-Id": {"0000000000000001-2"}})
		s.next()
		h.configure("c")
		assert.Equal(t, "0000000000000001-3", s.next().id)
	})

	t.Run("what was forgotten meanwhile is a resync, too", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.configure("a")
		h.configure("b")
		_, err := h.feed.Purge(t.Context(), ports.Retention{Published: map[string]int64{"configuration": 2}}, 2)
		require.NoError(t, err)
		h.configure("c")
		s, _ := h.followStream(t, changesPath+"/stream", http.Header{"Last-Event-Id": {"0000000000000001-0"}})
		e := s.next()
		assert.Equal(t, "resync", e.name)
		assert.Equal(t, "0000000000000001-3", e.id)
	})

	t.Run("the first frame says where it begins, unless that was queried for", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.configure("a")
		h.configure("b")
		for _, query := range []string{"", "?type=service", "?environment=production"} {
			s, _ := h.followStream(t, changesPath+"/stream"+query, nil)
			e := s.next()
			assert.Equal(t, "position", e.name, query)
			assert.Equal(t, "0000000000000001-2", e.id, query)
			assert.JSONEq(t, `{"epoch":"0000000000000001","revision":2}`, e.data, query)
			assert.Regexp(t, `^retry 1\d\d\d$`, e.comment)
		}
		s, _ := h.followStream(t, changesPath+"/stream?since=1", nil)
		assert.Empty(t, s.next().name)
		assert.Equal(t, "change", s.next().name)
	})

	t.Run("an epoch that begins ends it, with where to go on", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.configure("a")
		s, _ := h.followStream(t, changesPath+"/stream", nil)
		s.next()
		_, err := h.feed.BeginEpoch(t.Context())
		require.NoError(t, err)
		h.follow()
		e := s.next()
		assert.Equal(t, "resync", e.name)
		assert.Equal(t, "0000000000000002-1", e.id, "who connects again goes on from there")
		assert.JSONEq(t, `{"epoch":"0000000000000002","revision":1}`, e.data)
		_, err = s.ReadByte()
		require.Error(t, err)
	})

	t.Run("a server that stops says so", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		s, _ := h.followStream(t, changesPath+"/stream", nil)
		s.next()
		h.api.Stop()
		e := s.next()
		assert.Equal(t, "end", e.name)
		assert.Contains(t, e.data, `"code":"draining","reconnect":true`)
		_, err := s.ReadByte()
		require.Error(t, err)
	})

	t.Run("HEAD has the headers, and ends", func(t *testing.T) {
		t.Parallel()
		a := newTestServer(t).admin(http.MethodHead, changesPath+"/stream", "")
		assert.Equal(t, http.StatusOK, a.status)
		assert.Equal(t, "text/event-stream", a.header.Get("Content-Type"))
	})
}

func TestRevisions(t *testing.T) {
	t.Parallel()

	t.Run("every read tells how far it is", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		h.configure("a")
		for _, target := range []string{"/api/v1/config/a?environment=production&service_name=shop", "/api/v1/config/"} {
			assert.Equal(t, "1", h.admin(http.MethodGet, target, "").header.Get("Signalbox-Revision"), target)
		}
		for _, target := range []string{"/api/v1/feature-flags/evaluate/batch", "/ofrep/v1/evaluate/flags"} {
			a := h.admin(http.MethodPost, target, `{"environment":"production","context":{}}`)
			require.Equal(t, http.StatusOK, a.status, a.body)
			assert.Equal(t, "1", a.header.Get("Signalbox-Revision"), target)
		}
	})

	t.Run("a read waits for a revision, or is refused", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h := newTestServer(t)
			h.configure("a")
			ask := func(revision string) answer {
				return h.admin(http.MethodGet, "/api/v1/config/?min_revision="+revision, "")
			}
			assert.Equal(t, http.StatusOK, ask("1").status)
			answered := make(chan answer, 1)
			go func() { answered <- ask("2") }()
			synctest.Wait()
			h.configure("b")
			a := <-answered
			assert.Equal(t, http.StatusOK, a.status)
			assert.Equal(t, "2", a.header.Get("Signalbox-Revision"))
			began := time.Now()
			a = ask("3")
			a.requireProblem(http.StatusPreconditionFailed, "revision_not_reached")
			assert.InEpsilon(t, 2, a.json()["current_revision"], 0)
			assert.Equal(t, 2*time.Second, time.Since(began))
			ask("x").requireProblem(http.StatusUnprocessableEntity, "validation_failed")
		})
	})
}
