package ginapi_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/limit"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// newLimitedServer returns a server with limits and a stopped clock.
func newLimitedServer(tb testing.TB, limits rest.Limits) (*testServer, *fixture.Clock) {
	tb.Helper()
	clock := fixture.NewClock()
	return newTestServer(tb, func(o *ginapi.Options) { o.Limits, o.Clock = limits, clock }), clock
}

// from sends a request with a key from an address.
func (h *testServer) from(address, target string, headers http.Header) answer {
	h.tb.Helper()
	r := httptest.NewRequestWithContext(h.tb.Context(), http.MethodGet, target, nil)
	r.Header, r.RemoteAddr = headers, address
	return h.serve(r)
}

// wrongKey returns a key of an id that has the form of one.
func wrongKey(tb testing.TB, id string) string {
	tb.Helper()
	token, err := access.NewToken(id, strings.Repeat("b", access.SecretLength))
	require.NoError(tb, err)
	return token.Text().Reveal()
}

const listing = "/api/v1/config/"

func TestKeyRates(t *testing.T) {
	t.Parallel()
	limits := rest.Limits{Key: limit.Rate{PerSecond: 2, Burst: 3}}

	t.Run("a noisy key is 429, and another one passes", func(t *testing.T) {
		t.Parallel()
		h, clock := newLimitedServer(t, limits)
		for left := 2; left >= 0; left-- {
			a := h.send(http.MethodGet, listing, "", as(readerKey))
			require.Equal(t, http.StatusOK, a.status)
			require.Equal(t, `"key";q=3;w=2`, a.header.Get("RateLimit-Policy"))
			require.Contains(t, a.header.Get("RateLimit"), `"key";r=`+strconv.Itoa(left)+`;t=`)
		}
		a := h.send(http.MethodGet, listing, "", as(readerKey))
		a.requireProblem(http.StatusTooManyRequests, "rate_limited")
		require.Equal(t, "1", a.header.Get("Retry-After"))
		require.Equal(t, `"key";q=3;w=2`, a.header.Get("RateLimit-Policy"))
		require.Equal(t, `"key";r=0;t=2`, a.header.Get("RateLimit"))
		require.InEpsilon(t, 1, a.json()["retry_after"], 0)
		require.Equal(t, http.StatusOK, h.send(http.MethodGet, listing, "", as(adminKey)).status)

		clock.Move(500 * time.Millisecond)
		require.Equal(t, http.StatusOK, h.send(http.MethodGet, listing, "", as(readerKey)).status)
		h.send(http.MethodGet, listing, "", as(readerKey)).requireProblem(429, "rate_limited")
	})
	t.Run("every operation counts, and so do paths and methods without one", func(t *testing.T) {
		t.Parallel()
		h, _ := newLimitedServer(t, limits)
		h.send(http.MethodGet, "/api/v1/nothing", "", as(readerKey)).requireProblem(404, "not_found")
		h.send(http.MethodPatch, listing, "", as(readerKey)).requireProblem(405, "method_not_allowed")
		h.send(http.MethodPost, listing, goodCreate, as(readerKey)).requireProblem(403, "forbidden")
		h.send(http.MethodPost, listing, goodCreate, as(readerKey)).requireProblem(429, "rate_limited")
		h.send(http.MethodGet, "/api/v1/nothing", "", as(readerKey)).requireProblem(429, "rate_limited")
		a := h.send(http.MethodPost, "/ofrep/v1/evaluate/flags", "{}", as(readerKey))
		require.Equal(t, http.StatusTooManyRequests, a.status)
		require.Equal(t, "GENERAL", a.json()["errorCode"])
		require.NotEmpty(t, a.header.Get("Retry-After"))
	})
	t.Run("heartbeats and probes do not count", func(t *testing.T) {
		t.Parallel()
		h, _ := newLimitedServer(t, rest.Limits{Key: limit.Rate{PerSecond: 1}, Address: limit.Rate{PerSecond: 1}})
		for range 5 {
			for _, target := range []string{"/livez", "/readyz", "/health"} {
				a := h.send(http.MethodGet, target, "", as(readerKey))
				require.NotEqual(t, http.StatusTooManyRequests, a.status)
				require.Empty(t, a.header.Get("RateLimit"))
			}
			for target, method := range map[string]string{
				"/api/v1/registry/shop/instances/1/heartbeat": http.MethodPut, "/api/v1/registry/heartbeats": http.MethodPost,
			} {
				a := h.send(method, target, "not json", as(readerKey))
				require.Equal(t, http.StatusForbidden, a.status, a.body)
			}
		}
		require.Equal(t, http.StatusOK, h.send(http.MethodGet, listing, "", as(readerKey)).status)
		h.send(http.MethodGet, listing, "", as(readerKey)).requireProblem(429, "rate_limited")
	})
	t.Run("without a rate nothing is counted", func(t *testing.T) {
		t.Parallel()
		h, _ := newLimitedServer(t, rest.Limits{})
		for range 500 {
			a := h.send(http.MethodGet, listing, "", as(readerKey))
			require.Equal(t, http.StatusOK, a.status)
			require.Empty(t, a.header.Values("RateLimit"))
		}
	})
}

func TestAddressRates(t *testing.T) {
	t.Parallel()
	limits := rest.Limits{Address: limit.Rate{PerSecond: 2}}
	count := func(t *testing.T, h *testServer, addresses ...string) (accepted int) {
		t.Helper()
		for _, address := range addresses {
			if h.from(address, listing, as(readerKey)).status == http.StatusOK {
				accepted++
			}
		}
		return accepted
	}

	t.Run("an address counts with all its ports, keys and forms", func(t *testing.T) {
		t.Parallel()
		h, _ := newLimitedServer(t, limits)
		assert.Equal(t, 2, count(t, h, "192.0.2.1:1", "192.0.2.1:2", "[::ffff:192.0.2.1]:3", "192.0.2.1:4"))
		assert.Equal(t, 2, count(t, h, "192.0.2.2:1", "192.0.2.2:1", "192.0.2.2:1"))
	})
	t.Run("an IPv6 network of 64 bits counts as one address", func(t *testing.T) {
		t.Parallel()
		h, _ := newLimitedServer(t, limits)
		assert.Equal(t, 2, count(t, h, "[2001:db8::1]:1", "[2001:db8::ffff:1]:1", "[2001:db8::2]:1"))
		assert.Equal(t, 1, count(t, h, "[2001:db8:0:1::1]:1"))
		assert.Equal(t, 2, count(t, h, "[fe80::1%eth0]:1", "[fe80::2%eth1]:1", "[fe80::3]:1"))
	})
	t.Run("callers without a key count too, and so do those of pages", func(t *testing.T) {
		t.Parallel()
		h, _ := newLimitedServer(t, limits)
		h.from("192.0.2.1:1", listing, nil).requireProblem(401, "api_key_required")
		require.Equal(t, http.StatusOK, h.from("192.0.2.1:1", "/docs", nil).status)
		h.from("192.0.2.1:1", listing, nil).requireProblem(429, "rate_limited")
		h.from("192.0.2.1:1", "/docs", nil).requireProblem(429, "rate_limited")
		h.from("192.0.2.1:1", "/nothing", nil).requireProblem(429, "rate_limited")
	})
	t.Run("a trusted proxy names the address; another one is the address", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t, func(o *ginapi.Options) {
			o.Limits, o.Clock = limits, fixture.NewClock()
			o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}
		})
		for n := range 5 {
			headers := as(readerKey)
			headers.Set("X-Forwarded-For", "198.51.100."+strconv.Itoa(n))
			require.Equal(t, http.StatusOK, h.from("10.0.0.1:1", listing, headers).status)
		}
		for n := range 5 {
			headers := as(readerKey)
			headers.Set("X-Forwarded-For", "198.51.100."+strconv.Itoa(100+n))
			a := h.from("10.0.0.2:1", listing, headers)
			require.Equal(t, n < 2, a.status == http.StatusOK, "what a client writes itself is no address")
		}
	})
	t.Run("both limits are in the headers", func(t *testing.T) {
		t.Parallel()
		h, _ := newLimitedServer(t, rest.Limits{Key: limit.Rate{PerSecond: 10}, Address: limit.Rate{PerSecond: 20}})
		a := h.send(http.MethodGet, listing, "", as(readerKey))
		require.Equal(t, []string{`"address";q=20;w=1, "key";q=10;w=1`}, a.header.Values("RateLimit-Policy"))
		require.Equal(t, []string{`"address";r=19;t=1, "key";r=9;t=1`}, a.header.Values("RateLimit"))
	})
	t.Run("replicas share a limit", func(t *testing.T) {
		t.Parallel()
		h, _ := newLimitedServer(t, rest.Limits{Address: limit.Rate{PerSecond: 4}, Replicas: func() int { return 2 }})
		assert.Equal(t, 2, count(t, h, "192.0.2.1:1", "192.0.2.1:1", "192.0.2.1:1"))
	})
}

func TestFailedKeys(t *testing.T) {
	t.Parallel()
	limits := rest.Limits{FailedPerMinute: 10}

	t.Run("wrong keys of one id are limited, and then those of the address", func(t *testing.T) {
		t.Parallel()
		h, clock := newLimitedServer(t, limits)
		for range 5 {
			h.from("192.0.2.1:1", listing, as(wrongKey(t, "aaaaaaaa"))).requireProblem(401, "api_key_invalid")
		}
		a := h.from("192.0.2.1:1", listing, as(wrongKey(t, "aaaaaaaa")))
		a.requireProblem(http.StatusTooManyRequests, "rate_limited")
		require.Equal(t, "12", a.header.Get("Retry-After"))
		require.Equal(t, `"failed-key";q=5;w=60`, a.header.Get("RateLimit-Policy"))
		for n := range 5 {
			h.from("192.0.2.1:1", listing, as(wrongKey(t, "bbbbbbb"+strconv.Itoa(n)))).requireProblem(401, "api_key_invalid")
		}
		a = h.from("192.0.2.1:1", listing, as(wrongKey(t, "cccccccc")))
		a.requireProblem(http.StatusTooManyRequests, "rate_limited")
		require.Equal(t, `"failed-address";q=10;w=60`, a.header.Get("RateLimit-Policy"))
		h.from("192.0.2.2:1", listing, as(wrongKey(t, "aaaaaaaa"))).requireProblem(401, "api_key_invalid")
		clock.Move(time.Minute)
		h.from("192.0.2.1:1", listing, as(wrongKey(t, "aaaaaaaa"))).requireProblem(401, "api_key_invalid")
	})
	t.Run("no number of wrong keys refuses the right one", func(t *testing.T) {
		t.Parallel()
		h, _ := newLimitedServer(t, limits)
		h.access.holders[wrongKey(t, "readerky")] = h.access.holders[readerKey]
		right := wrongKey(t, "readerky")
		forged := right[:len(right)-7] + "x" + right[len(right)-6:]
		for n := range 200 {
			h.from("192.0.2.1:1", listing, as(wrongKey(t, "wrong"+strconv.Itoa(100+n))))
			h.from("192.0.2.1:1", listing, as(forged))
			require.Equal(t, http.StatusOK, h.from("192.0.2.1:1", listing, as(right)).status)
		}
		h.from("192.0.2.1:1", listing, as(forged)).requireProblem(429, "rate_limited")
	})
	t.Run("wrong keys use up no rate of their address", func(t *testing.T) {
		t.Parallel()
		h, _ := newLimitedServer(t, rest.Limits{FailedPerMinute: 10, Address: limit.Rate{PerSecond: 1}})
		for range 20 {
			h.from("192.0.2.1:1", listing, as("wrong"))
		}
		require.Equal(t, http.StatusOK, h.from("192.0.2.1:1", listing, as(readerKey)).status)
		h.from("192.0.2.1:1", listing, as(readerKey)).requireProblem(429, "rate_limited")
	})
	t.Run("keys of another form count as one id", func(t *testing.T) {
		t.Parallel()
		h, _ := newLimitedServer(t, limits)
		for n := range 5 {
			h.from("192.0.2.1:1", listing, as("wrong"+strconv.Itoa(n))).requireProblem(401, "api_key_invalid")
		}
		h.from("192.0.2.1:1", listing, as("wrong")).requireProblem(429, "rate_limited")
		h.from("192.0.2.1:1", listing, nil).requireProblem(401, "api_key_required")
	})
	t.Run("refused ones are not in the log at its usual level", func(t *testing.T) {
		t.Parallel()
		h, _ := newLimitedServer(t, rest.Limits{FailedPerMinute: 1})
		for range 20 {
			h.from("192.0.2.1:1", listing, as("wrong"))
		}
		assert.Equal(t, 1, h.logs.FilterMessage("request").FilterLevelExact(0).Len())
	})
	t.Run("with 0 they are not limited", func(t *testing.T) {
		t.Parallel()
		h, _ := newLimitedServer(t, rest.Limits{})
		for range 200 {
			h.from("192.0.2.1:1", listing, as("wrong")).requireProblem(401, "api_key_invalid")
		}
	})
}

func TestConcurrentRequests(t *testing.T) {
	t.Parallel()

	// occupied returns a server with one place, in which a request is being served.
	occupied := func(t *testing.T) (h *testServer, finish func()) {
		t.Helper()
		begun, end := make(chan struct{}), make(chan struct{})
		var others atomic.Bool
		h = acting(t, func(context.Context) error {
			if !others.Swap(true) {
				close(begun)
				<-end
			}
			return access.ErrForbidden
		}, func(o *ginapi.Options) { o.Limits = rest.Limits{Concurrent: 1} })
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.serve(requestOf(t, reads()[1], readerKey))
		}()
		<-begun
		return h, func() { close(end); <-done }
	}

	t.Run("a request beyond them is 503", func(t *testing.T) {
		t.Parallel()
		h, finish := occupied(t)
		a := h.send(http.MethodGet, listing, "", as(readerKey))
		a.requireProblem(http.StatusServiceUnavailable, "overloaded")
		require.Equal(t, "1", a.header.Get("Retry-After"))
		finish()
		h.send(http.MethodGet, listing, "", as(readerKey)).requireProblem(403, "forbidden")
	})
	t.Run("a client that reads slowly takes no place", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t, func(o *ginapi.Options) { o.Limits = rest.Limits{Concurrent: 1} })
		h.create("plain", "v", false)
		for _, target := range []string{listing, "/api/v1/config/plain" + inBilling, "/docs"} {
			read := h.slowly(http.MethodGet, target, "")
			require.Equal(t, http.StatusOK, h.send(http.MethodGet, listing, "", as(readerKey)).status, target)
			require.Equal(t, http.StatusOK, read().Code)
		}
	})
	t.Run("open streams and long polls take no place", func(t *testing.T) {
		t.Parallel()
		one := func(o *ginapi.Options) { o.Limits = rest.Limits{Concurrent: 1} }
		synctest.Test(t, func(t *testing.T) {
			h := newTestServer(t, one)
			polled := make(chan answer, 1)
			go func() { polled <- h.send(http.MethodGet, changesPath+"?wait=20s", "", as(readerKey)) }()
			synctest.Wait()
			require.Equal(t, http.StatusOK, h.send(http.MethodGet, listing, "", as(readerKey)).status)
			require.Equal(t, http.StatusOK, (<-polled).status)
		})
		h := newTestServer(t, one)
		_, opened := h.followStream(t, changesPath+"/stream", nil)
		require.Equal(t, http.StatusOK, opened.StatusCode)
		require.Equal(t, http.StatusOK, h.send(http.MethodGet, listing, "", as(readerKey)).status)
	})
	t.Run("probes, heartbeats and administrators are served", func(t *testing.T) {
		t.Parallel()
		h, finish := occupied(t)
		defer finish()
		require.Equal(t, http.StatusOK, h.send(http.MethodGet, "/livez", "", nil).status)
		h.send(http.MethodPost, "/api/v1/registry/heartbeats", "{}", as(readerKey)).requireProblem(403, "forbidden")
		h.send(http.MethodGet, listing, "", as(adminKey)).requireProblem(403, "forbidden")
	})
}

func requestOf(tb testing.TB, target, key string) *http.Request {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, target, nil)
	r.Header = as(key)
	return r
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Strict-Transport-Security": "",
	}

	t.Run("every response has them", func(t *testing.T) {
		t.Parallel()
		h := newTestServer(t)
		for _, target := range []string{"/", "/health", "/livez", "/nothing", listing, "/openapi.json", "/api/v1/config/x/y"} {
			for _, headers := range []http.Header{nil, as(readerKey)} {
				a := h.send(http.MethodGet, target, "", headers)
				for name, value := range want {
					require.Equal(t, value, a.header.Get(name), "%s of %s", name, target)
				}
			}
		}
	})
	t.Run("the page of the documentation loads its own parts, and is shown in no frame", func(t *testing.T) {
		t.Parallel()
		a := newTestServer(t).send(http.MethodGet, "/docs", "", nil)
		require.Equal(t, "DENY", a.header.Get("X-Frame-Options"))
		require.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"))
		policy := a.header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} {
			require.Contains(t, policy, part)
		}
		require.NotContains(t, a.body, "<script>", "scripts are not inline")
	})
	t.Run("with TLS browsers stay with it", func(t *testing.T) {
		t.Parallel()
		r := requestOf(t, listing, readerKey)
		r.TLS = &tls.ConnectionState{}
		require.Equal(t, "max-age=31536000", newTestServer(t).serve(r).header.Get("Strict-Transport-Security"))
	})
}
