package ginapi_test

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// tap is a connection without a network, of which a test sees what was written.
type tap struct {
	mu     sync.Mutex
	header http.Header
	status int
	body   bytes.Buffer
	ended  chan struct{}
	leave  context.CancelFunc
}

// connect sends a request on a connection of its own, until the client disconnects.
func (h *testServer) connect(target string, headers http.Header) *tap {
	h.tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &tap{header: http.Header{}, ended: make(chan struct{}), leave: cancel}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	maps.Copy(r.Header, headers)
	go func() {
		defer close(c.ended)
		h.api.Handler().ServeHTTP(c, r)
	}()
	return c
}

func (c *tap) Header() http.Header { return c.header }

func (c *tap) WriteHeader(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = status
}

func (c *tap) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status == 0 {
		c.status = http.StatusOK
	}
	return c.body.Write(p)
}

// Flush has nothing to do.
func (*tap) Flush() {}

// take returns what came since it was called last.
func (c *tap) take() (int, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.body.Reset()
	return c.status, c.body.String()
}

func (c *tap) over() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// lodge is a testServer whose keys are real ones, with a loop that looks them up.
type lodge struct {
	*testServer
	keys *fixture.Keys
	real *accessapp.Service
}

// newLodge returns a lodge by the clock of the test's bubble.
func newLodge(t *testing.T, policy accessapp.Policy) *lodge {
	t.Helper()
	l := &lodge{keys: fixture.NewKeys()}
	policy.Enabled = true
	l.real = accessapp.New(accessapp.Dependencies{
		Keys: l.keys, Clock: system.NewClock(), IDs: system.NewIDs(), Policy: policy,
	})
	l.testServer = ofrepServer(t, func(o *ginapi.Options) {
		o.Passes, o.Sessions, o.Clock = l.real, l.real, system.NewClock()
		o.Access = together{o.Access, l.real}
	})
	l.follow()
	return l
}

// together accepts callers that one of two authenticators accepts.
type together struct {
	rest.Authenticator
	real *accessapp.Service
}

func (b together) Anonymous() (access.Caller, error) { return b.real.Anonymous() }

func (b together) Authenticate(ctx context.Context, key string, from access.Origin) (access.Caller, error) {
	if strings.HasPrefix(key, "sbx_") {
		return b.real.Authenticate(ctx, key, from)
	}
	return b.Authenticator.Authenticate(ctx, key, from)
}

func (l *lodge) issue(t *testing.T, in accessapp.Issue) (key, id string) {
	t.Helper()
	if in.Grants == nil {
		in.Grants = []accessapp.Grant{{Role: "reader"}}
	}
	in.Name = "n"
	issued, err := l.real.Issue(t.Context(), fixture.Operator(), in)
	require.NoError(t, err)
	return issued.Token.Reveal(), issued.ID
}

// pass lets seconds go by, with a look at the keys in each.
func (l *lodge) pass(t *testing.T, seconds int) {
	t.Helper()
	for range seconds {
		time.Sleep(accessapp.RecheckInterval)
		require.NoError(t, l.real.Recheck(t.Context()))
		l.real.Expire()
	}
	synctest.Wait()
}

// streamFor returns where the holder of a key hears of changed flags.
func (l *lodge) streamFor(t *testing.T, key string) string {
	t.Helper()
	return streamNamed(t, l.send(http.MethodPost, ofrepPath, `{}`, as(key)))
}

// watchers returns a stream of changes, one of OFREP and a long poll of a key's holder.
func (l *lodge) watchers(t *testing.T, key string) []*tap {
	t.Helper()
	list := []*tap{
		l.connect(changesPath+"/stream", as(key)),
		l.connect(l.streamFor(t, key), nil),
		l.connect(changesPath+"?wait=60s", as(key)),
	}
	synctest.Wait()
	for _, c := range list {
		require.False(t, c.over())
		c.take()
	}
	return list
}

func TestAccessEndsStreams(t *testing.T) {
	t.Parallel()
	const (
		invalid = "event: end\ndata: {\"code\":\"api_key_invalid\",\"reconnect\":false," +
			"\"detail\":\"The API key is unknown, wrong, expired or revoked.\"}\n\n"
		changed = "event: end\ndata: {\"code\":\"api_key_changed\",\"reconnect\":true," +
			"\"detail\":\"What this API key may do was changed meanwhile. Repeat the request.\"}\n\n"
	)
	ends := map[string]func(t *testing.T, l *lodge, id string){
		"a key with another secret": func(t *testing.T, l *lodge, id string) {
			t.Helper()
			_, err := l.real.Rotate(t.Context(), fixture.Operator(), id, 0)
			require.NoError(t, err)
		},
		"a revoked key": func(t *testing.T, l *lodge, id string) {
			t.Helper()
			require.NoError(t, l.real.Revoke(t.Context(), fixture.Operator(), id, true))
		},
		"a deleted key": func(_ *testing.T, l *lodge, id string) { l.keys.Forget(id) },
		"a key with other rights": func(t *testing.T, l *lodge, id string) {
			t.Helper()
			key, err := l.keys.Find(t.Context(), id)
			require.NoError(t, err)
			attributes := key.Attributes()
			attributes.Grants = []access.Grant{{Role: access.RoleReader, Reveal: true}}
			digest, _ := key.Digests()
			l.keys.Replace(access.RehydrateAPIKey(attributes, digest, nil))
		},
	}
	for name, end := range ends {
		t.Run(name+" ends all that it has open within two seconds, and nothing else", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLodge(t, accessapp.Policy{})
				key, id := l.issue(t, accessapp.Issue{})
				other, _ := l.issue(t, accessapp.Issue{})
				list, others := l.watchers(t, key), l.watchers(t, other)
				l.pass(t, 10)
				for _, c := range list {
					require.False(t, c.over())
				}
				end(t, l, id)
				l.pass(t, 2)
				for _, c := range list {
					require.True(t, c.over())
				}
				want, code := invalid, "api_key_invalid"
				if name == "a key with other rights" {
					want, code = changed, "api_key_changed"
				}
				for _, c := range list[:2] {
					_, text := c.take()
					assert.Equal(t, want, text)
				}
				status, text := list[2].take()
				assert.Equal(t, http.StatusUnauthorized, status)
				assert.Contains(t, text, code)
				for _, c := range others {
					require.False(t, c.over())
					c.leave()
				}
				synctest.Wait()
			})
		})
	}

	t.Run("a key that expires ends them, and shows no change after that", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLodge(t, accessapp.Policy{})
			key, _ := l.issue(t, accessapp.Issue{Lifetime: 30 * time.Second})
			list := l.watchers(t, key)
			l.pass(t, 29)
			time.Sleep(1100 * time.Millisecond)
			l.flag(`{"name":"late","environment":"production"}`)
			l.follow()
			synctest.Wait()
			for _, c := range list {
				require.True(t, c.over())
				_, text := c.take()
				assert.NotContains(t, text, "late")
				assert.NotContains(t, text, "refetch")
				assert.Contains(t, text, "api_key_invalid")
			}
		})
	})

	t.Run("a former secret ends what it has open with the overlap, and the new one goes on", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLodge(t, accessapp.Policy{})
			key, id := l.issue(t, accessapp.Issue{})
			former, pass := l.watchers(t, key), l.streamFor(t, key)
			issued, err := l.real.Rotate(t.Context(), fixture.Operator(), id, 20*time.Second)
			require.NoError(t, err)
			own := l.watchers(t, issued.Token.Reveal())
			l.pass(t, 19)
			for _, c := range append(former, own...) {
				require.False(t, c.over())
			}
			l.pass(t, 3)
			for _, c := range former {
				require.True(t, c.over())
			}
			assert.Equal(t, http.StatusUnauthorized, l.send(http.MethodGet, pass, "", nil).status)
			for _, c := range own {
				require.False(t, c.over())
				c.leave()
			}
			synctest.Wait()
		})
	})

	t.Run("streams are refused without permission, and no session is left", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLodge(t, accessapp.Policy{MaxSessions: 2})
			key, _ := l.issue(t, accessapp.Issue{})
			for range 5 {
				l.send(http.MethodGet, changesPath+"/stream?since=1&epoch=another", "", as(key)).
					requireProblem(http.StatusGone, "revision_gone")
				assert.Equal(t, http.StatusOK, l.send(http.MethodHead, changesPath+"/stream", "", as(key)).status)
				assert.Equal(t, http.StatusOK, l.send(http.MethodGet, changesPath+"?wait=0", "", as(key)).status)
			}
		})
	})
}

// TestStreamBounds has thousands of clients come and go.
func TestStreamBounds(t *testing.T) {
	t.Parallel()
	const most = 2000

	t.Run("one key has half of them, and what is too much is 503 with Retry-After", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLodge(t, accessapp.Policy{MaxSessions: most, AnonymousReads: true})
			key, _ := l.issue(t, accessapp.Issue{})
			fill := func(headers http.Header, n int) (list []*tap) {
				for i := range n {
					target := changesPath + "/stream"
					if i%2 == 1 {
						target = changesPath + "?wait=60s"
					}
					list = append(list, l.connect(target, headers))
				}
				synctest.Wait()
				for _, c := range list {
					require.False(t, c.over())
				}
				return list
			}
			refused := func(headers http.Header) {
				t.Helper()
				for _, target := range []string{changesPath + "/stream", changesPath + "?wait=60s"} {
					a := l.send(http.MethodGet, target, "", headers)
					a.requireProblem(http.StatusServiceUnavailable, "too_many_streams")
					assert.NotEmpty(t, a.header.Get("Retry-After"))
				}
			}
			for range 3 {
				mine := fill(as(key), most/2)
				refused(as(key))
				everybody := fill(nil, most/2)
				refused(nil)
				refused(as(readerKey))
				mine[0].leave()
				synctest.Wait()
				last := fill(as(readerKey), 1)
				refused(as(key))
				for _, c := range append(append(mine, everybody...), last...) {
					c.leave()
				}
				synctest.Wait()
			}
		})
	})

	t.Run("a client that leaves at once does not stay counted", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLodge(t, accessapp.Policy{MaxSessions: 100})
			key, _ := l.issue(t, accessapp.Issue{})
			for range 20 {
				var list []*tap
				for range 200 {
					list = append(list, l.connect(changesPath+"/stream", as(key)))
				}
				for _, c := range list {
					c.leave()
				}
				synctest.Wait()
			}
			var list []*tap
			for range 50 {
				list = append(list, l.connect(changesPath+"/stream", as(key)))
			}
			synctest.Wait()
			for _, c := range list {
				require.False(t, c.over())
				c.leave()
			}
			synctest.Wait()
		})
	})
}

func TestHeartbeatOfStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLodge(t, accessapp.Policy{})
		key, _ := l.issue(t, accessapp.Issue{})
		all := l.connect(changesPath+"/stream", as(key))
		some := l.connect(changesPath+"/stream?type=service", as(key))
		flags := l.connect(l.streamFor(t, key), nil)
		defer func() {
			for _, c := range []*tap{all, some, flags} {
				c.leave()
			}
			synctest.Wait()
		}()
		synctest.Wait()
		for _, c := range []*tap{all, some, flags} {
			c.take()
		}
		time.Sleep(15 * time.Second)
		synctest.Wait()
		for _, c := range []*tap{all, some, flags} {
			_, text := c.take()
			assert.Equal(t, ": revision 5\n\n", text, "a frame without data has no id")
		}
		l.configure("a")
		l.configure("b")
		time.Sleep(15 * time.Second)
		synctest.Wait()
		_, text := all.take()
		assert.Contains(t, text, "id: 0000000000000001-7\nevent: change\n")
		assert.True(t, strings.HasSuffix(text, "\n\n: revision 7\n\n"), text)
		_, text = some.take()
		assert.Equal(t, "event: position\nid: 0000000000000001-7\ndata: {\"epoch\":\"0000000000000001\",\"revision\":7}\n\n", text,
			"the client's place moves also where the filter takes nothing")
		time.Sleep(15 * time.Second)
		synctest.Wait()
		_, text = some.take()
		assert.Equal(t, ": revision 7\n\n", text)
	})
}
