package httpprobe_test

import (
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/httpprobe"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

func get(target string) health.Probe {
	return health.Probe{
		Kind: health.HTTP, URL: target, Host: host(target), Method: http.MethodGet,
		Expect: []health.Range{{First: 200, Last: 299}}, Timeout: time.Minute,
	}
}

func host(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		panic(err)
	}
	return u.Hostname()
}

func TestHTTP(t *testing.T) {
	t.Parallel()

	t.Run("a redirect to a metadata address is not followed", func(t *testing.T) {
		t.Parallel()
		port := listen(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusTemporaryRedirect)
		})
		result := httpprobe.New(httpprobe.Options{Allow: everything()}).Probe(t.Context(), get("http://127.0.0.1:"+port))
		assert.Equal(t, health.WrongStatus, result.Failed)
		assert.Equal(t, http.StatusTemporaryRedirect, result.Code)
	})
	t.Run("checks send a user agent, and no credentials, cookies or persistent connections", func(t *testing.T) {
		t.Parallel()
		seen := make(chan *http.Request, 2)
		port := listen(t, func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
			seen <- r
		})
		p := httpprobe.New(httpprobe.Options{Allow: everything()})
		for range 2 {
			require.True(t, p.Probe(t.Context(), get("http://user:password@127.0.0.1:"+port+"/ready?x=1")).Passed())
			r := <-seen
			assert.Equal(t, "/ready?x=1", r.RequestURI)
			assert.Equal(t, http.Header{"User-Agent": {"signalbox-health-check/1"}, "Connection": {"close"}}, r.Header)
		}
	})
	t.Run("a trusted certificate passes, over HTTP/2", func(t *testing.T) {
		t.Parallel()
		protocols := make(chan string, 1)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			protocols <- r.Proto
			for line := []byte(strings.Repeat("x", 1<<10)); ; {
				if _, err := w.Write(line); err != nil {
					return
				}
			}
		}))
		server.EnableHTTP2 = true
		server.StartTLS()
		t.Cleanup(server.Close)
		roots := x509.NewCertPool()
		roots.AddCert(server.Certificate())
		p := httpprobe.New(httpprobe.Options{Allow: everything()})
		p.TrustForTest(roots)
		assert.Equal(t, health.Result{Code: http.StatusOK}, untimed(p.Probe(t.Context(), get(server.URL))))
		assert.Equal(t, "HTTP/2.0", <-protocols)
	})
	t.Run("a certificate for another name is Untrusted", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewTLSServer(http.HandlerFunc(fine))
		t.Cleanup(server.Close)
		roots := x509.NewCertPool()
		roots.AddCert(server.Certificate())
		p := httpprobe.New(httpprobe.Options{
			Allow: everything(), Resolver: resolverWith(map[string][][]string{"shop": {{"127.0.0.1"}}}),
		})
		p.TrustForTest(roots)
		_, port, err := net.SplitHostPort(server.Listener.Addr().String())
		require.NoError(t, err)
		assert.Equal(t, health.Untrusted, p.Probe(t.Context(), get("https://shop.internal:"+port)).Failed)
	})
}

// untimed returns a result without its latency.
func untimed(r health.Result) health.Result {
	r.Latency, r.Dialled = 0, netip.Addr{}
	return r
}

// The environment is global: this test is not parallel.
func TestProxiesOfTheEnvironmentAreIgnored(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the proxy was used for %s", r.URL)
	}))
	t.Cleanup(proxy.Close)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "grpc_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	// Loopback is never proxied, so the target is a name.
	proxyURL, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "http", Host: "shop.example"}})
	require.NoError(t, err)
	require.NotNil(t, proxyURL, "the variables were read before")
	p := httpprobe.New(httpprobe.Options{
		Allow:    []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Resolver: resolverWith(map[string][][]string{"shop": {{"169.254.169.254"}}}),
	})
	assert.Equal(t, health.Forbidden, p.Probe(t.Context(), get("https://shop.example/")).Failed)
	each(t, p, health.Forbidden, "shop.example", "80")
}
